/**
 * Bytes that may be in memory at once for one purpose; who comes when it is spent waits its turn. One that asks for more
 * than there is in all gets it alone.
 */
export class ByteBudget {
  readonly #most: number;
  #spent = 0;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Resolves, in the order of the calls, once the bytes may be taken. */
  async take(bytes: number): Promise<void> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
      return;
    }
    this.#spent += bytes;
  }

  give(bytes: number): void {
    this.#spent -= bytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#spent += next.bytes;
      next.go();
    }
  }

  #fits(bytes: number): boolean {
    return this.#spent === 0 || this.#spent + bytes <= this.#most;
  }
}
