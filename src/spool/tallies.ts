import type { Ledger, Quotas } from './ledger.ts';
import { SpoolError } from './spool.ts';

/** Figures that all processes of the relay add to: what exits sent, and what came of it. Never part of a promise to a client. */
export type Count = {
  /** What is counted, parts joined by `:`, such as `sent:ip-1`. */
  readonly account: string;
  /** Start of the stretch of wall time that it belongs to; the asker's choice of hours or days. */
  readonly startsAtMs: number;
  /** Whole. */
  readonly amount: number;
};

export type Tally = Count & { readonly keepUntilMs: number };

export interface Tallies {
  /**
   * Adds to all of them at once (of more than 250: so many at once); each is forgotten after `keepUntilMs`, the latest that
   * was said of it. A repeat counts again. While the store is full: rejected, and nothing is counted.
   */
  count(entries: readonly Tally[]): Promise<void>;
  /** The sums of accounts whose names begin so, of stretches from `sinceMs` on, by account and time. */
  counts(prefix: string, sinceMs: number): Promise<readonly Count[]>;
}

/** The places of a circle are numbered from 0. `open`: those that may be taken now, at least one, rising. */
export type TakeTurns = {
  readonly account: string;
  readonly places: number;
  readonly open: readonly number[];
  /** So many turns, from 1. */
  readonly count: number;
};

/** Whose turn it is, exactly circular over all processes that ask. */
export interface Circles {
  /**
   * The next open places after the last one that anybody took, going round; the first of an account is the first open one.
   * Where the circle has become smaller than the place that was taken last, it starts over.
   */
  takeTurns(ask: TakeTurns): Promise<readonly number[]>;
}

/** All that is counted beside the mail. */
export type Accounts = Ledger & Quotas & Tallies & Circles;

/** Entries of one call that are counted at once. */
export const TALLIES_AT_ONCE = 250;
/** Turns and places of one call. */
const TURNS_AT_MOST = 10_000;

/** @throws SpoolError `isFinal` for what cannot be counted: a bug of the caller */
export function checkTallies(tallies: readonly Tally[]): void {
  for (const { account, startsAtMs, amount, keepUntilMs } of tallies) {
    const isWhole = Number.isSafeInteger(startsAtMs) && Number.isSafeInteger(amount);
    if (isName(account) && isWhole && Number.isFinite(keepUntilMs)) continue;
    throw refused(`${amount} cannot be counted towards ${JSON.stringify(account)} at ${startsAtMs}`);
  }
}

/** @throws SpoolError `isFinal` for a circle that there cannot be: a bug of the caller */
export function checkTurns({ account, places, open, count }: TakeTurns): void {
  const isRising = open.every((place, at) => Number.isInteger(place) && place > (open[at - 1] ?? -1) && place < places);
  const isCount = Number.isInteger(count) && count >= 1 && count <= TURNS_AT_MOST;
  if (isName(account) && isCount && open.length > 0 && open.length <= TURNS_AT_MOST && isRising) return;
  throw refused(
    `${count} turns of ${JSON.stringify(account)} cannot be taken: ${places} places, open ${open.join(' ')}`,
  );
}

/** The places that are taken after `last` (null: the first turns of all), in order. */
export function turnsAfter(last: number | null, { open, count }: TakeTurns): readonly number[] {
  // -1 where no open place comes after it, or the circle became smaller than it: the first is next.
  const found = open.findIndex((place) => place > (last ?? -1));
  return Array.from({ length: count }, (_, turn) => open[(Math.max(0, found) + turn) % open.length] ?? 0);
}

/** Whether a store can keep something under such a name. */
export function isName(name: string): boolean {
  return name !== '' && name.length <= 1_000 && !name.includes('\0') && name.isWellFormed();
}

function refused(why: string): SpoolError {
  return new SpoolError('unavailable', why, { isFinal: true });
}
