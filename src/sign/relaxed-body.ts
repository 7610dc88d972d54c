/**
 * The relaxed form of a body (RFC 6376 §3.4.4), a stretch at a time: whitespace at the end of a line goes, other runs
 * of whitespace become one space. Most mail is in that form already, so stretches are first tested four bytes at a
 * time and copied whole; byte by byte is left for the others.
 */

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
  /** Where to stop; a CRLF that straddles it is taken whole. */
  readonly stop: number;
  /** Whitespace stands before `start` that has not been written: it counts only if its line goes on. */
  readonly space: boolean;
};

/** Large enough to make the test cheap, small enough that a few odd lines don't slow down the rest. */
const STRETCH_BYTES = 1024;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export function textOf(body: Buffer, end: number): Text {
  const wordsAt = (4 - (body.byteOffset % 4)) % 4;
  const count = Math.max(0, Math.floor((end - wordsAt) / 4));
  const words = count === 0 ? new Int32Array(0) : new Int32Array(body.buffer, body.byteOffset + wordsAt, count);
  return { body, end, words, wordsAt };
}

/**
 * Writes the relaxed form of one slice.
 * @param out with room for the slice and two bytes more
 * @returns `next` and `space`: where and how the next slice starts
 */
export function relax(
  text: Text,
  { start, stop, space }: Slice,
  out: Buffer,
): { readonly written: number; readonly next: number; readonly space: boolean } {
  const { body } = text;
  let at = start;
  let owed = space;
  let written = 0;
  while (at < stop) {
    const end = Math.min(at + STRETCH_BYTES, stop);
    if (!owed && isRelaxed(text, at, end)) {
      body.copy(out, written, at, end);
      written += end - at;
      at = end;
      continue;
    }
    // In a loop of its own, for the compiler's sake.
    const step = relaxBytes(body, { start: at, stop: end, space: owed }, { out, at: written });
    ({ next: at, space: owed, written } = step);
  }
  return { written, next: at, space: owed };
}

function relaxBytes(
  body: Buffer,
  slice: Slice,
  to: { readonly out: Buffer; readonly at: number },
): { readonly written: number; readonly next: number; readonly space: boolean } {
  const { out } = to;
  const { stop } = slice;
  let { start: at, space } = slice;
  let written = to.at;
  // A space is written when the first whitespace of a run is met, and taken back where the line ends after it.
  if (space) out[written++] = SPACE;
  while (at < stop) {
    const byte = body[at] as number;
    at += 1;
    if (byte > SPACE) {
      out[written++] = byte;
      space = false;
    } else if (byte === SPACE || byte === TAB) {
      if (!space) out[written++] = SPACE;
      space = true;
    } else if (byte === CR && body[at] === LF) {
      if (space) written -= 1;
      space = false;
      out[written++] = CR;
      out[written++] = LF;
      at += 1;
    } else {
      out[written++] = byte;
      space = false;
    }
  }
  return { written: space ? written - 1 : written, next: at, space };
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
