import { dayOf } from '../../policy/day.ts';
import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Rate } from '../../policy/units.ts';
import type { Clock } from '../../ports.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { type Waiting, WaitingCounts } from '../waiting-counts.ts';
import { SENT_KEPT_MS, SENT_TO_KEPT_MS, sentAccount } from './warmups.ts';

export type SentCountsNeeds = {
  readonly policy: () => Policy;
  readonly tallies: Pick<Tallies, 'count'>;
  readonly clock: Clock;
  readonly failed: (cause: unknown) => void;
};

/** What exits with a rate sent in the windows of it that are not over, by stretches. */
const SENT_AT_RATE = 'sent-at-rate:';
const STRETCHES = 60;
const STRETCH_LEAST_MS = 1_000;

/** How long the stretches are in which it is counted what was sent at a rate. */
function rateStretchMs({ windowMs }: Rate): number {
  return Math.max(STRETCH_LEAST_MS, Math.ceil(windowMs / STRETCHES));
}

/**
 * Messages that left by an exit in the window of its rate that ends now, as all processes wrote it down a moment ago: up to
 * a sixtieth of the window too many, and at most the rate's count.
 */
export async function sentAtRate(
  { tallies, clock }: { readonly tallies: Pick<Tallies, 'counts'>; readonly clock: Clock },
  { egress, rate }: { readonly egress: string; readonly rate: Rate },
): Promise<number> {
  const account = `${SENT_AT_RATE}${egress}`;
  const sinceMs = clock.nowMs() - rate.windowMs - rateStretchMs(rate);
  // Names may begin alike.
  const counts = (await tallies.counts(account, sinceMs + 1)).filter((count) => count.account === account);
  return Math.min(
    rate.count,
    counts.reduce((sum, { amount }) => sum + amount, 0),
  );
}

/** Counts what left by each exit on each day, and lately where it has a rate. */
export class SentCounts {
  readonly #needs: SentCountsNeeds;
  /** With how long each is kept. */
  readonly #waiting: WaitingCounts<number>;

  constructor(needs: SentCountsNeeds) {
    this.#needs = needs;
    this.#waiting = new WaitingCounts({
      clock: needs.clock,
      write: (waiting) => this.#count(waiting),
      failed: needs.failed,
    });
  }

  /** One message left. @param provider null: not known, or not of interest */
  add(egress: string, provider: string | null): void {
    const { policy, clock } = this.#needs;
    const { startsAtMs } = dayOf(clock.nowMs(), policy().timeZone);
    this.#waiting.add({ account: sentAccount({ egress, provider: null }), startsAtMs, amount: 1 }, SENT_KEPT_MS);
    const terms = egressOf(policy(), egress);
    if (terms !== undefined && terms.rate !== null) this.#addToRate(egress, terms.rate);
    if (provider === null || terms?.warmup?.perProvider !== true) return;
    this.#waiting.add({ account: sentAccount({ egress, provider }), startsAtMs, amount: 1 }, SENT_TO_KEPT_MS);
  }

  tick(): void {
    this.#waiting.tick();
  }

  /** See `WaitingCounts`. */
  write(): Promise<void> {
    return this.#waiting.write();
  }

  #count(waiting: readonly Waiting<number>[]): Promise<void> {
    return this.#needs.tallies.count(
      waiting.map(({ count, note: keptMs }) => ({ ...count, keepUntilMs: count.startsAtMs + keptMs })),
    );
  }

  #addToRate(egress: string, rate: Rate): void {
    const lengthMs = rateStretchMs(rate);
    const startsAtMs = Math.floor(this.#needs.clock.nowMs() / lengthMs) * lengthMs;
    const keptMs = 2 * (rate.windowMs + lengthMs);
    this.#waiting.add({ account: `${SENT_AT_RATE}${egress}`, startsAtMs, amount: 1 }, keptMs);
  }
}
