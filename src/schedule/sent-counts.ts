import { dayOf } from '../policy/day.ts';
import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Count, Tallies } from '../spool/tallies.ts';
import { SENT_KEPT_MS, SENT_TO_KEPT_MS, sentAccount } from './warmups.ts';

export type SentCountsNeeds = {
  readonly policy: () => Policy;
  readonly tallies: Pick<Tallies, 'count'>;
  readonly clock: Clock;
  readonly failed: (cause: unknown) => void;
};

const WRITE_EVERY_MS = 2_000;
/** Of a store that is away for days: exits and providers come to no more. */
const WAITING_MOST = 20_000;

/** Counts what left by each exit on each day, written every few seconds; a process that is killed takes the last of it along. */
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
    if (provider === null || egressOf(policy(), egress)?.warmup?.perProvider !== true) return;
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

  #add(count: Count, keptMs: number): void {
    const key = `${count.startsAtMs} ${count.account}`;
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= WAITING_MOST) return;
    this.#waiting.set(key, { ...count, amount: (known?.amount ?? 0) + count.amount, keptMs });
  }
}
