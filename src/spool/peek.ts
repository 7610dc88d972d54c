/** How much of the queue a filter names, within bounds: what a change would reach, before it is made. */
import type { QueuedDelivery, QueueFilter } from './spool.ts';

/** @property show so many are shown; `looksAt` deliveries that are looked at, about */
export type PeekTerms = { readonly show: number; readonly looksAt: number };

export type Peeked = {
  /** The newest. */
  readonly found: readonly QueuedDelivery[];
  /** How many of those that were looked at; of them `busy` are being tried. */
  readonly count: number;
  readonly busy: number;
  /** False: it stopped after so many, and there may be more. */
  readonly isWhole: boolean;
};

export interface Peek {
  peek(filter: QueueFilter, terms: PeekTerms): Promise<Peeked>;
}
