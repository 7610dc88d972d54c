/**
 * How old mail is, counting only time in which the relay could have sent it: a wall clock that jumps, or a process that
 * was frozen, ages nothing. See docs/decisions/0004-clock-jumps.md.
 */
import type { Clock } from '../ports.ts';
import type { LeasedDelivery } from '../spool/spool.ts';

/**
 * Wall time may drift by so much between two looks before it counts as a jump; less than `LEASE_MARGIN_MS`, so that a
 * lease that is known to hold never looks as if it had ended.
 */
const DRIFT_MS = 3_000;
/** A look is due every second; time beyond this between two looks is time in which nothing ran. */
const FROZEN_MS = 60_000;
/** More jumps than a day of bad time-keeping has; the oldest are forgotten. */
const JUMPS_KEPT = 100;

/** Wall time went from `fromMs` to `toMs` while next to nothing happened. */
export type Jump = { readonly fromMs: number; readonly toMs: number };

export class AgeKeeper {
  readonly #clock: Clock;
  #wallMs: number;
  #monotonicMs: number;
  #jumps: Jump[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallMs = clock.nowMs();
    this.#monotonicMs = clock.monotonicMs();
  }

  /** To be called about once a second; returns the jump since the last call, or null. */
  look(): Jump | null {
    const wallMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const ranMs = monotonicMs - this.#monotonicMs;
    const expectedMs = this.#wallMs + (ranMs > FROZEN_MS ? 0 : ranMs);
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    if (Math.abs(wallMs - expectedMs) <= DRIFT_MS) return null;
    const jump = { fromMs: expectedMs, toMs: wallMs };
    this.#jumps = [...this.#jumps, jump].slice(-JUMPS_KEPT);
    return jump;
  }

  /** Age in ms of what began at a wall time, at least 0. */
  ageMs(sinceMs: number): number {
    let agedMs = this.#clock.nowMs() - sinceMs;
    for (const jump of this.#jumps) {
      // Forward: what began before it was not there during the time that never was. Back: only what began beyond where
      // the clock came from cannot be told from what began after; it is taken as younger.
      const before = jump.toMs > jump.fromMs ? sinceMs <= jump.fromMs : sinceMs < jump.toMs;
      if (before) agedMs -= jump.toMs - jump.fromMs;
    }
    return Math.max(0, agedMs);
  }

  ageOf({ delivery, message }: Pick<LeasedDelivery, 'delivery' | 'message'>): number {
    return this.ageMs(Math.max(delivery.createdAtMs, message.sendAtMs ?? 0));
  }
}
