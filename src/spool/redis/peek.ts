import type { Peeked, PeekTerms } from '../peek.ts';
import type { QueuedDelivery, QueueFilter } from '../spool.ts';
import { queuedOf } from './operate.ts';
import type { Store } from './store.ts';
import { matching } from './walk.ts';

/** A window of `matching`, about. */
const WINDOW = 100;

/** See `Peek`; the newest of one shard after the other. */
export async function peek(store: Store, filter: QueueFilter, { show, looksAt }: PeekTerms): Promise<Peeked> {
  const found: QueuedDelivery[] = [];
  let count = 0;
  let busy = 0;
  let looked = 0;
  for await (const window of matching(store, filter)) {
    if (looked >= looksAt) return { found, count, busy, isWhole: false };
    for (const one of window) {
      count += 1;
      if (one.record.leasedUntilMs > 0) busy += 1;
      if (found.length < show) found.push(queuedOf(one));
    }
    // Those that are named by their ids are all looked at: there are not many.
    looked += filter.ids === undefined ? WINDOW : 0;
  }
  return { found, count, busy, isWhole: true };
}
