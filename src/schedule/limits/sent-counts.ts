import { dayOf } from '../../policy/day.ts';
import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Rate } from '../../policy/units.ts';
import type { Clock } from '../../ports.ts';
import type { Count, Tallies } from '../../spool/tallies.ts';
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

const WRITE_EVERY_MS = 2_000;
/** Of a store that is away for days: exits and providers come to no more. */
const WAITING_MOST = 20_000;

/** Counts what left by each exit on each day, and lately where it has a rate; written every few seconds; a process that is killed takes the last of it along. */
export class SentCounts {
  readonly #needs: SentCountsNeeds;
  #waiting = new Map<string, Count & { readonly keptMs: number }>();
  #writing: Promise<void> | null = null;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(needs: SentCountsNeeds) {
    this.#needs = needs;
  }

  /** One message left. @param provider null: not known, or not of interest */
  add(egress: string, provider: string | null): void {
    const { policy, clock } = this.#needs;
    const { startsAtMs } = dayOf(clock.nowMs(), policy().timeZone);
    this.#add({ account: sentAccount({ egress, provider: null }), startsAtMs, amount: 1 }, SENT_KEPT_MS);
    const terms = egressOf(policy(), egress);
    if (terms !== undefined && terms.rate !== null) this.#addToRate(egress, terms.rate);
    if (provider === null || terms?.warmup?.perProvider !== true) return;
    this.#add({ account: sentAccount({ egress, provider }), startsAtMs, amount: 1 }, SENT_TO_KEPT_MS);
  }

  tick(): void {
    if (this.#needs.clock.monotonicMs() - this.#writtenMs >= WRITE_EVERY_MS) void this.write();
  }

  /** Writes what waits. Never rejects: what the store did not take is written with what comes. */
  async write(): Promise<void> {
    await this.#writing;
    if (this.#waiting.size === 0) return;
    this.#writtenMs = this.#needs.clock.monotonicMs();
    this.#writing ??= this.#writeNow().finally(() => (this.#writing = null));
    await this.#writing;
  }

  async #writeNow(): Promise<void> {
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    try {
      await this.#needs.tallies.count(
        waiting.map(({ keptMs, ...count }) => ({ ...count, keepUntilMs: count.startsAtMs + keptMs })),
      );
    } catch (cause) {
      for (const { keptMs, ...count } of waiting) this.#add(count, keptMs);
      this.#needs.failed(cause);
    }
  }

  #addToRate(egress: string, rate: Rate): void {
    const lengthMs = rateStretchMs(rate);
    const startsAtMs = Math.floor(this.#needs.clock.nowMs() / lengthMs) * lengthMs;
    const keptMs = 2 * (rate.windowMs + lengthMs);
    this.#add({ account: `${SENT_AT_RATE}${egress}`, startsAtMs, amount: 1 }, keptMs);
  }

  #add(count: Count, keptMs: number): void {
    const key = `${count.startsAtMs} ${count.account}`;
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= WAITING_MOST) return;
    this.#waiting.set(key, { ...count, amount: (known?.amount ?? 0) + count.amount, keptMs });
  }
}
