/** Looks whether own addresses are in DNS blocklists: what they say goes into the store, and into alerts. */
import { isPrivate } from '../egress/smtp/special-addresses.ts';
import { ListingAlerts } from './listing-alerts.ts';
import { lookUp } from './listing-look.ts';
import type { MarkWriter } from './mark-writer.ts';
import { isUsable } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Dns, Emit, Random } from '../ports.ts';
import { afterLooks } from '../routing/listing-course.ts';
import { listingMark, LISTING_MARKS, parseListing, shownZone, type ListingRecord } from '../routing/listing-record.ts';
import { ownAddressOf } from '../policy/own-address.ts';
import { NO_IPV6 } from '../routing/listing.ts';
import type { Marks } from '../spool/marks.ts';
import type { QueueFilter } from '../spool/spool.ts';

export type ExitListingsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly dns: Dns;
  readonly marks: Marks;
  readonly writer: MarkWriter;
  /** Whether other nodes look too: then the first whose turn it is looks for all. */
  readonly isShared: boolean;
  /** See `Spool`. */
  readonly hold: (filter: QueueFilter, atMs: number, reason: string) => Promise<number>;
};

/** Between two looks at what others found. */
const READ_EVERY_MS = 10_000;
/** Nodes do not all look at once. */
const LAG_MS = 30_000;
/** What was under way when an exit was closed comes to its end within that, and waits again. */
const HOLD_AFTER_MS = [0, 15_000, 60_000] as const;
const FORGET_MS = 7 * 24 * 60 * 60_000;

/** An own address, and the exits that send from it. */
type Own = { readonly address: string; readonly exits: readonly string[] };

export class ExitListings {
  readonly #needs: ExitListingsNeeds;
  readonly #signal: AbortSignal;
  readonly #alerts: ListingAlerts;
  readonly #lagMs: number;
  #records = new Map<string, ListingRecord>();
  #nextReadMs = Number.NEGATIVE_INFINITY;
  #followed: Policy | null = null;
  /** Resolvers by which it looked last; '' before it did. */
  #resolvers = '';
  #underWay: Promise<void> | null = null;
  /** Mail to be held yet, monotonic. */
  #holds: { readonly atMs: number; readonly own: Own }[] = [];

  constructor(needs: ExitListingsNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
    this.#alerts = new ListingAlerts(needs);
    this.#lagMs = needs.isShared ? needs.random.fraction() * LAG_MS : 0;
  }

