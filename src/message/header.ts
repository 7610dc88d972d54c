/**
 * The header section of a message, split into fields without touching a byte (RFC 5322 §2.2). Bytes are carried in
 * latin1 strings: one character is one byte, so that 8-bit and broken charsets survive. Linear in the size of the
 * block, whatever is in it.
 */

export type HeaderField = {
  /** Lower case, without whitespace around it; '' for a line that is no field at all (see `MalformedLine`). */
  readonly name: string;
  /** Name, colon, value with its folding and the final CRLF, one character a byte. */
  readonly raw: string;
};

/**
 * A line that is neither a field nor the fold of one. `no-colon`: text without a colon. `bad-name`: what stands before
 * the colon is no field name (RFC 5322 §2.2), as in an mbox `From ` line. `stray-fold`: the block starts with whitespace.
 */
export type MalformedLine = {
  /** From 1, counting every line of the block. */
  readonly line: number;
  readonly reason: 'no-colon' | 'bad-name' | 'stray-fold';
};

export type HeaderBlock = {
  /** In the message's order. The fields' `raw`, joined, is the block, malformed lines included. */
  readonly fields: readonly HeaderField[];
  readonly malformed: readonly MalformedLine[];
};

const CRLF = '\r\n';
const TAB = 0x09;
const SPACE = 0x20;
const COLON = 0x3a;

/**
 * Where the body starts: after the first empty line. A message without one is all header.
 * @param message in canonical form: every line ends with CRLF
 */
export function bodyOffsetOf(message: Buffer): number {
  if (message[0] === 0x0d && message[1] === 0x0a) return 2;
  const end = message.indexOf('\r\n\r\n', 0, 'latin1');
  return end === -1 ? message.length : end + 4;
}

/**
 * Splits a header section. Only CRLF ends a line. Stops at the empty line that ends the section, if the block has it.
 * A field name may be followed by whitespace (RFC 5322 §4.5), and even by a fold, since some readers take it so: a
 * second From must not hide there.
 */
export function parseHeaderBlock(block: Buffer): HeaderBlock {
  const text = block.toString('latin1');
  const fields: HeaderField[] = [];
  const malformed: MalformedLine[] = [];
  let line = 1;
  let start = 0;
  while (start < text.length && !text.startsWith(CRLF, start)) {
    let lines = 1;
    let end = lineEnd(text, start);
    // A fold belongs to the field above it: look at the first byte of the next line.
    while (isBlank(text.charCodeAt(end))) {
      end = lineEnd(text, end);
      lines += 1;
    }
    const raw = text.slice(start, end);
    const name = nameOf(raw);
    if (name === null) malformed.push({ line, reason: reasonOf(raw) });
    fields.push({ name: name ?? '', raw });
    line += lines;
    start = end;
  }
  return { fields, malformed };
}

/** The value without its folds (RFC 5322 §2.2.3) and without whitespace around it; encoded words stay as they are. */
export function unfoldedValue(field: HeaderField): string {
  return field.raw
    .slice(field.raw.indexOf(':') + 1)
    .replaceAll(CRLF, '')
    .trim();
}

/** The field name as the message spells it, without whitespace around it. */
export function spelledName(field: HeaderField): string {
  return field.raw.slice(0, field.raw.indexOf(':')).trimEnd();
}

/** Text in the form of `HeaderField.raw`: its UTF-8 (RFC 6532), one character a byte. */
export function rawOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * The bytes of a header section, without the empty line after it.
 * @throws Error where a field has text instead of bytes: its characters would be cut to their low byte, which may be CR or
 * LF
 */
export function bytesOfFields(fields: readonly HeaderField[]): Buffer {
  const text = fields.map((field) => field.raw).join('');
  if (/[\u0100-\uffff]/.test(text)) throw new Error('a header field has a character that is no byte');
  return Buffer.from(text, 'latin1');
}

/** The offset after the CRLF that ends the line at `start`, or the end of the text. */
function lineEnd(text: string, start: number): number {
  const end = text.indexOf(CRLF, start);
  return end === -1 ? text.length : end + 2;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The field's name in lower case; null where the line is no field. */
function nameOf(raw: string): string | null {
  let at = 0;
  let code = raw.charCodeAt(0);
  while (isNameCharacter(code)) {
    at += 1;
    code = raw.charCodeAt(at);
  }
  if (at === 0) return null;
  if (code === COLON) return raw.slice(0, at).toLowerCase();
  const colon = raw.indexOf(':', at);
  if (colon === -1 || !/^[ \t\r\n]*$/.test(raw.slice(at, colon))) return null;
  return raw.slice(0, at).toLowerCase();
}

/** RFC 5322 §3.6.8: printable US-ASCII but the colon. NaN, past the end, is none. */
function isNameCharacter(code: number): boolean {
  return code > SPACE && code < 0x7f && code !== COLON;
}

function reasonOf(raw: string): MalformedLine['reason'] {
  if (isBlank(raw.charCodeAt(0))) return 'stray-fold';
  return raw.includes(':') ? 'bad-name' : 'no-colon';
}
