/**
 * The bytes that all messages being received may hold at once. Reservations are promises kept beforehand, so that
 * many large messages together cannot exhaust the memory.
 */
export class MemoryBudget {
  readonly #limitBytes: () => number;
  #usedBytes = 0;

  /** @param limitBytes the policy's limit in force now */
  constructor(limitBytes: () => number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether that much could be reserved now. One message alone always may, however small the budget. */
  hasRoomFor(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#limitBytes();
  }

  /** @returns false: nothing was reserved */
  reserve(bytes: number): boolean {
    if (!this.hasRoomFor(bytes)) return false;
    this.#usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