  /** Looks where that is due. Costs nothing where no zone is asked. */
  tick(): void {
    const policy = this.#needs.policy();
    const nowMs = this.#needs.clock.monotonicMs();
    if (policy !== this.#followed) this.#nextReadMs = nowMs;
    this.#followed = policy;
    if (this.#underWay !== null || (this.#nextReadMs > nowMs && !this.#holds.some(({ atMs }) => atMs <= nowMs))) return;
    this.#nextReadMs = nowMs + READ_EVERY_MS;
    this.#underWay = this.#look(policy)
      .catch((error: unknown) => {
        const { emit, clock } = this.#needs;
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'blocklists', cause: String(error) });
      })
      .finally(() => (this.#underWay = null));
  }

  /** Until what is under way is over, or the relay ends: DNS is not waited for then. */
  async rest(): Promise<void> {
    if (!this.#signal.aborted) await this.#underWay;
  }

  async #look(policy: Policy): Promise<void> {
    const own = policy.blocklists.zones.length === 0 ? [] : ownAddresses(policy);
    if (own.length > 0) await this.#read(own);
    const due = own.filter(({ address }) => this.#isDue(address, policy));
    if (due.length > 0) await this.#ask(due, policy);
    if (this.#signal.aborted) return;
    this.#alerts.tell(own, this.#records, policy);
    await this.#hold(policy);
  }

  /** What is known, by whoever looked. A store that is away leaves what this node knows. */
  async #read(own: readonly Own[]): Promise<void> {
    const { marks, clock, writer } = this.#needs;
    const read = await marks.marks(LISTING_MARKS).catch(() => []);
    const addresses = new Set(own.map(({ address }) => address));
    for (const { name, text, atMs } of read) {
      const address = name.slice(LISTING_MARKS.length);
      const record = parseListing(text);
      if (!addresses.has(address)) {
        if (clock.nowMs() - atMs > FORGET_MS) writer.remove(name);
        continue;
      }
      const known = this.#records.get(address);
      if (record !== null && (known === undefined || record.lookedAtMs > known.lookedAtMs))
        this.#records.set(address, record);
    }
    this.#records = new Map([...this.#records].filter(([address]) => addresses.has(address)));
  }

  #isDue(address: string, { blocklists: { zones, every }, dns }: Policy): boolean {
    const record = this.#records.get(address);
    if (record === undefined) return true;
    const sinceMs = this.#needs.clock.nowMs() - record.lookedAtMs;
    // Looked at in the future: the clock was set back since.
    if (sinceMs < 0 || sinceMs >= every + this.#lagMs) return true;
    // Others may be answered where these were not.
    const isUnknown = record.zones.some(({ unknown }) => unknown !== null && unknown.cause !== NO_IPV6);
    if (isUnknown && JSON.stringify(dns.servers) !== this.#resolvers) return true;
    return zones.map(shownZone).join(' ') !== record.zones.map(({ zone }) => zone).join(' ');
  }

  async #ask(due: readonly Own[], policy: Policy): Promise<void> {
    const { clock, writer } = this.#needs;
    const { blocklists } = policy;
    this.#resolvers = JSON.stringify(policy.dns.servers);
    const addresses = due.map(({ address }) => address);
    const found = await lookUp(addresses, blocklists.zones, { dns: this.#needs.dns, signal: this.#signal });
    if (this.#signal.aborted) return;
    const nowMs = clock.nowMs();
    for (const own of due) {
      const before = this.#records.get(own.address) ?? null;
      const after = afterLooks(before, found.get(own.address) ?? [], { nowMs, blocklists });
      this.#records.set(own.address, after);
      writer.put(listingMark(own.address), JSON.stringify(after));
      if (after.listedSinceMs === null || (before !== null && before.listedSinceMs !== null)) continue;
      const fromMs = clock.monotonicMs();
      this.#holds.push(...HOLD_AFTER_MS.map((afterMs) => ({ atMs: fromMs + afterMs, own })));
    }
    await writer.flush();
  }

  /** Sending refused bulk mail again from another address is evasion: an operator says what becomes of it. */
  async #hold({ streams }: Policy): Promise<void> {
    const { clock, hold } = this.#needs;
    const nowMs = clock.monotonicMs();
    const due = this.#holds.filter(({ atMs }) => atMs <= nowMs);
    const held = Object.keys(streams).filter((stream) => streams[stream]?.onBlock === 'hold');
    for (const entry of due) {
      for (const egress of entry.own.exits) {
        for (const stream of held) {
          const reason = `${entry.own.address}, by which it was tried, is listed`;
          // A store that is away: the next look tries again.
          if (!(await isDone(hold({ egress, stream }, clock.nowMs(), reason)))) return;
        }
      }
      this.#holds = this.#holds.filter((other) => other !== entry);
    }
  }
}

async function isDone(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** Those that lists can know: a private address is nobody's. */
export function ownAddresses(policy: Policy): readonly Own[] {
  const exits = new Map<string, string[]>();
  for (const [name, terms] of Object.entries(policy.egress)) {
    const address = isUsable(policy, name) ? ownAddressOf(terms) : null;
    if (address === null || isPrivate(address)) continue;
    exits.set(address, [...(exits.get(address) ?? []), name]);
  }
  return [...exits].map(([address, names]) => ({ address, exits: names }));
}
