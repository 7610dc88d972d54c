/** Edits of the policy file's text that leave every other byte of it as it is: comments, order, columns, quoting. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parse, parseDocument, type Document, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { PolicyInput } from '../policy/schema.ts';

export type ClientInput = NonNullable<PolicyInput['clients']>[string];

export type Edited =
  | { readonly kind: 'edited'; readonly text: string }
  /** `exists`, `missing`: a client of that name. `unreadable`: the file is no YAML that can be edited; `cause` says why. */
  | { readonly kind: 'exists' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly cause: string };

/** A piece of the text to be replaced; an insertion where `start` is `end`. */
type Splice = { readonly start: number; readonly end: number; readonly text: string };
type Change = {
  /** On the tree: what the file must mean afterwards. */
  readonly apply: (document: Document) => void;
  /** On the text, as little as possible; null: the file is written in a way that this does not know. */
  readonly splices: (source: Source) => readonly Splice[] | null;
};
type Source = { readonly text: string; readonly document: Document };

/** Below the clients that are there; makes `clients` where there is none. */
export function addClient(text: string, name: string, client: ClientInput): Edited {
  const entry = `${scalarText(name)}: ${flowText(client)}`;
  return edit(text, {
    refuse: (document) => (document.hasIn(['clients', name]) ? 'exists' : null),
    apply: (document) => {
      if (!isMap(document.get('clients', true))) document.set('clients', document.createNode({}));
      document.setIn(['clients', name], document.createNode(client));
    },
    splices: (source) => insertClient(source, entry),
  });
}

/** @param hash as `hashPassword` makes it */
export function setClientPassword(text: string, name: string, hash: string): Edited {
  return edit(text, {
    refuse: (document) => (document.hasIn(['clients', name]) ? null : 'missing'),
    apply: (document) => document.setIn(['clients', name, 'password'], hash),
    splices: ({ text: source, document }) => {
      const client = document.getIn(['clients', name], true);
      if (!isMap(client)) return null;
      const password = client.get('password', true);
      const written = `password: ${scalarText(hash)}`;
      if (password === undefined) return insertFirst(source, client, written);
      const range = isScalar(password) && password.anchor === undefined ? password.range : null;
      return range ? [{ start: range[0], end: range[1], text: scalarText(hash) }] : null;
    },
  });
}

/** With everything that is written in it; comments above it stay. */
export function removeClient(text: string, name: string): Edited {
  return edit(text, {
    refuse: (document) => (document.hasIn(['clients', name]) ? null : 'missing'),
    apply: (document) => {
      document.deleteIn(['clients', name]);
    },
    splices: ({ text: source, document }) => {
      const clients = document.get('clients', true);
      if (!isMap(clients) || clients.flow === true) return null;
      const pair = clients.items.find((one) => keyOf(one)?.value === name);
      const place = pair === undefined ? null : placeOf(pair);
      if (place === null) return null;
      const start = source.lastIndexOf('\n', place.start - 1) + 1;
      const cut = { start, end: lineEnd(source, place.end), text: '' };
      if (clients.items.length > 1) return [cut];
      // A map without entries has no other form.
      const key = keyOf(pairAt(document, 'clients'));
      const colon = key?.range ? source.indexOf(':', key.range[1]) : -1;
      return colon === -1 ? null : [{ start: colon + 1, end: colon + 1, text: ' {}' }, cut];
    },
  });
}

/** Sets `preset`; the line that has it, or a new one at the end. @param name null: none */
export function setPreset(text: string, name: string | null): Edited {
  const value = name ?? 'null';
  return edit(text, {
    refuse: () => null,
    apply: (document) => document.set('preset', name),
    splices: ({ text: source, document }) => {
      const pair = pairAt(document, 'preset');
      if (pair === undefined) {
        const separator = source === '' || source.endsWith('\n') ? '' : '\n';
        return [{ start: source.length, end: source.length, text: `${separator}preset: ${value}\n` }];
      }
      if (!isScalar(pair.value) || pair.value.anchor !== undefined) return null;
      const range = pair.value.range;
      const key = keyOf(pair)?.range;
      if (!range || !key) return null;
      if (range[0] !== range[1]) return [{ start: range[0], end: range[1], text: value }];
      const colon = source.indexOf(':', key[1]) + 1;
      return [{ start: colon, end: colon, text: ` ${value}` }];
    },
  });
}

