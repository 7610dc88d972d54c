import { OWN_CLIENT } from '../../message/message.ts';
import { dayOf } from '../../policy/day.ts';
import { billed, type Price, priceOf } from '../../policy/money.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import { costAccount, type CostKind, parseCostAccount, TAG_COSTS } from '../../routing/cost-names.ts';
import type { Quotas } from '../../spool/ledger.ts';
import type { Count, Tallies } from '../../spool/tallies.ts';
import { type Waiting, WaitingCounts, WRITE_EVERY_MS } from '../waiting-counts.ts';

export type CostCountsNeeds = {
  readonly policy: () => Policy;
  readonly tallies: Pick<Tallies, 'count' | 'counts'>;
  readonly quotas: Pick<Quotas, 'takeBlock' | 'spend'>;
  readonly clock: Clock;
  /** One life of this process. */
  readonly holder: string;
  readonly failed: (cause: unknown) => void;
};

/** An exit took it for so many of its recipients. */
export type Taken = {
  readonly egress: string;
  readonly recipients: number;
  readonly stream: string;
  readonly client: string;
  readonly tag: string | null;
};

/** A year and a month, for comparison. */
const KEPT_MS = 400 * 86_400_000;
/** There may be others each day: of this month, what its pace is taken from, and of the month before. */
const TAGS_KEPT_MS = 75 * 86_400_000;
/** Tags of a day that are counted by name, over all processes. */
export const TAGS_A_DAY = 1_000;
export const OTHER = 'other';
const LONGEST_TAG = 200;

type Tag = { readonly name: string; readonly price: Price };
/** Of one day. `known`: those that have a place. */
type Tags = { readonly startsAtMs: number; readonly endsAtMs: number; readonly known: Set<string>; isFull: boolean };

/**
 * Counts what exits took, at which price, by exit, stream, client and tag, on each day. Counts and not money, so that nothing
 * is rounded before it is added up.
 */
export class CostCounts {
  readonly #needs: CostCountsNeeds;
  /** With the tag that each is of, if it is of one. */
  readonly #waiting: WaitingCounts<Tag | null>;
  #tags: Tags | null = null;

  constructor(needs: CostCountsNeeds) {
    this.#needs = needs;
    this.#waiting = new WaitingCounts({
      clock: needs.clock,
      write: (waiting) => this.#count(waiting),
      failed: needs.failed,
    });
  }

  add({ egress, recipients, stream, client, tag }: Taken): void {
    const policy = this.#needs.policy();
    const exit = policy.egress[egress];
    if (exit === undefined || recipients <= 0) return;
    const price = priceOf(exit);
    const amount = billed(exit, recipients);
    const { startsAtMs } = dayOf(this.#needs.clock.nowMs(), policy.timeZone);
    const count = (kind: CostKind, name: string): Count => ({
      account: costAccount({ kind, name, price }),
      startsAtMs,
      amount,
    });
    this.#waiting.add(count('exit', egress), null);
    // What nothing is paid for is counted only by its exit.
    if (price === null) return;
    const known = Object.hasOwn(policy.streams, stream) ? stream : OTHER;
    this.#waiting.add(count('stream', known), null);
    const isClient = client === OWN_CLIENT || Object.hasOwn(policy.clients, client);
    this.#waiting.add(count('client', isClient ? client : OTHER), null);
    if (tag === null) return;
    const name = tag.length > LONGEST_TAG || !tag.isWellFormed() ? OTHER : tag;
    this.#waiting.add(count('tag', name), { name, price });
  }

  tick(): void {
    this.#waiting.tick();
  }

  /** See `WaitingCounts`. */
  write(): Promise<void> {
    return this.#waiting.write();
  }

  async #count(waiting: readonly Waiting<Tag | null>[]): Promise<void> {
    const counts = await this.#withinTags(waiting);
    const keptMs = ({ account }: Count): number => (account.startsWith(TAG_COSTS) ? TAGS_KEPT_MS : KEPT_MS);
    await this.#needs.tallies.count(
      counts.map((count) => ({ ...count, keepUntilMs: count.startsAtMs + keptMs(count) })),
    );
  }

  /** Tags beyond those of the day become one. */
  async #withinTags(waiting: readonly Waiting<Tag | null>[]): Promise<readonly Count[]> {
    const tagged = waiting.flatMap(({ count, note: tag }) => (tag === null ? [] : [{ count, ...tag }]));
    const known = new Map<number, ReadonlySet<string>>();
    for (const [startsAtMs, some] of Map.groupBy(tagged, ({ count }) => count.startsAtMs))
      known.set(startsAtMs, await this.#admit(startsAtMs, new Set(some.map(({ name }) => name))));
    return waiting.map(({ count, note: tag }) => {
      if (tag === null || known.get(count.startsAtMs)?.has(tag.name) === true) return count;
      return { ...count, account: costAccount({ kind: 'tag', name: OTHER, price: tag.price }) };
    });
  }

  /** Places are given by the store, so that processes together give no more than there are. @returns those that have one */
  async #admit(startsAtMs: number, names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const tags = this.#tagsOf(startsAtMs);
    const isUnknown = (): string[] => [...names].filter((name) => !tags.known.has(name));
    if (tags.isFull || isUnknown().length === 0) return tags.known;
    const { tallies, quotas, clock, holder } = this.#needs;
    for (const { account, startsAtMs: day } of await tallies.counts(TAG_COSTS, startsAtMs)) {
      const name = parseCostAccount(account)?.name;
      if (name !== undefined && day === startsAtMs) tags.known.add(name);
    }
    const fresh = isUnknown();
    if (fresh.length === 0) return tags.known;
    const quota = { account: 'cost-tags', startsAtMs, endsAtMs: tags.endsAtMs, holder };
    const nowMs = clock.nowMs();
    const asked = { ...quota, wanted: fresh.length, limit: TAGS_A_DAY, nowMs, untilMs: nowMs + WRITE_EVERY_MS };
    const { left } = await quotas.takeBlock(asked);
    const amount = Math.min(left, fresh.length);
    if (amount > 0 && (await quotas.spend({ ...quota, amount })) === 'lost') return tags.known;
    for (const name of fresh.slice(0, amount)) tags.known.add(name);
    if (amount < fresh.length) tags.isFull = true;
    return tags.known;
  }

  #tagsOf(startsAtMs: number): Tags {
    if (this.#tags?.startsAtMs === startsAtMs) return this.#tags;
    const { endsAtMs } = dayOf(startsAtMs, this.#needs.policy().timeZone);
    this.#tags = { startsAtMs, endsAtMs, known: new Set([OTHER]), isFull: false };
    return this.#tags;
  }
}
