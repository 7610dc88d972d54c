/** Reads the content of a message up to CR LF . CR LF and nothing else (RFC 5321 §4.1.1.4). */
export class DataReader {
  readonly #chunks: Buffer[] = [];
  /** The last bytes so far; DATA's own line end counts. */
  #tail: Buffer = Buffer.from('\r\n');

  /** @returns what comes after the final dot; null: it has not come yet */
  push(chunk: Buffer): Buffer | null {
    const seen = Buffer.concat([this.#tail, chunk]);
    const end = seen.indexOf('\r\n.\r\n');
    if (end < 0) {
      this.#chunks.push(chunk);
      this.#tail = seen.subarray(Math.max(0, seen.length - 4));
      return null;
    }
    const used = end + 5 - this.#tail.length;
    this.#chunks.push(chunk.subarray(0, used));
    return chunk.subarray(used);
  }

  /** Without the final dot and the doubled ones. */
  content(): Buffer {
    const raw = Buffer.concat(this.#chunks);
    const stuffed = raw.toString('latin1', 0, raw.length - 3);
    return Buffer.from(stuffed.replace(/(^|\r\n)\./g, '$1'), 'latin1');
  }
}
