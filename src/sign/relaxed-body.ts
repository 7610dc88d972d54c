/**
 * The relaxed form of a body (RFC 6376 §3.4.4), a stretch at a time: whitespace at the end of a line goes, other runs
 * of whitespace become one space. Most mail is in that form already, which is found out four bytes at a time; what is
 * not, mailauth canonicalises.
 */
import { RelaxedHash } from 'mailauth/lib/dkim/body/relaxed.js';

/** A body without the empty lines at its end, and a view of it by four bytes. */
export type Text = {
  readonly body: Buffer;
  /** The end of the content: the byte before it is no whitespace and no line end. */
  readonly end: number;
  readonly words: Int32Array;
  /** Where in `body` the first word is: words are aligned in memory, bodies need not be. */
  readonly wordsAt: number;
};

export type Slice = {
  readonly start: number;
  readonly stop: number;
};

/** Large enough to make the test cheap, small enough that a few odd lines don't slow down the rest. */
const STRETCH_BYTES = 2048;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** Any byte that is no whitespace and no part of a line end; bodies may have it. */
const MARK = 0;

export function textOf(body: Buffer, end: number): Text {
  const wordsAt = (4 - (body.byteOffset % 4)) % 4;
  const count = Math.max(0, Math.floor((end - wordsAt) / 4));
  const words = count === 0 ? new Int32Array(0) : new Int32Array(body.buffer, body.byteOffset + wordsAt, count);
  return { body, end, words, wordsAt };
}

/**
 * Where a slice may end so that each is canonicalised by itself: after a whole line, or before a run of whitespace.
 * @returns `start` where there is nothing but whitespace up to `wanted`
 */
export function sliceEnd({ body, end }: Text, start: number, wanted: number): number {
  if (wanted >= end) return end;
  if (body[wanted - 1] === CR && body[wanted] === LF) return wanted + 1;
  let at = wanted;
  while (at > start && isBlank(body[at - 1])) at -= 1;
  return at;
}

/**
 * Writes the relaxed form of a slice, which is never longer than the slice.
 * @param slice `stop` as `sliceEnd` returned it
 * @returns how many bytes were written
 */
export function relax(text: Text, { start, stop }: Slice, out: Buffer): number {
  const { body } = text;
  let written = 0;
  for (let at = start; at < stop;) {
    const end = stretchEnd(body, at + STRETCH_BYTES, stop);
    if (isRelaxed(text, at, end)) written += body.copy(out, written, at, end);
    else written = unmark(canonicalise(marked(body, at, end)), out, written);
    at = end;
  }
  return written;
}

/** After a byte that is no whitespace, at `wanted` or behind it, and after the whole line end where it belongs to one. */
function stretchEnd(body: Buffer, wanted: number, stop: number): number {
  let at = wanted - 1;
  while (at < stop && isBlank(body[at])) at += 1;
  const width = body[at] === CR && body[at + 1] === LF ? 2 : 1;
  return Math.min(at + width, stop);
}

/**
 * mailauth's, which is made for one line: each call allocates, for 0.7 us, and of several lines those after the first
 * lose the whitespace that they begin with. They begin with a mark instead, so that a call can have many.
 */
// eslint-disable-next-line typescript/unbound-method -- it has no use for its object, which would bring a hash of its own
const canonicalise: (line: Buffer) => Buffer = RelaxedHash.prototype.fixLineBuffer;

/** The stretch with a mark before each line, but for the first, that begins with whitespace or looks marked already. */
function marked(body: Buffer, start: number, stop: number): Buffer {
  // At most one byte in three is the LF of a line that is marked.
  const out = Buffer.allocUnsafe(Math.ceil((stop - start) * 1.5));
  // No further than the stretch: a body may have no line end for megabytes, and each stretch would look at all of them.
  const lines = body.subarray(0, stop);
  let written = 0;
  let from = start;
  for (let lf = lines.indexOf(LF, start); lf !== -1; lf = lines.indexOf(LF, lf + 1)) {
    const next = body[lf + 1];
    if (!isBlank(next) && next !== MARK) continue;
    written += body.copy(out, written, from, lf + 1);
    out[written++] = MARK;
    from = lf + 1;
  }
  written += body.copy(out, written, from, stop);
  return out.subarray(0, written);
}

/**
 * Takes out each byte that looks like a mark where a mark may be. One of the message's own there has got a mark in front of
 * it, and follows that and no line end: it stays.
 * @returns the end of what was written
 */
function unmark(lines: Buffer, out: Buffer, start: number): number {
  let written = start;
  let from = 0;
  for (let at = lines.indexOf(MARK); at !== -1; at = lines.indexOf(MARK, at + 1)) {
    if (lines[at - 1] !== LF) continue;
    written += lines.copy(out, written, from, at);
    from = at + 1;
  }
  return written + lines.copy(out, written, from);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Whether the bytes stay as they are: no tab, and no space before whitespace or the end of a line. */
export function isRelaxed(text: Text, start: number, stop: number): boolean {
  const { body, words, wordsAt } = text;
  // Shifts, not divisions: with a fraction in it the loop below would count in doubles.
  const first = Math.max(0, (start - wordsAt + 3) >> 2);
  const last = Math.min(words.length, (stop - wordsAt) >> 2);
  if (first >= last) return areBytesRelaxed(body, start, stop);
  const firstAt = wordsAt + first * 4;
  // The borders first: what precedes the first word, and what follows the last byte of the last one.
  if (!areBytesRelaxed(body, start, firstAt)) return false;
  if (!areBytesRelaxed(body, wordsAt + last * 4 - 1, stop)) return false;
  let before = 0;
  for (let index = first; index < last; index++) {
    const word = words[index] as number;
    // One bit a byte, the high one. A borrow may set the bit of the byte above a set one as well, never hide one: a
    // false alarm is looked at again below.
    const blank = (word - 0x21212121) & ~word & 0x80808080; // a space or a control character
    const spaceless = word ^ 0x20202020;
    const space = (spaceless - 0x01010101) & ~spaceless & 0x80808080;
    const tabless = word ^ 0x09090909;
    const tab = (tabless - 0x01010101) & ~tabless & 0x80808080;
    // A space with a blank after it. The next byte in memory is the next higher one in a word: little-endian, as every
    // platform that relevo runs on.
    if (((blank & ((space << 8) | before)) | tab) !== 0) {
      const at = wordsAt + index * 4;
      if (!areBytesRelaxed(body, Math.max(start, at - 1), at + 4)) return false;
    }
    before = space >>> 24;
  }
  return true;
}

/** Looks one byte past `stop`, for the pair that begins before it. */
function areBytesRelaxed(body: Buffer, start: number, stop: number): boolean {
  for (let at = start; at < stop; at++) {
    const byte = body[at];
    if (byte === TAB) return false;
    if (byte !== SPACE) continue;
    const next = body[at + 1];
    if (next === SPACE || next === TAB || next === CR) return false;
  }
  return true;
}
