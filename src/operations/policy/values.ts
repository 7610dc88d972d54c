/** Sets single values of the policy's text, wherever they stand or should stand, and leaves every other byte of it. */
import { type Document, isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import {
  edit,
  type Edited,
  flowText,
  insertLast,
  keyOf,
  lineEnd,
  placeOf,
  scalarText,
  type Source,
  type Splice,
} from './yaml-splice.ts';

export type ValueChange = {
  readonly path: readonly string[];
  /** undefined: the key is taken away. */
  readonly value: unknown;
};

/** One after the other; the first that cannot be made ends it. */
export function setValues(text: string, changes: readonly ValueChange[]): Edited {
  let edited: Edited = { kind: 'edited', text };
  for (const change of changes) {
    if (edited.kind !== 'edited') break;
    edited = setValue(edited.text, change);
  }
  return edited;
}

function setValue(text: string, { path, value }: ValueChange): Edited {
  return edit(text, {
    refuse: () => null,
    apply: (document) => {
      if (value === undefined) deleteAt(document, path);
      else setAt(document, path, value);
    },
    splices: (source) => (value === undefined ? cut(source, path) : written(source, path, value)),
  });
}

function deleteAt(document: Document, path: readonly string[]): void {
  if (document.hasIn(path)) document.deleteIn(path);
}

/** What stands in the way of a map, such as nothing after a colon, is replaced by one. */
function setAt(document: Document, path: readonly string[], value: unknown): void {
  for (let length = 1; length < path.length; length++) {
    const above = path.slice(0, length);
    if (!isMap(document.getIn(above, true))) document.setIn(above, document.createNode({}));
  }
  document.setIn(path, document.createNode(value));
}

function written({ text, document }: Source, path: readonly string[], value: unknown): readonly Splice[] | null {
  const found = deepest(document, path);
  if (found === null) return null;
  const { map, depth } = found;
  const [key = '', ...below] = path.slice(depth);
  const pair = pairIn(map, key);
  if (pair !== undefined && below.length === 0) return replaced(text, pair, value);
  const entry = below.reduceRight((inner: unknown, name) => ({ [name]: inner }), value);
  if (pair !== undefined) return filled(text, pair, entry);
  if (map.items.length > 0) return insertLast(text, map, entryText({ key, value: entry, isTop: depth === 0 }));
  return null;
}

/** A mapping at the top has its keys on lines of their own. */
function entryText({
  key,
  value,
  isTop,
}: {
  readonly key: string;
  readonly value: unknown;
  readonly isTop: boolean;
}): string {
  if (!isTop || typeof value !== 'object' || value === null) return `${scalarText(key)}: ${flowText(value)}`;
  if (Array.isArray(value) && value.length > 0)
    return `${scalarText(key)}:${value.map((one) => `\n  - ${flowText(one)}`).join('')}`;
  if (Array.isArray(value)) return `${scalarText(key)}: []`;
  const lines = Object.entries(value).map(([name, one]) => `\n  ${scalarText(name)}: ${flowText(one)}`);
  return `${scalarText(key)}:${lines.join('')}`;
}

/** The innermost mapping on the way. */
function deepest(
  document: Document,
  path: readonly string[],
): { readonly map: YAMLMap; readonly depth: number } | null {
  if (!isMap(document.contents)) return null;
  let map: YAMLMap = document.contents;
  for (let depth = 0; ; depth++) {
    const next = depth < path.length - 1 ? pairIn(map, path[depth] ?? '')?.value : null;
    if (!isMap(next)) return { map, depth };
    map = next;
  }
}

function pairIn(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find((pair) => keyOf(pair)?.value === name);
}

function replaced(text: string, pair: Pair, value: unknown): readonly Splice[] | null {
  const key = keyOf(pair)?.range;
  const node = pair.value as {
    readonly range?: readonly [number, number, number] | null;
    readonly anchor?: string;
  } | null;
  if (!key || node?.anchor !== undefined) return null;
  const range = node?.range ?? null;
  const isEmpty = range === null || range[0] === range[1];
  if (isEmpty) {
    const colon = text.indexOf(':', key[1]) + 1;
    return [{ start: colon, end: colon, text: ` ${flowText(value)}` }];
  }
  // What was a block of several lines becomes one, at the place of its first.
  const last = text.slice(range[0], range[1]).endsWith('\n') ? '\n' : '';
  return [{ start: range[0], end: range[1], text: `${flowText(value)}${last}` }];
}

/** `limits:` without anything behind it gets its first line. */
function filled(text: string, pair: Pair, entry: unknown): readonly Splice[] | null {
  const key = keyOf(pair)?.range;
  const isNothing =
    pair.value === null || (isScalar(pair.value) && pair.value.value === null && pair.value.source === '');
  const isEmptyMap = isMap(pair.value) && pair.value.items.length === 0;
  if (!key || typeof entry !== 'object' || entry === null || Array.isArray(entry)) return null;
  const [[name, value] = ['', undefined]] = Object.entries(entry);
  if (isNothing) {
    const end = lineEnd(text, key[1]);
    const column = key[0] - (text.lastIndexOf('\n', key[0] - 1) + 1);
    const before = text.slice(0, end).endsWith('\n') ? '' : '\n';
    return [{ start: end, end, text: `${before}${' '.repeat(column + 2)}${scalarText(name)}: ${flowText(value)}\n` }];
  }
  const range = isEmptyMap ? (pair.value as YAMLMap).range : null;
  return range ? [{ start: range[0], end: range[1], text: flowText(entry) }] : null;
}

function cut({ text, document }: Source, path: readonly string[]): readonly Splice[] | null {
  if (!document.hasIn(path)) return [];
  const map = document.getIn(path.slice(0, -1), true) ?? document.contents;
  if (!isMap(map) || map.flow === true || map.items.length < 2) return null;
  const pair = pairIn(map, path.at(-1) ?? '');
  const place = pair === undefined ? null : placeOf(pair);
  if (place === null) return null;
  return [{ start: text.lastIndexOf('\n', place.start - 1) + 1, end: lineEnd(text, place.end), text: '' }];
}
