/** New mail that came so lately, ms, is likely to be followed by more. */
const SETTLES_WAIT_MS = 4;
const ACCEPTS_WAIT_MS = 2;
/** So many in so short a time are a stream of mail, where two milliseconds are nothing to a client. */
const STREAM = 6;
const STREAM_MS = 10;
const SHARED_MS = 50;

/**
 * How long a request may wait for others that will share its sync: most of what a sync costs, it costs once. A single
 * client that waits for each answer before it sends the next is never made to wait.
 */
export class Company {
  readonly #accepts: number[] = Array.from({ length: STREAM }, () => Number.NEGATIVE_INFINITY);
  #next = 0;
  #accepting = 0;
  #sharedMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @returns ms; 0: at once */
  waitFor(name: string, nowMs: number): number {
    if (name === 'settle') {
      // Of a single client they would lengthen its next message's commit.
      const isShared = nowMs - this.#sharedMs < SHARED_MS;
      return isShared && nowMs - this.#lastMs < SETTLES_WAIT_MS ? SETTLES_WAIT_MS : 0;
    }
    if (name !== 'accept') return 0;
    this.#accepting += 1;
    if (this.#accepting > 1) this.#sharedMs = nowMs;
    const oldestMs = this.#accepts[this.#next] ?? 0;
    this.#accepts[this.#next] = nowMs;
    this.#next = (this.#next + 1) % STREAM;
    this.#lastMs = nowMs;
    return nowMs - oldestMs < STREAM_MS && nowMs - this.#sharedMs < SHARED_MS ? ACCEPTS_WAIT_MS : 0;
  }

  /** One that was asked is answered. */
  answered(name: string): void {
    if (name === 'accept') this.#accepting -= 1;
  }
}
