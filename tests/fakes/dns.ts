/** A DNS zone that tests write, and the `Dns` port over it. `dns-server.ts` serves the same zone over the wire. */
import type { Dns, DnsAnswer, MxRecord } from '../../src/ports.ts';

export type RecordType = 'mx' | 'a' | 'aaaa' | 'txt';

/** `servfail`, `refused`: an answer that says so. `timeout`: silence. `nxdomain`: as if the name were not there. */
export type DnsFault = 'servfail' | 'refused' | 'timeout' | 'nxdomain';

export type ZoneEntry = {
  /** Preference and exchange; `[0, '']` is the null MX (RFC 7505). */
  readonly mx?: readonly (readonly [number, string])[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly txt?: readonly string[];
  /** For every type, or by type. */
  readonly fault?: DnsFault | Partial<Record<RecordType, DnsFault>>;
  /** Over UDP only TC=1 comes back, and the whole answer over TCP. */
  readonly truncated?: boolean;
};

/** What a zone says: records (none: NODATA), or a fault. */
export type ZoneAnswer =
  | { readonly kind: 'records'; readonly entry: ZoneEntry }
  | { readonly kind: 'fault'; readonly fault: DnsFault };

/**
 * Names and what they answer; may be changed at any time. A name that is not there is NXDOMAIN, a name without the
 * wanted type is NODATA.
 */
export class DnsZone {
  readonly #entries = new Map<string, ZoneEntry>();
  /** Every query as `mx example.com`, in order of arrival. */
  readonly queries: string[] = [];

  constructor(entries: Readonly<Record<string, ZoneEntry>> = {}) {
    for (const [name, entry] of Object.entries(entries)) this.set(name, entry);
  }

  set(name: string, entry: ZoneEntry): void {
    this.#entries.set(name.toLowerCase(), entry);
  }

  delete(name: string): void {
    this.#entries.delete(name.toLowerCase());
  }

  answer(type: RecordType, name: string): ZoneAnswer {
    this.queries.push(`${type} ${name.toLowerCase()}`);
    const entry = this.#entries.get(name.toLowerCase());
    if (entry === undefined) return { kind: 'fault', fault: 'nxdomain' };
    const fault = typeof entry.fault === 'object' ? entry.fault[type] : entry.fault;
    return fault === undefined ? { kind: 'records', entry } : { kind: 'fault', fault };
  }
}

/** A domain with `count` MX hosts `mx1.DOMAIN` … of growing preference, all at one address. */
export function domainOfManyHosts(domain: string, count: number, address: string): Record<string, ZoneEntry> {
  const hosts = Array.from({ length: count }, (_, index) => `mx${index + 1}.${domain}`);
  return {
    [domain]: { mx: hosts.map((host, index) => [index + 1, host] as const) },
    ...Object.fromEntries(hosts.map((host) => [host, { a: [address] }])),
  };
}

/** The port over a zone, without a network: `timeout` answers at once with what a timeout becomes. */
export function fakeDns(zone: DnsZone): Dns {
  const ask = <T>(type: RecordType, name: string, pick: (entry: ZoneEntry) => readonly T[] | undefined) =>
    Promise.resolve(portAnswer(zone.answer(type, name), pick));
  return {
    mx: (name) =>
      ask<MxRecord>('mx', name, (entry) => entry.mx?.map(([preference, exchange]) => ({ preference, exchange }))),
    a: (name) => ask('a', name, (entry) => entry.a),
    aaaa: (name) => ask('aaaa', name, (entry) => entry.aaaa),
    txt: (name) => ask('txt', name, (entry) => entry.txt),
  };
}

function portAnswer<T>(answer: ZoneAnswer, pick: (entry: ZoneEntry) => readonly T[] | undefined): DnsAnswer<T> {
  if (answer.kind === 'fault') {
    if (answer.fault === 'nxdomain') return { kind: 'missing' };
    return { kind: 'failed', cause: { servfail: 'ESERVFAIL', refused: 'EREFUSED', timeout: 'ETIMEOUT' }[answer.fault] };
  }
  const records = pick(answer.entry) ?? [];
  return records.length > 0 ? { kind: 'found', records } : { kind: 'none' };
}
