/** Edits of YAML text that leave every other byte of it as it is: comments, order, columns, quoting. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parse, parseDocument, type Document, type Pair, type Scalar, type YAMLMap } from 'yaml';

export type Edited =
  | { readonly kind: 'edited'; readonly text: string }
  /** `exists`, `missing`: a client of that name. `unreadable`: the file is no YAML that can be edited; `cause` says why. */
  | { readonly kind: 'exists' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly cause: string };

/** A piece of the text to be replaced; an insertion where `start` is `end`. */
export type Splice = { readonly start: number; readonly end: number; readonly text: string };
export type Change = {
  /** On the tree: what the file must mean afterwards. */
  readonly apply: (document: Document) => void;
  /** On the text, as little as possible; null: the file is written in a way that this does not know. */
  readonly splices: (source: Source) => readonly Splice[] | null;
};
export type Source = { readonly text: string; readonly document: Document };

/** By splices where those come out as what is wanted, else written anew. */
export function edit(
  text: string,
  change: Change & { readonly refuse: (document: Document) => 'exists' | 'missing' | null },
): Edited {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) return { kind: 'unreadable', cause: fault.message };
  if (!isMap(document.contents)) return { kind: 'unreadable', cause: 'expected keys, such as hostname: …' };
  const refused = change.refuse(document);
  if (refused !== null) return { kind: refused };
  const splices = change.splices({ text, document });
  change.apply(document);
  const wanted: unknown = document.toJS();
  if (splices !== null) {
    const spliced = withSplices(text, splices);
    if (means(spliced, wanted)) return { kind: 'edited', text: spliced };
  }
  // Written in a rare way: the library writes the file anew, which keeps comments but not the columns.
  return { kind: 'edited', text: document.toString({ lineWidth: 0 }) };
}

function means(text: string, wanted: unknown): boolean {
  const document = parseDocument(text);
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), wanted);
}

function withSplices(text: string, splices: readonly Splice[]): string {
  let result = text;
  for (const splice of splices.toSorted((left, right) => right.start - left.start))
    result = result.slice(0, splice.start) + splice.text + result.slice(splice.end);
  return result;
}

/** An entry before the others of a map that has some; null: it is written in a way that this does not know. */
export function insertFirst(text: string, map: YAMLMap, entry: string): readonly Splice[] | null {
  const first = map.items[0];
  const place = first === undefined ? null : placeOf(first);
  if (place === null) return null;
  const separator = map.flow === true ? ', ' : `\n${indentAt(text, place.start)}`;
  return [{ start: place.start, end: place.start, text: entry + separator }];
}

/** The same behind the others. */
export function insertLast(text: string, map: YAMLMap, entry: string): readonly Splice[] | null {
  const last = map.items.at(-1);
  const place = last === undefined ? null : placeOf(last);
  if (place === null) return null;
  if (map.flow === true) return [{ start: place.end, end: place.end, text: `, ${entry}` }];
  const end = lineEnd(text, place.end);
  const before = text.slice(0, end).endsWith('\n') ? '' : '\n';
  return [{ start: end, end, text: `${before}${indentAt(text, place.start)}${entry}\n` }];
}

/** A key at the top. */
export function pairAt(document: Document, name: string): Pair | undefined {
  return isMap(document.contents) ? document.contents.items.find((pair) => keyOf(pair)?.value === name) : undefined;
}

export function keyOf(pair: Pair | undefined): Scalar | null {
  return isScalar(pair?.key) ? pair.key : null;
}

/** From the first byte of the key to the last of the value. */
export function placeOf(pair: Pair): { readonly start: number; readonly end: number } | null {
  const start = keyOf(pair)?.range?.[0];
  const value = pair.value as { readonly range?: readonly [number, number, number] | null } | null;
  const end = value?.range?.[1] ?? keyOf(pair)?.range?.[1];
  return start === undefined || end === undefined ? null : { start, end };
}

/** After the line feed that ends the line of `at`; a value that ends with its line feed ends there. */
export function lineEnd(text: string, at: number): number {
  if (at > 0 && text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

function indentAt(text: string, at: number): string {
  return ' '.repeat(at - (text.lastIndexOf('\n', at - 1) + 1));
}

/** In one line, with braces and brackets. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'string') return scalarText(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  if (entries.length === 0) return '{}';
  return `{ ${entries.map(([key, one]) => `${scalarText(key)}: ${flowText(one)}`).join(', ')} }`;
}

/** In quotes where plain text would be read as something else, such as `no`, `1.5` or `*@example.com`. */
export function scalarText(text: string): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text) && parse(text) === text;
  return isPlain && !/^(?:y|n|yes|no|on|off)$/i.test(text) ? text : JSON.stringify(text);
}
