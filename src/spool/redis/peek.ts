import type { Peeked, PeekTerms } from '../peek.ts';
import { needlesOf } from '../search.ts';
import type { QueuedDelivery, QueueFilter } from '../spool.ts';
import { queuedOf } from './operate.ts';
import { STATES } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { deliveriesIn, type Found, matches, matching, readWindow } from './walk.ts';

/** Messages looked at in one go of the server. */
const AT_ONCE = 400;

/** See `Peek`; the newest of one shard after the other. */
export async function peek(store: Store, filter: QueueFilter, { show, looksAt }: PeekTerms): Promise<Peeked> {
  const found: QueuedDelivery[] = [];
  let [count, busy, looked] = [0, 0, 0];
  // Those that are named by their ids are all looked at: there are not many.
  const windows = filter.ids === undefined ? narrowed(store, filter) : named(store, filter);
  for await (const window of windows) {
    if (looked >= looksAt) return { found, count, busy, isWhole: false };
    for (const one of window.deliveries) {
      count += 1;
      if (one.record.leasedUntilMs > 0) busy += 1;
      if (found.length < show) found.push(queuedOf(one));
    }
    looked += window.looked;
  }
  return { found, count, busy, isWhole: true };
}

type Window = { readonly deliveries: readonly Found[]; readonly looked: number };

async function* named(store: Store, filter: QueueFilter): AsyncGenerator<Window> {
  for await (const deliveries of matching(store, filter)) yield { deliveries, looked: 0 };
}

/** The server passes over what has not the words that are looked for. */
async function* narrowed(store: Store, filter: QueueFilter): AsyncGenerator<Window> {
  const { client, stream, sender, recipient, domain, state } = filter;
  const { inMessage, inEvents } = needlesOf({
    ...(client !== undefined && { client }),
    ...(stream !== undefined && { stream }),
    ...(sender !== undefined && { sender }),
    ...(recipient !== undefined && { recipient }),
    ...(domain !== undefined && { domain }),
  });
  const place = STATES.findIndex((one) => one === state);
  const args = [place === -1 ? '' : place, inMessage.length, AT_ONCE, ...inMessage, ...inEvents];
  for (const shard of store.shards) {
    for (let from = '+'; ;) {
      const reply = listOf(await store.run(shard, SCRIPTS.search, ['open', from, '', '-', ...args]));
      const id = textOf(reply[1]);
      if (id === '') break;
      const deliveries = deliveriesIn(readWindow(shard, reply[3])).filter((one) => matches(one, filter));
      yield { deliveries, looked: Number(reply[0]) };
      from = `(${id}`;
    }
  }
}
