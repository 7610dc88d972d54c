/** The parts of a MIME message (RFC 2046 §5.1), as far as bounces need them: within bounds, whatever a stranger sends. */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, unfoldedValue } from '../message/header.ts';

/** Reports say what they say at their start; what is returned with them comes last and may be of any size. */
const MOST_BYTES = 256 * 1024;
const MOST_DEPTH = 10;
const MOST_PARTS = 200;

export type MimePart = {
  /** Lower case, without parameters: `message/delivery-status`. */
  readonly type: string;
  readonly fields: readonly HeaderField[];
  /** As it stands in the message, transfer encoding and all. */
  readonly body: Buffer;
};

/**
 * The message itself, then every part of it in order, the inside of multiparts included. Looks at the first 256 KB, ten
 * levels deep and 200 parts wide; a multipart that does not end there is read as far as it goes.
 * @param message every line ends with CR LF
 */
export function mimePartsOf(message: Buffer): readonly MimePart[] {
  const found: MimePart[] = [];
  collect(message.subarray(0, MOST_BYTES), 0, found);
  return found;
}

function collect(bytes: Buffer, depth: number, found: MimePart[]): void {
  if (depth > MOST_DEPTH || found.length >= MOST_PARTS) return;
  const bodyAt = bodyOffsetOf(bytes);
  const { fields } = parseHeaderBlock(bytes.subarray(0, bodyAt));
  const { type, boundary } = contentTypeOf(fields);
  const body = bytes.subarray(bodyAt);
  found.push({ type, fields, body });
  if (!type.startsWith('multipart/') || boundary === null) return;
  for (const part of split(body, boundary)) collect(part, depth + 1, found);
}

/** Each part's bytes between two delimiters; the last may lack the second. */
function split(body: Buffer, boundary: string): Buffer[] {
  const parts: Buffer[] = [];
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first delimiter may begin the body, without a line end of its own.
  const isFirst = body.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2));
  let at = isFirst ? -2 : nextDelimiter(body, delimiter, 0);
  while (at !== -1 && parts.length < MOST_PARTS) {
    const after = at + delimiter.length;
    if (body.toString('latin1', after, after + 2) === '--') break;
    const lineEnd = body.indexOf('\r\n', after);
    if (lineEnd === -1) break;
    // The line end of a delimiter may begin the next one: an empty part.
    at = nextDelimiter(body, delimiter, lineEnd);
    parts.push(body.subarray(lineEnd + 2, at === -1 ? body.length : Math.max(lineEnd + 2, at)));
  }
  return parts;
}

/** A line that only begins like the delimiter is none: `--b1` where the boundary is `b`. */
function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  let at = body.indexOf(delimiter, from);
  while (at !== -1) {
    const after = at + delimiter.length;
    if (after === body.length || /^(?:--|[ \t\r])/.test(body.toString('latin1', after, after + 2))) return at;
    at = body.indexOf(delimiter, after);
  }
  return -1;
}

function contentTypeOf(fields: readonly HeaderField[]): { readonly type: string; readonly boundary: string | null } {
  const field = fields.find(({ name }) => name === 'content-type');
  const value = field === undefined ? '' : unfoldedValue(field).slice(0, 2_000);
  const type = /^[\w!#$&.+^-]+\/[\w!#$&.+^-]+/.exec(value)?.[0].toLowerCase() ?? 'text/plain';
  const match = /;[ \t]*boundary[ \t]*=[ \t]*(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))/i.exec(value);
  return { type, boundary: match?.[1]?.trimEnd() ?? match?.[2] ?? null };
}

/** A part's body without its transfer encoding, every line ending with CR LF; an encoding that is unknown is left. */
export function decodedBody({ fields, body }: MimePart): Buffer {
  const field = fields.find(({ name }) => name === 'content-transfer-encoding');
  const encoding = field === undefined ? '' : unfoldedValue(field).toLowerCase();
  if (encoding === 'base64') return withCrLf(Buffer.from(body.toString('latin1'), 'base64').toString('latin1'));
  if (encoding !== 'quoted-printable') return body;
  const text = body
    .toString('latin1')
    .replace(/=[ \t]*\r\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return withCrLf(text);
}

function withCrLf(latin1: string): Buffer {
  return Buffer.from(latin1.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}
