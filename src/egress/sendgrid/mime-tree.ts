/** How a MIME message is put together (RFC 2045, RFC 2046), without decoding anything. Pure; within bounds, whatever is in it. */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, unfoldedValue } from '../../message/header.ts';

export type MimeNode = {
  /** Lower case, without parameters: `text/html`. Where none is given, `text/plain` (RFC 2045 §5.2). */
  readonly type: string;
  /** Of Content-Type: names in lower case. Those that RFC 2231 splits or encodes are under their bare name, as they stand. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Lower case; null: there is no Content-Disposition. */
  readonly disposition: string | null;
  /** It has a file name, in whatever form. */
  readonly isNamed: boolean;
  /** Lower case; `7bit` where none is given. */
  readonly encoding: string;
  readonly fields: readonly HeaderField[];
  /** As it stands in the message, transfer encoding and all. */
  readonly body: Buffer;
  /** Of a multipart; empty for anything else. */
  readonly children: readonly MimeNode[];
};

/** `broken`: a multipart without a boundary, or that does not end; `why` is a phrase. */
export type MimeTree =
  | { readonly kind: 'tree'; readonly root: MimeNode }
  | { readonly kind: 'broken'; readonly why: string };

const MOST_DEPTH = 8;
const MOST_PARTS = 250;
/** Of one parameterised field. */
const MOST_VALUE = 4_000;

class Broken extends Error {}

/** @param message every line ends with CR LF */
export function mimeTreeOf(message: Buffer): MimeTree {
  const count = { left: MOST_PARTS };
  try {
    return { kind: 'tree', root: nodeOf(message, 0, count) };
  } catch (error) {
    if (error instanceof Broken) return { kind: 'broken', why: error.message };
    throw error;
  }
}

function nodeOf(bytes: Buffer, depth: number, count: { left: number }): MimeNode {
  count.left -= 1;
  if (depth > MOST_DEPTH) throw new Broken(`it has parts more than ${MOST_DEPTH} levels deep`);
  if (count.left < 0) throw new Broken(`it has more than ${MOST_PARTS} parts`);
  const bodyAt = bodyOffsetOf(bytes);
  const { fields } = parseHeaderBlock(bytes.subarray(0, bodyAt));
  const content = parameterised(valueOf(fields, 'content-type'));
  const placed = parameterised(valueOf(fields, 'content-disposition'));
  const body = bytes.subarray(bodyAt);
  const type = /^[^\s/]+\/[^\s/]+$/.test(content.value) ? content.value : 'text/plain';
  const node = {
    type,
    parameters: content.parameters,
    disposition: placed.value === '' ? null : placed.value,
    isNamed: content.parameters.has('name') || placed.parameters.has('filename'),
    encoding: (valueOf(fields, 'content-transfer-encoding') || '7bit').toLowerCase(),
    fields,
    body,
  };
  if (!type.startsWith('multipart/')) return { ...node, children: [] };
  const boundary = content.parameters.get('boundary');
  if (boundary === undefined || boundary === '') throw new Broken('it has a multipart without a boundary');
  return { ...node, children: split(body, boundary).map((part) => nodeOf(part, depth + 1, count)) };
}

function valueOf(fields: readonly HeaderField[], name: string): string {
  const field = fields.find((one) => one.name === name);
  return field === undefined ? '' : unfoldedValue(field).slice(0, MOST_VALUE);
}

const PARAMETER = /;[ \t]*([!#$%&+.^_`|~0-9A-Za-z*'-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;

/** `a/b; c=d` in its pieces; what is no parameter is passed over. */
function parameterised(text: string): { readonly value: string; readonly parameters: ReadonlyMap<string, string> } {
  const value = /^[^;\s]*/.exec(text)?.[0].toLowerCase() ?? '';
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, bare] of text.matchAll(PARAMETER)) {
    // RFC 2231 §3, §4: `filename*0*=`.
    const plain = name.toLowerCase().replace(/\*.*$/, '');
    const given = quoted === undefined ? (bare ?? '') : quoted.replace(/\\(.)/g, '$1');
    if (!parameters.has(plain)) parameters.set(plain, given);
  }
  return { value, parameters };
}

/** Each part's bytes between two delimiters (RFC 2046 §5.1.1). */
function split(body: Buffer, boundary: string): Buffer[] {
  const parts: Buffer[] = [];
  const delimiter = Buffer.from(`\r\n--${boundary.trimEnd()}`, 'latin1');
  // The first may begin the body, without a line end of its own.
  const isFirst = body.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2));
  let at = isFirst ? -2 : delimiterFrom(body, delimiter, 0);
  while (at !== null) {
    const after = at + delimiter.length;
    if (body.toString('latin1', after, after + 2) === '--') return parts;
    const lineEnd = body.indexOf('\r\n', after);
    if (lineEnd === -1) break;
    // That line end may begin the next one: an empty part.
    at = delimiterFrom(body, delimiter, lineEnd);
    if (at !== null) parts.push(body.subarray(lineEnd + 2, Math.max(lineEnd + 2, at)));
    if (parts.length > MOST_PARTS) throw new Broken(`it has more than ${MOST_PARTS} parts`);
  }
  throw new Broken('it has a multipart that does not end');
}

/** A line that only begins like the delimiter is none: `--b1` where the boundary is `b`. */
function delimiterFrom(body: Buffer, delimiter: Buffer, from: number): number | null {
  let at = body.indexOf(delimiter, from);
  while (at !== -1) {
    const after = at + delimiter.length;
    if (after === body.length || /^(?:--|[ \t]|\r\n)/.test(body.toString('latin1', after, after + 2))) return at;
    at = body.indexOf(delimiter, after);
  }
  return null;
}
