/**
 * What a client sends after DATA, byte by byte: finds the end of the message, takes the dot-stuffing out
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

/** Where the decoder stands between two bytes. `dot`, `dot-cr`: a dot (and CR) at the start of a line is held back. `cr`: a CR is held back. */
type State = 'line-start' | 'dot' | 'dot-cr' | 'text' | 'cr' | 'end';

export class MessageDecoder {
  readonly #sink: ContentSink;
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
    return -1;
  }

  /** Ordinary text up to the next control character: the loop that all bytes go through. */
  #text(chunk: Buffer, from: number): number {
    const length = chunk.length;
    let bits = this.#bits;
    let at = from;
    let byte = 0;
    for (; at < length; at++) {
      byte = chunk[at] as number;
      // No branch for 8-bit bytes; CR, LF and NUL are the only ones below 14 that matter.
      bits |= byte;
      if (byte <= CR && (byte === CR || byte === LF || byte === 0)) break;
    }
    this.#bits = bits;
    if (at === length) return at;
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
