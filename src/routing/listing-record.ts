/** What is known of an address in DNS blocklists, as it is kept in the store. Wall ms. */
import { z } from 'zod';
import type { Policy } from '../policy/schema.ts';
import { parsed } from './health.ts';

/** What one zone said of an address. */
export type ZoneRecord = {
  /** As it may be shown. */
  readonly zone: string;
  /** Its last word; null: it never gave one. */
  readonly listed: boolean | null;
  /** Why it is listed, or what is to be noted; '' for neither. */
  readonly cause: string;
  /** It is in a part of the list that closes no exit. */
  readonly noted: boolean;
  /** Since when its answers mean nothing, and why; null: the last one did. */
  readonly unknown: { readonly sinceMs: number; readonly cause: string } | null;
};

export type ListingRecord = {
  readonly lookedAtMs: number;
  readonly nextAtMs: number;
  /** Since when enough zones list it; null: they do not. */
  readonly listedSinceMs: number | null;
  /** Looks that found it clean since it was listed; null: it never was, or it has been back at its full pace. */
  readonly cleanLooks: number | null;
  readonly zones: readonly ZoneRecord[];
};

const SHAPE = z.object({
  lookedAtMs: z.number(),
  nextAtMs: z.number(),
  listedSinceMs: z.number().nullable(),
  cleanLooks: z.number().nullable(),
  zones: z.array(
    z.object({
      zone: z.string(),
      listed: z.boolean().nullable(),
      cause: z.string(),
      noted: z.boolean(),
      unknown: z.object({ sinceMs: z.number(), cause: z.string() }).nullable(),
    }),
  ),
});

export const LISTING_MARKS = 'listing:';

/** The mark of what is known of an address; the same for all nodes. */
export function listingMark(address: string): string {
  return `${LISTING_MARKS}${address}`;
}

/** What a mark's text says; null: nothing that this version understands. */
export function parseListing(text: string): ListingRecord | null {
  return parsed(text, SHAPE);
}

/** The zones that list it, of those that the policy asks now; fewer than its quorum count as none. */
export function listingZones(
  record: Pick<ListingRecord, 'zones'>,
  { zones, quorum }: Policy['blocklists'],
): readonly ZoneRecord[] {
  const asked = new Set(zones.map(shownZone));
  const listing = record.zones.filter(({ zone, listed }) => listed === true && asked.has(zone));
  return listing.length >= quorum ? listing : [];
}

/** A zone without the key that some providers put in front of it, for messages and marks. */
export function shownZone(zone: string): string {
  return zone.replace(/^[^.]+(?=\..+\.dq\.spamhaus\.net$)/i, 'KEY');
}

/** Shares of its pace at which an address comes back, look by look: docs/operating.md has the figures. */
const RETURN_PACES = [0.25, 0.5] as const;

/** The clean look with which an address is back at its full pace. */
export const LAST_CLEAN_LOOK = RETURN_PACES.length + 1;

/** Above 0 and at most 1. */
export function returnPace(cleanLooks: number | null): number {
  return cleanLooks === null ? 1 : (RETURN_PACES[Math.max(0, cleanLooks - 1)] ?? 1);
}
