/**
 * Addresses that are not written to any more, and why. An entry holds for all clients and streams, or for one of them; it
 * ends at a time, or when somebody takes it back. `suppressions.contract.ts` tests every promise on every engine.
 */
import { SpoolError } from './spool.ts';
import { isName } from './tallies.ts';

/** `soft-bounces`: it was refused for now more often than the policy allows. `manual`: by an operator, or an imported list. */
export const SUPPRESSION_REASONS = ['hard-bounce', 'soft-bounces', 'complaint', 'unsubscribe', 'manual'] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** Which entry: there is at most one of each. */
export type SuppressionKey = {
  /** In the form of `suppressionAddress`. */
  readonly address: string;
  /** null: whoever sends. */
  readonly client: string | null;
  /** null: whatever stream. */
  readonly stream: string | null;
};

export type Suppression = SuppressionKey & {
  readonly reason: SuppressionReason;
  /** What was said or done, for operators: a reply, a report's id; at most 1,000 characters. */
  readonly evidence: string;
  /** Who saw to it: `bounce`, `hook:sendgrid`, `operator`, `import`. */
  readonly source: string;
  /** Wall ms. */
  readonly atMs: number;
  /** Wall ms from which it does not hold any more; null: it stays. */
  readonly untilMs: number | null;
};

/** All given must hold; `client` and `stream`: of entries that name this one. */
export type SuppressionFilter = {
  readonly address?: string;
  readonly domain?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly reason?: SuppressionReason;
};

export type SuppressionPage = {
  readonly entries: readonly Suppression[];
  /** Where the next page begins; null: this was the last. */
  readonly next: string | null;
};

/** All calls reject with `SpoolError`; addresses may come in any case. */
export interface Suppressions {
  /**
   * Those that hold at `nowMs` for mail of that client and stream to these addresses, of which there are at most 1,000: one
   * for each address, the first made by its time. In no order.
   */
  suppressed(ask: {
    readonly addresses: readonly string[];
    readonly client: string;
    readonly stream: string;
    readonly nowMs: number;
  }): Promise<readonly Suppression[]>;
  /**
   * Makes or replaces them all at once, at most 1,000, durable like mail. One that was made later, by its time, stays. While
   * the store is full: rejected, and nothing is made.
   */
  suppress(entries: readonly Suppression[]): Promise<void>;
  /** Takes them back, at most 1,000; returns how many there were. */
  unsuppress(keys: readonly SuppressionKey[]): Promise<number>;
  /**
   * A page by address, those that ended included until they are swept; at most 1,000. A page that few of very many fit may
   * have less than it was asked for, or nothing, and yet not be the last.
   * @param page `after`: `next` of the page before; null: from the start
   */
  suppressions(
    filter: SuppressionFilter,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<SuppressionPage>;
  /**
   * Addresses for which an entry was made since that number (0: all of them), at most `limit` (and 1,000), each once or more, for those
   * who keep a sieve of them in memory. `upTo`: the number to ask from next, the same as `since` where nothing is new. An entry
   * that is made at the same moment gets a greater number than any that was told. A number that this store never gave counts as 0.
   */
  suppressedSince(
    since: number,
    limit: number,
  ): Promise<{ readonly addresses: readonly string[]; readonly upTo: number }>;
  /** Forgets those that ended by then, at most 500; returns how many. */
  sweepSuppressions(nowMs: number): Promise<number>;
}

/** Entries, keys or addresses of one call, and entries of a page. */
export const SUPPRESSIONS_AT_ONCE = 1_000;
export const SWEPT_AT_ONCE = 500;
const EVIDENCE_AT_MOST = 1_000;

/** The form under which an address is suppressed: in lower case, for what differs in case alone is one mailbox to all who matter. */
export function suppressionAddress(address: string): string {
  return address.toLowerCase();
}

/** @throws SpoolError `isFinal` for what cannot be looked up: a bug of the caller */
export function checkAddresses(addresses: readonly string[]): void {
  if (addresses.length > SUPPRESSIONS_AT_ONCE) throw refused(`${addresses.length} addresses are too many at once`);
}

/** The keys as engines keep them. @throws SpoolError `isFinal` for keys that there cannot be: a bug of the caller */
export function checkedKeys<Key extends SuppressionKey>(keys: readonly Key[]): readonly Key[] {
  if (keys.length > SUPPRESSIONS_AT_ONCE) throw refused(`${keys.length} entries are too many at once`);
  return keys.map((key) => {
    const { client, stream } = key;
    const address = suppressionAddress(key.address);
    if (![address, client ?? 'any', stream ?? 'any'].every(isName))
      throw refused(`${JSON.stringify([address, client, stream])} cannot be suppressed`);
    return { ...key, address };
  });
}

/** The entries as engines keep them. @throws as `checkedKeys` */
export function checkedSuppressions(entries: readonly Suppression[]): readonly Suppression[] {
  for (const { atMs, untilMs, evidence } of entries) {
    const isLong = evidence.length > EVIDENCE_AT_MOST || !evidence.isWellFormed();
    if (isLong || !Number.isFinite(atMs) || (untilMs !== null && !Number.isFinite(untilMs)))
      throw refused(
        `an entry cannot be made at ${atMs} until ${untilMs}, with ${evidence.length} characters of evidence`,
      );
  }
  return checkedKeys(entries);
}

/** One key as one text: by address, then client, then stream; all clients or streams before any. */
export function packSuppressionKey({ address, client, stream }: SuppressionKey): string {
  return `${address}\0${client ?? ''}\0${stream ?? ''}`;
}

/** The inverse of `packSuppressionKey`. */
export function parseSuppressionKey(text: string): SuppressionKey {
  const [address = '', client = '', stream = ''] = text.split('\0');
  return { address, client: client === '' ? null : client, stream: stream === '' ? null : stream };
}

/** Where a page begins, as text without odd characters in it. */
export function suppressionCursor(key: SuppressionKey): string {
  return Buffer.from(packSuppressionKey(key)).toString('base64url');
}

/** null: from the start. */
export function parseSuppressionCursor(cursor: string | null): SuppressionKey | null {
  return cursor === null || cursor === '' ? null : parseSuppressionKey(Buffer.from(cursor, 'base64url').toString());
}

/** Whether it is one of those that were asked for. */
export function fitsSuppression(one: Suppression, filter: SuppressionFilter): boolean {
  const { address, domain, client, stream, reason } = filter;
  if (address !== undefined && one.address !== suppressionAddress(address)) return false;
  if (domain !== undefined && !one.address.endsWith(`@${suppressionAddress(domain)}`)) return false;
  if (client !== undefined && one.client !== client) return false;
  if (stream !== undefined && one.stream !== stream) return false;
  return reason === undefined || one.reason === reason;
}

function refused(why: string): SpoolError {
  return new SpoolError('unavailable', why, { isFinal: true });
}
