/** What operators are told of blocklists: of each address that is listed, and of each list that cannot be asked. */
import { formatAge } from '../policy/units.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { listingZones, returnPace, shownZone, type ListingRecord, type ZoneRecord } from '../routing/listing-record.ts';
import { NO_IPV6, removalOf } from '../routing/listing.ts';

type Own = { readonly address: string; readonly exits: readonly string[] };

/** A list that gives no answer for so many looks is told of: one that misses a look is not. */
const LOOKS_UNKNOWN = 3;

export class ListingAlerts {
  readonly #needs: { readonly clock: Clock; readonly emit: Emit };
  /** In force, by name. */
  readonly #raised = new Map<string, string>();

  constructor(needs: { readonly clock: Clock; readonly emit: Emit }) {
    this.#needs = needs;
  }

  /** Each alert is raised once, and over once. */
  tell(own: readonly Own[], records: ReadonlyMap<string, ListingRecord>, policy: Policy): void {
    const wanted = new Map<string, string>();
    const over = new Map<string, string>();
    for (const { address, exits } of own) {
      const record = records.get(address);
      if (record === undefined) continue;
      const who = `${address} (${exits.join(', ')})`;
      const listed = record.listedSinceMs === null ? [] : listingZones(record, policy.blocklists);
      if (listed.length > 0) wanted.set(`address-listed:${address}`, listedText(who, listed, { exits, policy }));
      else over.set(`address-listed:${address}`, overText(who, record, policy));
      const noted = record.zones.filter((zone) => zone.noted || (zone.listed === true && listed.length === 0));
      if (noted.length > 0) wanted.set(`address-noted:${address}`, notedText(who, noted));
    }
    for (const zone of policy.blocklists.zones.map(shownZone)) {
      const cause = this.#unknownFor(
        zone,
        own.flatMap(({ address }) => records.get(address) ?? []),
        policy,
      );
      if (cause !== null) wanted.set(`blocklist-unknown:${zone}`, unknownText(zone, cause));
    }
    this.#settle(wanted, over);
  }

  /** Why a zone has said nothing of any address for long; null: it has, or is asked for the first times. */
  #unknownFor(zone: string, records: readonly ListingRecord[], { blocklists: { every } }: Policy): string | null {
    const said = records.flatMap(({ zones }) =>
      zones.filter((one) => one.zone === zone && one.unknown?.cause !== NO_IPV6),
    );
    const latestMs = this.#needs.clock.nowMs() - (LOOKS_UNKNOWN - 1) * every;
    const isLong = said.length > 0 && said.every(({ unknown }) => unknown !== null && unknown.sinceMs <= latestMs);
    return isLong ? (said[0]?.unknown?.cause ?? null) : null;
  }

  #settle(wanted: ReadonlyMap<string, string>, over: ReadonlyMap<string, string>): void {
    const atMs = this.#needs.clock.nowMs();
    for (const [name, text] of wanted) {
      if (this.#raised.has(name)) continue;
      this.#raised.set(name, text);
      this.#needs.emit({ event: 'alert', atMs, name, text, raised: true });
    }
    for (const name of this.#raised.keys()) {
      if (wanted.has(name)) continue;
      this.#raised.delete(name);
      const what = name.slice(name.indexOf(':') + 1);
      const text =
        over.get(name) ?? (name.startsWith('blocklist') ? `${what} answers again` : `${what}: no more of it`);
      this.#needs.emit({ event: 'alert', atMs, name, text, raised: false });
    }
  }
}

function listedText(
  who: string,
  zones: readonly ZoneRecord[],
  { exits, policy }: { readonly exits: readonly string[]; readonly policy: Policy },
): string {
  const held = Object.keys(policy.streams).filter((stream) => policy.streams[stream]?.onBlock === 'hold');
  const release = held.flatMap((stream) =>
    exits.map((egress) => `relevo queue release --egress ${egress} --stream ${stream}`),
  );
  const waiting =
    held.length === 0
      ? ''
      : `; what of ${held.join(', ')} was tried by it is held (${release.join('; ')}: by whatever exit is open then, which may be another address), and does not expire meanwhile`;
  return (
    `${who} is listed in ${causesOf(zones)}. Nothing goes out by it: other mail takes other exits${waiting}. ` +
    `Find the cause, then ask ${removalsOf(zones)} to take it off. It is looked at again every ${formatAge(policy.blocklists.every)}`
  );
}

function overText(who: string, { cleanLooks }: ListingRecord, { blocklists: { every } }: Policy): string {
  const share = Math.round(returnPace(cleanLooks) * 100);
  return share === 100
    ? `${who} is not listed any more`
    : `${who} is not listed any more: it sends at ${share} % of its pace, and at more with each clean look, every ${formatAge(every)}`;
}

function notedText(who: string, zones: readonly ZoneRecord[]): string {
  return `${who} is in ${causesOf(zones)}: some servers refuse its mail for that. It goes on sending. Have it taken off: ${removalsOf(zones)}`;
}

function unknownText(zone: string, cause: string): string {
  return (
    `the blocklist ${zone} cannot be asked: ${cause}. Whether own addresses are in it is not known, and nothing is closed or opened for it. ` +
    'Give `dns.servers` a resolver of your own, or ask the list for a key and name the zone that comes with it in `blocklists.zones`'
  );
}

function causesOf(zones: readonly ZoneRecord[]): string {
  return zones.map(({ zone, cause }) => `${zone} (${cause})`).join(', ');
}

function removalsOf(zones: readonly ZoneRecord[]): string {
  return [...new Set(zones.map(({ zone }) => removalOf(zone)))].join(', ');
}
