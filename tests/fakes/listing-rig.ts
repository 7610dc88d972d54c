/** A node that looks its addresses up in blocklists, by a clock that a test moves. */
import { ExitListings } from '../../src/exits/listings.ts';
import { MarkWriter } from '../../src/exits/mark-writer.ts';
import type { Event } from '../../src/message/event.ts';
import type { Policy, PolicyInput } from '../../src/policy/schema.ts';
import type { Dns } from '../../src/ports.ts';
import { checksOf } from '../../src/routing/checks.ts';
import { listingName, testNames } from '../../src/routing/listing.ts';
import { SpoolError } from '../../src/spool/spool.ts';
import { FakeClock, settled } from './clock.ts';
import { DnsZone, fakeDns } from './dns.ts';
import { testPolicy } from './exits.ts';
import { MemoryMarks } from './marks.ts';

export const ADDRESS = '198.51.100.7';
export const ZEN = 'zen.spamhaus.org';
export const EGRESS: PolicyInput['egress'] = {
  ip: { type: 'mx', bind: ADDRESS },
  other: { type: 'mx', bind: '198.51.100.8' },
};

/** A zone that tells its test entries apart, as every list does. */
export function soundZone(zones: readonly string[] = [ZEN], families: readonly (4 | 6)[] = [4, 6]): DnsZone {
  const names = zones.flatMap((zone) => families.map((family) => testNames(zone, family).present));
  return new DnsZone(Object.fromEntries(names.map((name) => [name, { a: ['127.0.0.2'] }])));
}

export type ListingRigOptions = {
  readonly egress?: PolicyInput['egress'];
  readonly blocklists?: PolicyInput['blocklists'];
  readonly zone?: DnsZone;
  readonly dns?: Dns;
  readonly marks?: MemoryMarks;
  readonly clock?: FakeClock;
  readonly lag?: number;
  readonly isShared?: boolean;
};

/** See `EGRESS` for its exits. */
export class ListingRig {
  readonly clock: FakeClock;
  readonly marks: MemoryMarks;
  readonly zone: DnsZone;
  readonly events: Event[] = [];
  readonly holds: string[] = [];
  holdFails = false;
  policy: Policy;
  readonly ending = new AbortController();
  readonly #listings: ExitListings;
  readonly #writer: MarkWriter;

  constructor({ egress = EGRESS, blocklists = { zones: [ZEN] }, zone = soundZone(), ...more }: ListingRigOptions = {}) {
    this.clock = more.clock ?? new FakeClock();
    this.marks = more.marks ?? new MemoryMarks();
    this.zone = zone;
    this.policy = testPolicy({ egress, blocklists });
    this.#writer = new MarkWriter(this.marks, this.clock);
    this.#listings = new ExitListings(
      {
        policy: () => this.policy,
        clock: this.clock,
        random: { fraction: () => more.lag ?? 0, bytes: (count) => Buffer.alloc(count) },
        emit: (event) => void this.events.push(event),
        dns: more.dns ?? fakeDns(zone),
        marks: this.marks,
        writer: this.#writer,
        isShared: more.isShared ?? false,
        hold: async (filter, _atMs, reason) => {
          if (this.holdFails) throw new SpoolError('unavailable', 'away');
          this.holds.push(`${filter.egress} ${filter.stream}: ${reason}`);
          return 1;
        },
      },
      this.ending.signal,
    );
  }

  /** In steps of 10 s, which is how often it looks at all. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 10) {
      this.#listings.tick();
      await settled();
      await this.#writer.flush();
      await this.clock.advance(10_000);
    }
  }

  /** Ticks until what is under way is over: for answers that come over the wire. */
  async look(): Promise<void> {
    this.#listings.tick();
    await this.#listings.rest();
    await this.#writer.flush();
  }

  list(address: string, codes: readonly string[], { zone = ZEN, text = '' } = {}): void {
    this.zone.set(listingName(address, zone), { a: codes, ...(text === '' ? {} : { txt: [text] }) });
  }

  checks(egress = 'ip'): { readonly gates: readonly string[]; readonly pace: number } {
    const at = { policy: this.policy, marks: this.marks.all(), node: 'n1', nowMs: this.clock.nowMs() };
    const { closures, pace } = checksOf(egress, at);
    return { gates: closures.map(({ gate }) => gate), pace };
  }

  alerts(): readonly string[] {
    return this.events.flatMap((event) =>
      event.event === 'alert' ? [`${event.raised ? 'raised' : 'over'} ${event.name}: ${event.text}`] : [],
    );
  }
}
