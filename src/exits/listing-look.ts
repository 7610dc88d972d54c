/** Asks DNS blocklists about addresses, and only believes what a zone can have said. */
import { plainText } from '../message/plain-text.ts';
import type { Dns } from '../ports.ts';
import type { Look } from '../routing/listing-course.ts';
import { listingName, senseless, testNames, verdictOf } from '../routing/listing.ts';

export type LookNeeds = { readonly dns: Dns; readonly signal: AbortSignal };

const TEXT_LENGTH = 200;
/** Addresses that a zone is asked about at once. */
const AT_ONCE = 4;

/** What each zone says of each address, by address, zones in their order. Never rejects; what was not asked is left out. */
export async function lookUp(
  addresses: readonly string[],
  zones: readonly string[],
  needs: LookNeeds,
): Promise<ReadonlyMap<string, readonly Look[]>> {
  const byZone = await Promise.all(zones.map((zone) => askZone(zone, addresses, needs)));
  return new Map(addresses.map((address) => [address, byZone.flatMap((looks) => looks.get(address) ?? [])]));
}

async function askZone(zone: string, all: readonly string[], needs: LookNeeds): Promise<ReadonlyMap<string, Look>> {
  const looks = new Map<string, Look>();
  for (const family of [4, 6] as const) {
    const addresses = all.filter((address) => address.includes(':') === (family === 6));
    if (addresses.length === 0) continue;
    const cause = await senselessZone(zone, family, needs);
    for (let at = 0; at < addresses.length && !needs.signal.aborted; at += AT_ONCE) {
      const some = addresses.slice(at, at + AT_ONCE);
      const found = await Promise.all(some.map((address) => askAbout(address, { zone, cause }, needs)));
      for (const [place, look] of found.entries()) looks.set(some[place] ?? '', look);
    }
  }
  return looks;
}

async function senselessZone(zone: string, family: 4 | 6, { dns }: LookNeeds): Promise<string | null> {
  const names = testNames(zone, family);
  const [present, absent] = await Promise.all([resolve(dns, names.present), resolve(dns, names.absent)]);
  return senseless({ present, absent }, family);
}

async function askAbout(
  address: string,
  { zone, cause }: { readonly zone: string; readonly cause: string | null },
  { dns }: LookNeeds,
): Promise<Look> {
  if (cause !== null) return { zone, verdict: { kind: 'unknown', cause }, text: '' };
  const name = listingName(address, zone);
  const verdict = verdictOf(zone, await resolve(dns, name));
  if (verdict.kind !== 'listed') return { zone, verdict, text: '' };
  const told = await dns.txt(name);
  const text = told.kind === 'found' ? plainText(told.records.join(' '), TEXT_LENGTH) : '';
  return { zone, verdict, text };
}

function resolve(dns: Dns, name: string): ReturnType<Dns['a']> {
  return dns.aInDns === undefined ? dns.a(name) : dns.aInDns(name);
}
