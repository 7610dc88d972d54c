/**
 * What a client sends after DATA: finds the end of the message, takes the dot-stuffing out
 * (RFC 5321 §4.5.2) and keeps bare CR and bare LF from going on. One pass, linear in the bytes whatever they are; the
 * state survives any chunking.
 *
 * Only CR LF . CR LF ends a message, and only a dot after CR LF (or at the very start) is stuffing: a bare CR or LF starts
 * no line on the wire, so nothing can be smuggled behind one.
 */

/** Takes what is left of the wire bytes, in order. */
export type ContentSink = {
  take(chunk: Buffer, from: number, to: number): void;
};

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');
const LONE_CR = Buffer.from('\r');
const NO_WORDS = new Int32Array(0);
/** Of fewer a view is not worth its making. */
const LEAST_WORDS = 32;
const HIGH_BITS = 0x80808080;

/** Where the decoder stands between two bytes. `dot`, `dot-cr`: a dot (and CR) at the start of a line is held back. `cr`: a CR is held back. */
type State = 'line-start' | 'dot' | 'dot-cr' | 'text' | 'cr' | 'end';

export class MessageDecoder {
  readonly #sink: ContentSink;
  /** The chunk at hand by four bytes, and where in it the first of them is: words are aligned in memory, chunks need not be. */
  #words: Int32Array = NO_WORDS;
  #wordsAt = 0;
  #state: State = 'line-start';
  #segment = 0;
  #lineStart = 0;
  #bits = 0;
  /** Bytes of the message so far. */
  lengthBytes = 0;
  /** Of the longest line, without its CR LF. */
  longestLine = 0;
  /** A CR or LF that is not part of CR LF has been turned into CR LF. */
  hasBareNewline = false;
  hasNul = false;

  constructor(sink: ContentSink) {
    this.#sink = sink;
  }

  get isEightBit(): boolean {
    return this.#bits > 0x7f;
  }

  /**
   * @param from offset of the first byte that belongs to the message
   * @returns the offset after the end of the message; -1: it goes on in the next chunk
   */
  write(chunk: Buffer, from: number): number {
    if (from >= chunk.length) return -1;
    let at = from;
    this.#viewWords(chunk);
    this.#segment = from;
    this.#lineStart += from;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'text':
          at = this.#text(chunk, at);
          break;
        case 'line-start':
          at = this.#startOfLine(chunk, at);
          break;
        case 'cr':
          at = this.#afterCr(chunk, at);
          break;
        case 'dot':
          at = this.#afterDot(chunk, at);
          break;
        case 'dot-cr':
          if (chunk[at] === LF) {
            this.#state = 'end';
            this.#words = NO_WORDS;
            return at + 1;
          }
          // The dot was stuffing after all, and its CR is bare.
          this.#segment = at;
          this.#lineStart = at;
          at = this.#newlineInstead(chunk, at, at);
          break;
        case 'end':
          throw new Error('the message has ended');
      }
    }
    // A CR that is held back is not part of the line yet.
    const isCrHeld = this.#state === 'cr' || this.#state === 'dot-cr';
    this.#flush(chunk, isCrHeld ? at - 1 : at);
    this.#lineStart -= chunk.length;
    // Nothing of the chunk is kept.
    this.#words = NO_WORDS;
    return -1;
  }

  #viewWords({ buffer, byteOffset, length }: Buffer): void {
    this.#wordsAt = (4 - (byteOffset % 4)) % 4;
    const count = (length - this.#wordsAt) >> 2;
    this.#words = count < LEAST_WORDS ? NO_WORDS : new Int32Array(buffer, byteOffset + this.#wordsAt, count);
  }

  /** Ordinary text up to the next control character: the loop that all bytes go through, four at a time where it can. */
  #text(chunk: Buffer, from: number): number {
    const length = chunk.length;
    const words = this.#words;
    const count = words.length;
    const wordsAt = this.#wordsAt;
    let bits = 0;
    let at = from;
    while (at < length) {
      // Up to where a word begins, and the word in which something was seen.
      const stop = count === 0 ? length : Math.min(length, at + 4 - ((at - wordsAt) & 3));
      for (; at < stop; at++) {
        const byte = chunk[at] as number;
        bits |= byte;
        // No branch for 8-bit bytes; CR, LF and NUL are the only ones below 14 that matter.
        if (byte <= CR && (byte === CR || byte === LF || byte === 0)) {
          this.#bits |= bits;
          return this.#control(chunk, at, byte);
        }
      }
      if (at === length) break;
      let index = (at - wordsAt) >> 2;
      for (; index < count; index++) {
        const word = words[index] as number;
        // The high bit of each byte below 14. A borrow may set the bit of the byte above a set one as well, never hide one: a false
        // alarm is looked at byte by byte.
        if (((word - 0x0e0e0e0e) & ~word & HIGH_BITS) !== 0) break;
        if ((word & HIGH_BITS) !== 0) bits |= 0x80;
      }
      at = wordsAt + index * 4;
    }
    this.#bits |= bits;
    return at;
  }

  #control(chunk: Buffer, at: number, byte: number): number {
    if (byte === 0) {
      this.hasNul = true;
      return at + 1;
    }
    if (byte === LF) return this.#newlineInstead(chunk, at, at + 1);
    if (chunk[at + 1] === LF) return this.#endOfLine(at, at + 2);
    this.#state = 'cr';
    return at + 1;
  }

  #startOfLine(chunk: Buffer, at: number): number {
    if (chunk[at] !== DOT) {
      this.#state = 'text';
      return at;
    }
    this.#flush(chunk, at);
    this.#segment = at + 1;
    this.#lineStart = at + 1;
    this.#state = 'dot';
    return at + 1;
  }

  #afterDot(chunk: Buffer, at: number): number {
    if (chunk[at] === CR) {
      this.#segment = at + 1;
      this.#state = 'dot-cr';
      return at + 1;
    }
    this.#segment = at;
    this.#lineStart = at;
    this.#state = 'text';
    return at;
  }

  /** A CR is held back, either in this chunk or as the last byte of the one before. */
  #afterCr(chunk: Buffer, at: number): number {
    if (chunk[at] !== LF) return this.#newlineInstead(chunk, at - 1, at);
    if (at === 0) {
      this.#sink.take(LONE_CR, 0, 1);
      this.lengthBytes += 1;
    }
    return this.#endOfLine(at - 1, at + 1);
  }

  /** A proper CR LF: `end` is the offset of its CR. */
  #endOfLine(end: number, next: number): number {
    const length = end - this.#lineStart;
    if (length > this.longestLine) this.longestLine = length;
    this.#lineStart = next;
    this.#state = 'line-start';
    return next;
  }

  /** A bare CR or LF in `end`…`next` becomes CR LF; the text after it starts no line on the wire. */
  #newlineInstead(chunk: Buffer, end: number, next: number): number {
    this.hasBareNewline = true;
    if (end > this.#segment) this.#flush(chunk, end);
    this.#sink.take(CRLF, 0, 2);
    this.lengthBytes += 2;
    this.#endOfLine(end, next);
    this.#segment = next;
    this.#state = 'text';
    return next;
  }

  #flush(chunk: Buffer, end: number): void {
    if (end > this.#segment) {
      this.#sink.take(chunk, this.#segment, end);
      this.lengthBytes += end - this.#segment;
    }
    this.#segment = end;
    const running = end - this.#lineStart;
    if (running > this.longestLine) this.longestLine = running;
  }
}
