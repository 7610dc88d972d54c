/**
 * Who may not try again for a while. Each node counts by itself; nodes that share a store also count there, so that who goes from
 * one to the next has one more try at each, and not all of them again.
 */
import { createHash } from 'node:crypto';
import type { Attempts } from '../http/sign-in/desk.ts';
import { addressKey } from '../ingress/address-key.ts';
import { SignInLimits } from '../ingress/sign-in-limits.ts';
import type { Rate } from '../policy/units.ts';
import type { Clock } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';

export type SharedAttemptsNeeds = {
  /** So many failures in that time. */
  readonly limit: () => Rate;
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Whether there may be other nodes. */
  readonly isShared: () => boolean;
  /** What is tried, such as `pages`: each is counted apart. */
  readonly what: string;
};

/** More than can be: it only counts. */
const NO_LIMIT = 1_000_000_000;

export function sharedAttempts({ limit, clock, ledger, isShared, what }: SharedAttemptsNeeds): Attempts {
  const own = new SignInLimits(limit);
  const counted = async (key: string): Promise<void> => {
    const { count, windowMs } = limit();
    // What was typed as a name may be anything, a password even: it is not kept.
    const name = createHash('sha256').update(`${what} ${key}`).digest('hex').slice(0, 32);
    const draw = { account: `failed:${name}`, amount: 1, limit: NO_LIMIT, windowMs, nowMs: clock.nowMs() };
    const { used } = await ledger.draw(draw);
    if (used < count) return;
    // As if all of them had been here.
    for (let more = 0; more < count; more++)
      if (!own.isBarred(key, clock.monotonicMs())) own.failed(key, clock.monotonicMs());
  };
  return {
    isBarred: (key) => own.isBarred(addressKey(key), clock.monotonicMs()),
    failed: (key) => {
      const kept = addressKey(key);
      own.failed(kept, clock.monotonicMs());
      // Where the store is away each node has its own count.
      if (isShared()) void counted(kept).catch(() => {});
    },
    barredSeconds: () => Math.ceil(limit().windowMs / 1_000),
  };
}
