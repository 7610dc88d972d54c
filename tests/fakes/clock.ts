import type { Clock } from '../../src/ports.ts';

type Timer = { readonly atMs: number; readonly ordinal: number; readonly run: () => void };

/**
 * A clock that stands still until it is told to move. Wall time and monotonic time move together in `advance`; `jumpMs`
 * moves wall time alone, as an operator or NTP would. Timers hang on monotonic time, as real ones do.
 */
export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  /** Real ones count in fractions. */
  #fractionMs = 0.25;
  readonly #uneven: boolean;
  #ordinal = 0;
  #timers: Timer[] = [];
  #isWorkUnderWay: () => boolean = () => false;

  /**
   * @param startMs wall time at the start; by default 2026-01-01T00:00:00Z
   * @param uneven whether the difference of two looks at monotonic time is not whole either, as with a real one
   */
  constructor(startMs: number = Date.UTC(2026, 0, 1), { uneven = false }: { readonly uneven?: boolean } = {}) {
    this.#wallMs = startMs;
    this.#uneven = uneven;
  }

  nowMs(): number {
    return Math.floor(this.#wallMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs + this.#fractionMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal));
        return;
      }
      const aborted = () => {
        cancel();
        if (signal !== undefined) reject(reasonOf(signal));
      };
      const cancel = this.after(delayMs, () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + Math.max(0, delayMs), ordinal: this.#ordinal++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait; 0 proves that nothing was left behind. */
  get pending(): number {
    return this.#timers.length;
  }

  /**
   * Time stands still from now on while this is so: work of another thread takes none, however slow the machine is.
   * What waits for this clock must not count as under way.
   */
  standsWhile(isWorkUnderWay: () => boolean): void {
    this.#isWorkUnderWay = isWorkUnderWay;
  }

  /** Moves wall time alone, forward or (negative) back: no timer runs. */
  jumpMs(byMs: number): void {
    this.#wallMs += byMs;
  }

  /**
   * Lets time pass: runs the timers in the order in which they are due, those that they start included, and lets promises
   * settle before, between and after. Work that leaves the process (files, sockets, threads) may need `advanceUntil`, or
   * `standsWhile`.
   * @throws when the work that it stands still for does not end
   */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#monotonicMs + byMs;
    await this.#calm();
    for (let timer = this.#next(endMs); timer !== undefined; timer = this.#next(endMs)) {
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#move(due.atMs);
      due.run();
      await this.#calm();
    }
    this.#move(endMs);
  }

  /**
   * Advances in steps until `met` holds, giving real I/O a little real time after each step.
   * @throws when it does not hold after `withinMs` of fake time
   */
  async advanceUntil(
    met: () => boolean | Promise<boolean>,
    { stepMs = 100, withinMs = 60_000 }: { readonly stepMs?: number; readonly withinMs?: number } = {},
  ): Promise<void> {
    const endMs = this.#monotonicMs + withinMs;
    while (!(await met())) {
      if (this.#monotonicMs >= endMs) {
        if (await soon(met)) return;
        throw new Error(`not so within ${withinMs} ms of fake time: ${met.toString()}`);
      }
      // One step of fake time costs at least one turn of real I/O, so that a thread or a socket can answer.
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.advance(stepMs);
    }
  }

  async #calm(): Promise<void> {
    await settled();
    const deadlineMs = performance.now() + LAST_WORK_MS;
    for (let turn = 0; this.#isWorkUnderWay(); turn++) {
      if (performance.now() > deadlineMs) throw new Error(`work of another thread took more than ${LAST_WORK_MS} ms`);
      // Most answers are there sooner than the shortest timer.
      await new Promise((resolve) => (turn < EAGER_TURNS ? setImmediate(resolve) : setTimeout(resolve, 0)));
      // What was answered may ask again.
      if (!this.#isWorkUnderWay()) await settled();
    }
  }

  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue;
      if (
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.ordinal < first.ordinal)
      )
        first = timer;
    }
    return first;
  }

  #move(toMs: number): void {
    const movedMs = toMs - this.#monotonicMs;
    this.#wallMs += movedMs;
    this.#monotonicMs = toMs;
    // Always upwards, so that no wait looks shorter than it was; and always below a millisecond.
    if (this.#uneven && movedMs > 0) this.#fractionMs += (1 - this.#fractionMs) / 4_096;
  }
}

/** Lets everything run that waits for promises, ticks and immediates only. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

/** Real I/O that is under way when fake time stands still: a slow disk is no reason to fail. */
const LAST_IO_MS = 5_000;
/** Of what fake time stands still for. */
const LAST_WORK_MS = 30_000;
const EAGER_TURNS = 50;

async function soon(met: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadlineMs = performance.now() + LAST_IO_MS;
  while (performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (await met()) return true;
  }
  return false;
}
