import type { MessageEvent } from '../message/event.ts';

/** A place in the feed; opaque, and kept as text. Of one store only, and no longer once its mail was moved (`relevo spool move`). */
export type FeedPlace = string;

/**
 * The history of all messages as one sequence, for those who must hear of every event: each event is in it once it is durable, for
 * as long as the history is kept. On Redis it is written only while somebody wants it: from the first call of any of these on, and
 * while the option `feed` of the opening says so. All calls reject with `SpoolError`.
 */
export interface Feed {
  /**
   * What came after that place (null: from the oldest that is kept), at least in the order in which the events of each message were
   * made; at most `limit`, and 1,000. `next` is the place behind them, the same as `after` where there is nothing more; there may
   * be more where there were few events, or none. No event is ever skipped: one that becomes durable later comes later. A place that
   * this store did not give: no events, and `next` is the end.
   */
  feed(
    after: FeedPlace | null,
    limit: number,
  ): Promise<{ readonly events: readonly MessageEvent[]; readonly next: FeedPlace | null }>;
  /** The end of the feed: nothing that is there now comes after it. */
  feedEnd(): Promise<FeedPlace | null>;
  /** The place before what was made from that wall time on, as the clocks were then; or up to a minute earlier. */
  feedAt(atMs: number): Promise<FeedPlace | null>;
}
