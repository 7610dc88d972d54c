/** Figures that all processes of the relay add to: what exits sent, and what came of it. Never part of a promise to a client. */
export type Count = {
  /** What is counted, parts joined by `:`, such as `sent:ip-1`. */
  readonly account: string;
  /** Start of the stretch of wall time that it belongs to; the asker's choice of hours or days. */
  readonly startsAtMs: number;
  /** Whole. */
  readonly amount: number;
};

export interface Tallies {
  /** Adds to all of them at once; each is forgotten after `keepUntilMs`. A repeat counts again. */
  count(entries: readonly (Count & { readonly keepUntilMs: number })[]): Promise<void>;
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
