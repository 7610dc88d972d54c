/** The transparency of RFC 5321 §4.5.2: a dot more before each line that starts with one, and the dot that ends it all. */

const DOT = 0x2e;
const CR = 0x0d;
const LF = 0x0a;
const DOT_LINE = Buffer.from('\r\n.');
const END = Buffer.from('.\r\n');

/** What is sent in one piece; a message that is not larger goes out in a single write, its final dot included. */
export const PIECE_BYTES = 64 * 1024;

/**
 * The message as it goes over the wire, in pieces of about `PIECE_BYTES`; the last one ends with the final dot. Nothing is
 * changed but the dots; a CRLF is added where the content does not end with one.
 * @param content lines end with CRLF, no bare CR or LF
 */
export function* stuffed(content: Buffer): Generator<Buffer> {
  let start = 0;
  // The line end before the first line is the one after DATA.
  let lineStarts = true;
  while (content.length - start > PIECE_BYTES) {
    const piece = content.subarray(start, start + PIECE_BYTES);
    yield withDots(piece, lineStarts);
    start += piece.length;
    // A line end may be cut in two: then the next piece starts with LF, and `lineStarts` is found there.
    lineStarts = content[start - 1] === LF && content[start - 2] === CR;
  }
  yield last(withDots(content.subarray(start), lineStarts), content);
}

function last(piece: Buffer, content: Buffer): Buffer {
  const ended = content.length === 0 || (content.at(-1) === LF && content.at(-2) === CR);
  return ended ? Buffer.concat([piece, END]) : Buffer.concat([piece, DOT_LINE.subarray(0, 2), END]);
}

function withDots(piece: Buffer, lineStarts: boolean): Buffer {
  const first = lineStarts && piece[0] === DOT;
  // The piece before may have ended with CR: then LF and a dot lead this one.
  const second = piece[0] === LF && piece[1] === DOT;
  if (!first && !second && !piece.includes(DOT_LINE)) return piece;
  const out = Buffer.allocUnsafe(piece.length * 2);
  let length = 0;
  let before = first ? LF : 0;
  for (let at = 0; at < piece.length; at++) {
    const byte = piece[at] ?? 0;
    if (byte === DOT && before === LF) out[length++] = DOT;
    out[length++] = byte;
    before = byte;
  }
  return out.subarray(0, length);
}