/** The line of a client as it stands below `clients:`. */
export function clientLine(name: string, client: ClientInput): string {
  return `  ${scalarText(name)}: ${flowText(client)}\n`;
}

function edit(
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

function insertClient({ text, document }: Source, entry: string): readonly Splice[] | null {
  const pair = pairAt(document, 'clients');
  if (pair === undefined) {
    const separator = text.endsWith('\n') ? '' : '\n';
    return [{ start: text.length, end: text.length, text: `${separator}clients:\n  ${entry}\n` }];
  }
  const value = pair.value;
  const key = keyOf(pair);
  if (isMap(value) && value.items.length > 0) return insertLast(text, value, entry);
  if (!key?.range) return null;
  const end = lineEnd(text, key.range[1]);
  const line = { start: end, end, text: `${text.slice(0, end).endsWith('\n') ? '' : '\n'}  ${entry}\n` };
  if (isMap(value) && value.range) return [{ start: value.range[0], end: value.range[1], text: '' }, line];
  return isScalar(value) && value.value === null ? [line] : null;
}

function insertFirst(text: string, map: YAMLMap, entry: string): readonly Splice[] | null {
  const first = map.items[0];
  const place = first === undefined ? null : placeOf(first);
  if (place === null) return null;
  const separator = map.flow === true ? ', ' : `\n${indentAt(text, place.start)}`;
  return [{ start: place.start, end: place.start, text: entry + separator }];
}

function insertLast(text: string, map: YAMLMap, entry: string): readonly Splice[] | null {
  const last = map.items.at(-1);
  const place = last === undefined ? null : placeOf(last);
  if (place === null) return null;
  if (map.flow === true) return [{ start: place.end, end: place.end, text: `, ${entry}` }];
  const end = lineEnd(text, place.end);
  const before = text.slice(0, end).endsWith('\n') ? '' : '\n';
  return [{ start: end, end, text: `${before}${indentAt(text, place.start)}${entry}\n` }];
}

function pairAt(document: Document, name: string): Pair | undefined {
  return isMap(document.contents) ? document.contents.items.find((pair) => keyOf(pair)?.value === name) : undefined;
}

function keyOf(pair: Pair | undefined): Scalar | null {
  return isScalar(pair?.key) ? pair.key : null;
}

/** From the first byte of the key to the last of the value. */
function placeOf(pair: Pair): { readonly start: number; readonly end: number } | null {
  const start = keyOf(pair)?.range?.[0];
  const value = pair.value as { readonly range?: readonly [number, number, number] | null } | null;
  const end = value?.range?.[1] ?? keyOf(pair)?.range?.[1];
  return start === undefined || end === undefined ? null : { start, end };
}

/** After the line feed that ends the line of `at`; a value that ends with its line feed ends there. */
function lineEnd(text: string, at: number): number {
  if (at > 0 && text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

function indentAt(text: string, at: number): string {
  return ' '.repeat(at - (text.lastIndexOf('\n', at - 1) + 1));
}

function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'string') return scalarText(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{ ${entries.map(([key, one]) => `${scalarText(key)}: ${flowText(one)}`).join(', ')} }`;
}

/** In quotes where plain text would be read as something else, such as `no`, `1.5` or `*@example.com`. */
function scalarText(text: string): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text) && parse(text) === text;
  return isPlain && !/^(?:y|n|yes|no|on|off)$/i.test(text) ? text : JSON.stringify(text);
}
