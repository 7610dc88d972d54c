/**
 * Addresses that are not written to any more, and why. An entry holds for all clients and streams, or for one of them; it
 * ends at a time, or when somebody takes it back.
 */

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

/** `after`: the cursor of the page before. All given must hold. */
export type SuppressionFilter = {
  readonly address?: string;
  readonly domain?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly reason?: SuppressionReason;
};

export interface Suppressions {
  /** Those that hold at `nowMs` for mail of that client and stream to these addresses, at most 1,000 of them; of one address the first made. */
  suppressed(ask: {
    readonly addresses: readonly string[];
    readonly client: string;
    readonly stream: string;
    readonly nowMs: number;
  }): Promise<readonly Suppression[]>;
  /** Makes or replaces them, at most 1,000, durable like mail. One that was made later, by its time, stays. */
  suppress(entries: readonly Suppression[]): Promise<void>;
  /** Returns how many there were. */
  unsuppress(keys: readonly SuppressionKey[]): Promise<number>;
  /** By address, those that ended included until they are swept. `next`: null at the end. */
  suppressions(
    filter: SuppressionFilter,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<{ readonly entries: readonly Suppression[]; readonly next: string | null }>;
  /**
   * Addresses for which an entry was made since that number (0: all of them), at most `limit`, each once or more, for those who keep
   * a sieve of them in memory. `upTo`: the number to ask from next; it is the same as `since` where nothing is new.
   */
  suppressedSince(
    since: number,
    limit: number,
  ): Promise<{ readonly addresses: readonly string[]; readonly upTo: number }>;
  /** Forgets those that ended before; returns how many. Bounded work per call. */
  sweepSuppressions(nowMs: number): Promise<number>;
}

/** The form under which an address is suppressed: in lower case, for what differs in case alone is one mailbox to all who matter. */
export function suppressionAddress(address: string): string {
  return address.toLowerCase();
}
