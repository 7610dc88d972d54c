/** Parts of a MIME message as text that can be searched: transfer encoding, charset and HTML taken out, within bounds. */
import { type HeaderField, unfoldedValue } from '../message/header.ts';
import { decodedBody, type MimePart } from './mime-parts.ts';

/** A report says what it says at its start. */
const MOST_BYTES = 64 * 1024;
const LONGEST_VALUE = 2_000;
/** Of one header field; more encoded words than that are no subject. */
const MOST_WORDS = 50;

/** Lines end with LF; control characters are gone. What is in no charset that is known is read as Latin-1. */
export function textOfPart(part: MimePart): string {
  const bytes = decodedBody({ ...part, body: part.body.subarray(0, 2 * MOST_BYTES) }).subarray(0, MOST_BYTES);
  const text = decoded(bytes, charsetOf(part)).replace(/\r\n?/g, '\n');
  const plain = part.type === 'text/html' ? textOfHtml(text) : text;
  // oxlint-disable-next-line no-control-regex -- control characters are what must go
  return plain.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00a0]/g, ' ').toWellFormed();
}

/** The first field of that name, its encoded words (RFC 2047) decoded; '' where there is none. */
export function textOfField(fields: readonly HeaderField[], name: string): string {
  const field = fields.find((one) => one.name === name);
  if (field === undefined) return '';
  return textOfValue(unfoldedValue(field).slice(0, LONGEST_VALUE));
}

/** @param value unfolded, a character for each octet */
export function textOfValue(value: string): string {
  const text = /[\u0100-\uffff]/.test(value) ? value : decoded(Buffer.from(value, 'latin1'), 'utf-8');
  return text
    .replace(/\?=[ \t]+=\?/g, '?==?')
    .split(ENCODED_WORD, 2 * MOST_WORDS)
    .map((one) => wordIn(one) ?? one)
    .join('');
}

/** A subject as its reader sees it. @param subject unfolded; the end of a long one may have been cut in the middle of a word */
export function subjectText(subject: string): string {
  return textOfValue(subject).replace(/=\?[^?\s]{1,60}\?[BbQq]\?[^?\s]*\??$/, '…');
}

const ENCODED_WORD = /(=\?[A-Za-z0-9_-]{1,40}(?:\*[A-Za-z-]{1,20})?\?[BbQq]\?[^?\s]{0,500}\?=)/;

function wordIn(text: string): string | null {
  const match = /^=\?([^?*]+)(?:\*[^?]+)?\?([BbQq])\?([^?]*)\?=$/.exec(text);
  if (match === null) return null;
  const [, charset = '', encoding = '', given = ''] = match;
  return decoded(encoding.toLowerCase() === 'b' ? Buffer.from(given, 'base64') : qBytes(given), charset);
}

function qBytes(text: string): Buffer {
  const bytes = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

function charsetOf({ fields }: MimePart): string {
  const field = fields.find(({ name }) => name === 'content-type');
  const value = field === undefined ? '' : unfoldedValue(field).slice(0, LONGEST_VALUE);
  return /;[ \t]*charset[ \t]*=[ \t]*"?([A-Za-z0-9_.:-]{1,40})/i.exec(value)?.[1] ?? 'utf-8';
}

/** Many say one charset and write another: what is no UTF-8 is Latin-1, and what is said to be ASCII may be UTF-8. */
function decoded(bytes: Buffer, charset: string): string {
  const name = /^(?:us-)?ascii$/i.test(charset) ? 'utf-8' : charset;
  try {
    return new TextDecoder(name, { fatal: /^utf-?8$/i.test(name) }).decode(bytes);
  } catch {
    // No such charset, or it is not in that one.
    return bytes.toString('latin1');
  }
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

/** Tags become spaces, and those that end a line end one. */
function textOfHtml(html: string): string {
  return html
    .replace(/<(?:br|p|div|tr|li|h[1-6]|\/p|\/div|\/tr|\/li|\/h[1-6]|\/title)\b[^<>]{0,500}>/gi, '\n')
    .replace(/<(?:[a-z]|\/[a-z]|!)[^<>@]{0,2000}>/gi, ' ')
    .replace(/<a\s[^<>]{0,500}>/gi, ' ')
    .replace(/&(#\d{1,6}|#x[0-9a-f]{1,5}|[a-z]{2,6});/gi, (whole, name: string) => entity(name) ?? whole);
}

function entity(name: string): string | null {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? null;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0x10ffff ? ' ' : String.fromCodePoint(code);
}
