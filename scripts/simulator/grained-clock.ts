/** A clock for days that pass in minutes. */
import type { Clock } from '../../src/ports.ts';

type Timer = { readonly dueMs: number; readonly ordinal: number; readonly isShort: boolean; readonly run: () => void };

/** What waits less than this is about mail that moves now: its time is kept. */
const SHORT_MS = 1_000;

/**
 * Stands still until it is moved. What waits for a second or longer runs at the end of a grain of time, all of a grain
 * together, as in a process that is busy; what waits less runs at its time. Wall and monotonic time move together.
 */
export class GrainedClock implements Clock {
  readonly #startMs: number;
  #nowMs: number;
  #ordinal = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs: number) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const reason = (): Error => (signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason)));
      if (signal?.aborted === true) {
        reject(reason());
        return;
      }
      const aborted = (): void => {
        cancel();
        reject(reason());
      };
      const cancel = this.after(delayMs, () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  after(delayMs: number, run: () => void): () => void {
    const dueMs = Math.ceil(this.#nowMs + Math.max(0, delayMs));
    const timer = { dueMs, ordinal: this.#ordinal++, isShort: delayMs < SHORT_MS, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** When the next short wait up to then is over; null: there is none. */
  nextShortMs(byMs: number): number | null {
    let firstMs: number | null = null;
    for (const { isShort, dueMs } of this.#timers)
      if (isShort && dueMs <= byMs && (firstMs === null || dueMs < firstMs)) firstMs = dueMs;
    return firstMs;
  }

  /** It is that late now, and whatever was due by then runs; what that starts does not yet. */
  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const due = [...this.#timers].filter(({ dueMs }) => dueMs <= this.#nowMs);
    due.sort((one, other) => one.dueMs - other.dueMs || one.ordinal - other.ordinal);
    for (const timer of due) if (this.#timers.delete(timer)) timer.run();
  }
}
