/** What follows for an address from one look into the blocklists. Pure. */
import type { Policy } from '../policy/schema.ts';
import type { Verdict } from './listing.ts';
import { LAST_CLEAN_LOOK, shownZone, type ListingRecord, type ZoneRecord } from './listing-record.ts';

/** What a zone said. `text`: why, in its own words; '' for none. */
export type Look = { readonly zone: string; readonly verdict: Verdict; readonly text: string };

/**
 * Listed once `quorum` zones say so, and until they say something else: where nothing is known, what was known holds.
 * @param before null: it was never looked at
 * @param looks one for each zone of the policy
 */
export function afterLooks(
  before: ListingRecord | null,
  looks: readonly Look[],
  { nowMs, blocklists: { every, quorum } }: { readonly nowMs: number; readonly blocklists: Policy['blocklists'] },
): ListingRecord {
  const zones = looks.map((look) =>
    zoneAfter(
      before?.zones.find(({ zone }) => zone === shownZone(look.zone)),
      look,
      nowMs,
    ),
  );
  const times = { lookedAtMs: nowMs, nextAtMs: nowMs + every, zones };
  if (zones.filter(({ listed }) => listed === true).length >= quorum)
    return { ...times, listedSinceMs: before?.listedSinceMs ?? nowMs, cleanLooks: null };
  if (before !== null && before.listedSinceMs !== null) return { ...times, listedSinceMs: null, cleanLooks: 1 };
  const isKnown = looks.some(({ verdict }) => verdict.kind !== 'unknown');
  const cleanLooks = before?.cleanLooks ?? null;
  const next = cleanLooks === null || !isKnown ? cleanLooks : cleanLooks + 1;
  return { ...times, listedSinceMs: null, cleanLooks: next !== null && next >= LAST_CLEAN_LOOK ? null : next };
}

function zoneAfter(before: ZoneRecord | undefined, { zone, verdict, text }: Look, nowMs: number): ZoneRecord {
  const known = { zone: shownZone(zone), unknown: null };
  switch (verdict.kind) {
    case 'listed':
      return { ...known, listed: true, noted: false, cause: text === '' ? verdict.words : `${verdict.words}: ${text}` };
    case 'clean':
      return { ...known, listed: false, noted: verdict.noted !== '', cause: verdict.noted };
    case 'unknown': {
      const last = before ?? { listed: null, noted: false, cause: '' };
      const unknown = { sinceMs: before?.unknown?.sinceMs ?? nowMs, cause: verdict.cause };
      return { ...last, zone: known.zone, unknown };
    }
  }
}
