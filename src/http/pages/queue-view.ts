import type { Explanation } from '../../operations/operations.ts';
import type { QueuedDelivery } from '../../spool/spool.ts';

export const QUEUE_PATH = '/queue';

/** What is shown of the queue, under a filter or without. */
export type QueueView = {
  /** The fields of the filter that are given, as they stand in the address. */
  readonly given: Readonly<Record<string, string>>;
  readonly found: readonly QueuedDelivery[];
  readonly count: number;
  /** False: there may be more of them. */
  readonly isWhole: boolean;
  /** Where the next page begins; null: there is none. */
  readonly next: string | null;
  readonly isPaged: boolean;
  readonly explanations: readonly Explanation[];
};
