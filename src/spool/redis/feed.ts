/**
 * The history of all messages in order: in each shard a stream of references to events, which the scripts that write events
 * write as well while somebody wants it. A place says how far each shard was read. An entry takes about 50 bytes, and is there
 * for as long as the message's history.
 */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import type { Feed, FeedPlace } from '../feed.ts';
import { parseEvent } from './event-lines.ts';
import { parseMessageRecord } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { identityOf } from './watch.ts';

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

const EVENTS_AT_ONCE = 1_000;
const WANTED_EVERY_MS = 60_000;
const START = '0-0';
/** The last that there can be of a millisecond. */
const LAST_OF_MS = '18446744073709551615';

type Found = {
  readonly shard: number;
  /** Number of the entry: ms, then which of that ms. */
  readonly number: string;
  /** null: it was forgotten, or cannot be read. */
  readonly event: MessageEvent | null;
};

/** Has the feed written from now on. */
export async function wantFeed(store: Store): Promise<void> {
  const nowMs = store.clock.nowMs();
  await Promise.all(store.shards.map((shard) => store.firmly(shard, SCRIPTS['feed-want'], [nowMs])));
}

/** The feed of a spool on Redis. */
export class RedisFeed implements Feed {
  readonly #ask: Ask;
  #wantedMs = Number.NEGATIVE_INFINITY;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async feed(
    after: FeedPlace | null,
    limit: number,
  ): Promise<{ readonly events: readonly MessageEvent[]; readonly next: FeedPlace | null }> {
    return this.#ask(async (store) => {
      await this.#want(store);
      const from = after === null ? store.shards.map(() => START) : numbersIn(store, after);
      if (from === null) return { events: [], next: await endOf(store) };
      const most = Math.min(limit, EVENTS_AT_ONCE);
      const each = Math.ceil(most / store.shards.length);
      const lists = await Promise.all(store.shards.map((shard) => foundIn(store, shard, [from[shard] ?? START, each])));
      const found = lists.flat().toSorted(byNumber).slice(0, most);
      if (found.length === 0) return { events: [], next: after };
      const next = [...from];
      for (const { shard, number } of found) next[shard] = number;
      return { events: found.flatMap(({ event }) => event ?? []), next: placeOf(store, next) };
    });
  }

  async feedEnd(): Promise<FeedPlace | null> {
    return this.#ask(async (store) => {
      await this.#want(store);
      return endOf(store);
    });
  }

  async feedAt(atMs: number): Promise<FeedPlace | null> {
    return this.#ask(async (store) => {
      await this.#want(store);
      const number = atMs < 1 ? START : `${Math.floor(atMs) - 1}-${LAST_OF_MS}`;
      return placeOf(
        store,
        store.shards.map(() => number),
      );
    });
  }

  async #want(store: Store): Promise<void> {
    const nowMs = store.clock.nowMs();
    if (Math.abs(nowMs - this.#wantedMs) < WANTED_EVERY_MS) return;
    await wantFeed(store);
    this.#wantedMs = nowMs;
  }
}

async function endOf(store: Store): Promise<FeedPlace> {
  const replies = await Promise.all(store.shards.map((shard) => store.run(shard, SCRIPTS['feed-end'], [])));
  return placeOf(store, replies.map(textOf));
}

async function foundIn(
  store: Store,
  shard: number,
  args: readonly [after: string, limit: number],
): Promise<readonly Found[]> {
  const flat = listOf(await store.run(shard, SCRIPTS.feed, args));
  const found: Found[] = [];
  for (let place = 0; place < flat.length; place += 4) {
    const [number, id, line] = flat.slice(place, place + 3).map(textOf);
    const head = flat[place + 3];
    const of = Buffer.isBuffer(head) && head.length > 0 ? parseMessageRecord(id as MessageId, head) : null;
    const event = parseEvent(line ?? '', id as MessageId, of?.message ?? null);
    found.push({ shard, number: number ?? START, event });
  }
  return found;
}

function byNumber(one: Found, other: Found): number {
  const [ms = 0, n = 0] = one.number.split('-').map(Number);
  const [otherMs = 0, otherN = 0] = other.number.split('-').map(Number);
  return ms - otherMs || one.shard - other.shard || n - otherN;
}

function placeOf(store: Store, numbers: readonly string[]): FeedPlace {
  return `${identityOf(store.format)} ${numbers.join(' ')}`;
}

/** null: it is of another spool, or no place. */
function numbersIn(store: Store, place: FeedPlace): readonly string[] | null {
  const [identity, ...numbers] = place.split(' ');
  const isOurs = identity === identityOf(store.format) && numbers.length === store.shards.length;
  return isOurs && numbers.every((number) => /^\d+-\d+$/.test(number)) ? numbers : null;
}
