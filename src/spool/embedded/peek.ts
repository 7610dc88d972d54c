import type { QueuedDelivery } from '../spool.ts';
import { parseQueued } from './rows.ts';
import type { Store } from './store.ts';
import { matching, WINDOW_ROWS } from './walk.ts';
import type { LongCalls } from './wire.ts';

/** See `Peek`. */
export function* peek(
  store: Store,
  { filter, show, looksAt }: LongCalls['peek']['ask'],
): Generator<void, LongCalls['peek']['answer']> {
  const found: QueuedDelivery[] = [];
  let count = 0;
  let busy = 0;
  let looked = 0;
  for (const rows of matching(store, filter, null)) {
    for (const row of rows) {
      count += 1;
      if (row.leaseUntil !== null) busy += 1;
      if (found.length < show) found.push(parseQueued(row));
    }
    // Those that are named by their ids are all looked at: there are not many.
    looked += filter.ids === undefined ? WINDOW_ROWS : 0;
    if (looked >= looksAt) return { found, count, busy, isWhole: store.tally.deliveries <= looked };
    yield;
  }
  return { found, count, busy, isWhole: true };
}
