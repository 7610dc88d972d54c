import type { MemoryBudget } from './memory-budget.ts';
import type { ContentSink } from './message-decoder.ts';

/** Pieces from here on are kept where they are; smaller ones are copied together, so that one-byte packets cost no memory. */
const KEPT_BYTES = 1024;
const FIRST_BLOCK_BYTES = 4 * 1024;
const LAST_BLOCK_BYTES = 256 * 1024;
/** Reservations grow in steps: one a packet would be needless. */
const STEP_BYTES = 64 * 1024;

/** Why the content is not kept any more. `size`: over the message limit. `memory`: over the budget of all messages. */
export type Overflow = 'size' | 'memory';

/**
 * Keeps the content of one message within the budget. Once it overflows, or is told to discard, it holds nothing and only
 * counts; whatever happens, `release` gives the reservation back, once.
 */
export class ContentCollector implements ContentSink {
  readonly #budget: MemoryBudget;
  readonly #limitBytes: number;
  readonly #keptBytes: number;
  #pieces: Buffer[] = [];
  #block: Buffer | null = null;
  #blockUsed = 0;
  #nextBlockBytes = FIRST_BLOCK_BYTES;
  #heldBytes = 0;
  #reservedBytes: number;
  #discarding = false;
  lengthBytes = 0;
  overflow: Overflow | null = null;

  /**
   * @param options `reservedBytes`: reserved already, for a declared SIZE. `limitBytes`: of the message. `keptBytes`: of its
   * start, and what comes after it is read and dropped; absent: all of it
   */
  constructor(options: {
    readonly budget: MemoryBudget;
    readonly limitBytes: number;
    readonly reservedBytes: number;
    readonly keptBytes?: number;
  }) {
    this.#budget = options.budget;
    this.#limitBytes = options.limitBytes;
    this.#keptBytes = options.keptBytes ?? options.limitBytes;
    this.#reservedBytes = options.reservedBytes;
  }

  /** Whether only the start of it is kept. */
  get isCut(): boolean {
    return this.lengthBytes > this.#keptBytes;
  }

  take(chunk: Buffer, from: number, end: number): void {
    const room = this.#keptBytes - this.lengthBytes;
    this.lengthBytes += end - from;
    if (this.#discarding) return;
    if (this.lengthBytes > this.#limitBytes) {
      this.overflow = 'size';
      this.discard();
      return;
    }
    const to = Math.min(end, from + room);
    const length = to - from;
    if (length <= 0) return;
    if (length >= KEPT_BYTES && length * 2 >= chunk.length) this.#keep(chunk, from, to);
    else this.#copy(chunk, from, to);
  }

  /** Lets go of everything, now and later. */
  discard(): void {
    this.#discarding = true;
    this.#pieces = [];
    this.#block = null;
    this.release();
  }

  /** The whole content, or its start where it is cut; the collector is empty afterwards, its reservation is not given back yet. */
  finish(): Buffer {
    this.#closePiece();
    const [only] = this.#pieces;
    const content =
      this.#pieces.length === 1 && only !== undefined
        ? only
        : Buffer.concat(this.#pieces, Math.min(this.lengthBytes, this.#keptBytes));
    this.#pieces = [];
    return content;
  }

  release(): void {
    this.#budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    // The rest of the chunk stays alive with the piece, so it counts too.
    if (!this.#hold(chunk.length)) return;
    this.#closePiece();
    this.#pieces.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #copy(chunk: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      let block = this.#block;
      if (block === null || this.#blockUsed === block.length) {
        this.#closePiece();
        if (!this.#hold(this.#nextBlockBytes)) return;
        block = Buffer.allocUnsafeSlow(this.#nextBlockBytes);
        this.#block = block;
        this.#nextBlockBytes = Math.min(this.#nextBlockBytes * 2, LAST_BLOCK_BYTES);
      }
      const end = Math.min(to, at + block.length - this.#blockUsed);
      // A call into native code costs more than a few bytes.
      if (end - at > 32) this.#blockUsed += chunk.copy(block, this.#blockUsed, at, end);
      else for (let i = at; i < end; i++) block[this.#blockUsed++] = chunk[i] as number;
      at = end;
    }
  }

  /** Makes a piece of what is in the block; the room that is left in it serves on. */
  #closePiece(): void {
    if (this.#block === null || this.#blockUsed === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#blockUsed));
    this.#block = this.#blockUsed < this.#block.length ? this.#block.subarray(this.#blockUsed) : null;
    this.#blockUsed = 0;
  }

  /** Counts bytes that are about to be held; false: there is no room, and everything has been let go. */
  #hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    const missing = this.#heldBytes - this.#reservedBytes;
    if (missing <= 0) return true;
    for (const step of [Math.max(missing, STEP_BYTES), missing]) {
      if (!this.#budget.reserve(step)) continue;
      this.#reservedBytes += step;
      return true;
    }
    this.overflow = 'memory';
    this.discard();
    return false;
  }
}
