/** Where in a policy's text somebody types: found by indentation alone, for a text in the middle of an edit is often no YAML. Pure. */
import type { Path } from './problem.ts';

export type Caret = {
  /** What is being written: the keys and places above it, and for a value its own key or place. */
  readonly path: Path;
  /** `key`: the name of a key of the mapping at `path`; `value`: the value at `path`. `either`: a list's element at `path` begins here. */
  readonly what: 'key' | 'value' | 'either';
  /** What is there of it already, up to the caret. */
  readonly typed: string;
  /** Column of its first character, from 1. */
  readonly column: number;
  /** Inside `{ }` or `[ ]`. */
  readonly isFlow: boolean;
  /** Keys below it stand so many spaces in. */
  readonly indent: number;
};

type Line = {
  /** Columns (from 0) of the dashes that begin it. */
  readonly dashes: readonly number[];
  /** Where what follows the dashes begins. */
  readonly start: number;
  readonly content: string;
};

const KEY = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#:,[\]{}&*!|>'"%@`-][^#:]*?|-[^\s:][^:]*?)\s*:(?:\s+(.*))?$/s;

/** @param line from 1; @param column from 1: the caret is before this character. null: in a comment or a quoted text of several lines */
export function caretAt(
  text: string,
  { line, column }: { readonly line: number; readonly column: number },
): Caret | null {
  const lines = text.split('\n');
  const typed = (lines[line - 1] ?? '').slice(0, column - 1);
  if (isComment(typed)) return null;
  const here = lineOf(typed);
  const above = lines.slice(0, line - 1);
  const key = KEY.exec(here.content);
  const path = pathOf(above, here);
  if (key === null) {
    const flow = flowOf(here.content);
    if (flow !== null) return flowCaret({ path, flow, column, indent: here.start });
    const what = here.dashes.length > 0 ? 'either' : 'key';
    return { path, what, typed: here.content, column: here.start + 1, isFlow: false, indent: here.start };
  }
  const [, name = '', value = ''] = key;
  const below = [...path, unquoted(name)];
  const flow = flowOf(value);
  if (flow !== null) return flowCaret({ path: below, flow, column, indent: here.start });
  return { path: below, what: 'value', typed: value, column: column - value.length, isFlow: false, indent: here.start };
}

function isComment(typed: string): boolean {
  return /(?:^|\s)#/.test(typed.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, ''));
}

function lineOf(text: string): Line {
  const dashes: number[] = [];
  let at = text.length - text.trimStart().length;
  while (text[at] === '-' && (text[at + 1] === ' ' || at + 1 === text.length)) {
    dashes.push(at);
    at++;
    while (text[at] === ' ') at++;
  }
  return { dashes, start: at, content: text.slice(at) };
}

/** The keys and places above, from the lines that stand further out. */
function pathOf(above: readonly string[], here: Line): Path {
  const path: (string | number)[] = [];
  /** What stands at this column or further in is beside or below what was found last. */
  let bound = here.start;
  for (const dash of here.dashes.toReversed()) {
    path.unshift(placeIn(above, dash));
    bound = dash;
  }
  let isList = here.dashes.length > 0;
  for (let row = above.length - 1; row >= 0 && bound >= 0; row--) {
    const text = (above[row] ?? '').replace(/\s+$/, '');
    if (text.trim() === '' || text.trimStart().startsWith('#')) continue;
    const line = lineOf(text);
    const name = KEY.exec(line.content)?.[1];
    // The key of a list may stand as far in as its dashes do.
    const isAbove = line.start < bound || (isList && line.dashes.length === 0 && line.start === bound);
    if (name !== undefined && isAbove) {
      path.unshift(unquoted(name));
      bound = line.start;
      isList = false;
    }
    for (const dash of line.dashes.toReversed()) {
      if (dash >= bound) continue;
      path.unshift(placeIn(above.slice(0, row), dash));
      bound = dash;
      isList = true;
    }
    if (bound === 0 && !isList) break;
  }
  return path;
}

/** How many elements of the same list stand before this dash. */
function placeIn(above: readonly string[], dash: number): number {
  let count = 0;
  for (const text of above.toReversed()) {
    if (text.trim() === '' || text.trimStart().startsWith('#')) continue;
    const { dashes, start } = lineOf(text);
    if (dashes.includes(dash)) count++;
    else if (Math.min(start, ...dashes) <= dash) break;
  }
  return count;
}

type Flow = { readonly path: Path; readonly isList: boolean; readonly key: string | null; readonly typed: string };

/** What is open of `{ a: 1, b: [x, y`; null: no bracket is. */
function flowOf(text: string): Flow | null {
  if (!/^[[{]/.test(text)) return null;
  const open: { isList: boolean; key: string | null; place: number }[] = [];
  let typed = '';
  for (const token of text.match(/"(?:[^"\\]|\\.)*"?|'[^']*'?|[[\]{},]|:(?=\s|$)|[^[\]{},:"']+|:/g) ?? []) {
    const inner = open.at(-1);
    if (token === '{' || token === '[') open.push({ isList: token === '[', key: null, place: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',' && inner !== undefined) {
      inner.key = null;
      inner.place++;
    } else if (token === ':' && inner !== undefined && !inner.isList) inner.key = unquoted(typed.trim());
    else {
      typed += token;
      continue;
    }
    typed = '';
  }
  const last = open.at(-1);
  if (last === undefined) return null;
  const path = open.slice(0, -1).map(({ isList, key, place }) => (isList ? place : (key ?? '')));
  const own = last.isList ? [...path, last.place] : path;
  return { path: own, isList: last.isList, key: last.key, typed: typed.trimStart() };
}

function flowCaret(of: {
  readonly path: Path;
  readonly flow: Flow;
  readonly column: number;
  readonly indent: number;
}): Caret {
  const { isList, key, typed } = of.flow;
  const path = [...of.path, ...of.flow.path, ...(key === null ? [] : [key])];
  const what = key !== null || isList ? 'value' : 'key';
  return { path, what, typed, column: of.column - typed.length, isFlow: true, indent: of.indent };
}

function unquoted(name: string): string {
  return /^(["']).*\1$/.test(name) ? name.slice(1, -1) : name;
}
