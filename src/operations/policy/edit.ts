/** Edits of the policy file's text that leave every other byte of it as it is: comments, order, columns, quoting. */
import { isMap, isScalar } from 'yaml';
import type { PolicyInput } from '../../policy/schema.ts';
import {
  edit,
  type Edited,
  flowText,
  insertFirst,
  insertLast,
  keyOf,
  lineEnd,
  pairAt,
  placeOf,
  scalarText,
  type Source,
  type Splice,
} from './yaml-splice.ts';

export type ClientInput = NonNullable<PolicyInput['clients']>[string];

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
