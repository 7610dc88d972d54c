import type { MessageEvent } from '../message/event.ts';

/** A place in the feed; opaque, and kept as text. Places of one store only. */
export type FeedPlace = string;

/** The history of all messages as one sequence, for those who must hear of every event: each event is in it once it is durable. */
export interface Feed {
  /**
   * What came after that place (null: from the oldest that is kept), at least in the order in which the events of each message were
   * made; at most `limit`. `next` is the place behind them, the same as `after` where there is nothing more. No event is ever
   * skipped: one that becomes durable later comes later.
   */
  feed(
    after: FeedPlace | null,
    limit: number,
  ): Promise<{ readonly events: readonly MessageEvent[]; readonly next: FeedPlace | null }>;
  /** The end of the feed: nothing that is there now comes after it. */
  feedEnd(): Promise<FeedPlace | null>;
  /** The place before what was made from that wall time on, or a little earlier. */
  feedAt(atMs: number): Promise<FeedPlace | null>;
}
