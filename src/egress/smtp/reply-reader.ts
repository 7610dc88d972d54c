/** Splits what a server says into replies (RFC 5321 §4.2), within bounds, so that a hostile one cannot eat memory. */

/** A reply as it came: one text a line, without code, separator and line end; control characters are spaces. */
export type RawReply = { readonly code: number; readonly lines: readonly string[] };

/** RFC 5321 §4.5.3.1.5 has 512; many servers say more. */
const MAX_LINE_BYTES = 4096;
const MAX_LINES = 100;
const MAX_REPLY_BYTES = 64 * 1024;
/** Whole replies that nobody asked for: more than any pipelined envelope can call forth. */
const MAX_WAITING = 500;

const LF = 0x0a;

export class ReplyReader {
  #partial: Buffer | null = null;
  #code = 0;
  #lines: string[] = [];
  #bytes = 0;
  readonly #whole: RawReply[] = [];
  #next = 0;

  /** Replies that are complete and not taken yet. */
  get waiting(): number {
    return this.#whole.length - this.#next;
  }

  /** True when nothing is left over, not even part of a reply. */
  get empty(): boolean {
    return this.waiting === 0 && this.#partial === null && this.#lines.length === 0;
  }

  take(): RawReply | null {
    const reply = this.#whole[this.#next];
    if (reply === undefined) return null;
    this.#next += 1;
    if (this.#next === this.#whole.length) {
      this.#whole.length = 0;
      this.#next = 0;
    }
    return reply;
  }

  /** @returns what is wrong with it, in a few words; null: all is well. After a fault the reader is of no more use. */
  push(chunk: Buffer): string | null {
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) return this.#keep(chunk);
    const complete =
      this.#partial === null ? chunk.subarray(0, end) : Buffer.concat([this.#partial, chunk.subarray(0, end)]);
    this.#partial = null;
    let start = 0;
    while (start < complete.length) {
      const stop = complete.indexOf(LF, start);
      const fault = this.#line(complete, start, stop);
      if (fault !== null) return fault;
      start = stop + 1;
    }
    return end < chunk.length ? this.#keep(chunk.subarray(end)) : null;
  }

  #keep(rest: Buffer): string | null {
    this.#partial = this.#partial === null ? rest : Buffer.concat([this.#partial, rest]);
    return this.#partial.length > MAX_LINE_BYTES ? 'an endless line' : null;
  }

  #line(bytes: Buffer, start: number, stop: number): string | null {
    const length = stop - start;
    this.#bytes += length;
    if (length > MAX_LINE_BYTES) return 'an overlong line';
    if (this.#bytes > MAX_REPLY_BYTES || this.#lines.length >= MAX_LINES) return 'an endless reply';
    const code = codeAt(bytes, start);
    if (code === 0) return `"${printable(bytes.toString('utf8', start, Math.min(stop, start + 80))).trim()}"`;
    if (this.#lines.length > 0 && code !== this.#code) return `a reply with two codes, ${this.#code} and ${code}`;
    this.#code = code;
    // A bare LF ends a line as well; some servers say nothing after the code.
    const separator = bytes[start + 3];
    this.#lines.push(printable(bytes.toString('utf8', Math.min(start + 4, stop), stop)).trimEnd());
    if (separator === 0x2d) return null;
    this.#whole.push({ code, lines: this.#lines });
    this.#lines = [];
    this.#bytes = 0;
    return this.waiting > MAX_WAITING ? 'replies without end' : null;
  }
}

/** The three digits at the start of a line, 200 to 599, before a space, a hyphen or the line's end; 0: there are none. */
function codeAt(bytes: Buffer, at: number): number {
  const hundreds = (bytes[at] ?? 0) - 0x30;
  const tens = (bytes[at + 1] ?? 0) - 0x30;
  const ones = (bytes[at + 2] ?? 0) - 0x30;
  if (hundreds < 2 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return 0;
  const separator = bytes[at + 3];
  const known = separator === 0x20 || separator === 0x2d || separator === 0x0d || separator === LF;
  return known ? hundreds * 100 + tens * 10 + ones : 0;
}

/** Control characters would break log lines and delivery reports. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return /[\x00-\x1f\x7f]/.test(text) ? text.replace(/[\x00-\x1f\x7f]/g, ' ') : text;
}
