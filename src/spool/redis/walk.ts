/** Walks over messages and deliveries, in windows small enough for the server to do at once. */
import { messageIdOf, parseDeliveryId, parseMessageId, type DeliveryId, type MessageId } from '../../message/ids.ts';
import type { QueueFilter } from '../spool.ts';
import {
  parseDeliveryRecord,
  parseMessageRecord,
  recipientsOf,
  STATES,
  type DeliveryRecord,
  type MessageRecord,
} from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

const MESSAGES_AT_ONCE = 100;

/** A delivery as it was read, with what is needed of its message. */
export type Found = {
  readonly shard: number;
  readonly of: MessageRecord;
  readonly record: DeliveryRecord;
  /** The record's own bytes: a change tells by them that it is of what was read. */
  readonly bytes: Buffer;
};

export type FoundMessage = { readonly of: MessageRecord; readonly deliveries: readonly Found[] };

type Parts = 'head' | 'all';

/** Messages by id; those that nobody knows are left out. */
export async function messagesOf(
  store: Store,
  ids: readonly MessageId[],
  parts: Parts,
): Promise<readonly FoundMessage[]> {
  const found: FoundMessage[] = [];
  for (const [shard, some] of Map.groupBy(ids, (id) => store.keys.shardOf(id))) {
    for (let from = 0; from < some.length;) {
      const args = [parts, 'ids', ...some.slice(from, from + MESSAGES_AT_ONCE)];
      const reply = listOf(await store.run(shard, SCRIPTS.window, args));
      found.push(...readWindow(shard, reply));
      from += Math.max(1, reply.length);
    }
  }
  return found;
}

/** The queued messages of one shard, newest first. @param from the newest to look at; null: all */
export async function* queuedMessages(
  store: Store,
  shard: number,
  how: { readonly parts: Parts; readonly from?: MessageId | null },
): AsyncGenerator<readonly FoundMessage[]> {
  let from = how.from === undefined || how.from === null ? '+' : `[${how.from}`;
  for (;;) {
    const reply = await store.run(shard, SCRIPTS.window, [how.parts, 'open', from, 0, MESSAGES_AT_ONCE]);
    const last = lastId(reply);
    if (last === null) return;
    yield readWindow(shard, reply);
    from = `(${last}`;
  }
}

/** The finished messages of one shard, by the time of that. */
export async function* finishedMessages(store: Store, shard: number): AsyncGenerator<readonly FoundMessage[]> {
  let from = '-inf';
  let seenAtFrom = 0;
  for (;;) {
    const args = ['all', 'finished', from, seenAtFrom, MESSAGES_AT_ONCE];
    const reply = await store.run(shard, SCRIPTS.window, args);
    const times = listOf<readonly unknown[]>(reply).map(([, , , time]) => textOf(time));
    const last = times.at(-1);
    if (last === undefined) return;
    yield readWindow(shard, reply);
    const seenAtLast = times.filter((time) => time === last).length;
    seenAtFrom = last === from ? seenAtFrom + seenAtLast : seenAtLast;
    from = last;
  }
}

function lastId(reply: unknown): string | null {
  const last = listOf<readonly unknown[]>(reply).at(-1)?.[0];
  return last === undefined ? null : textOf(last);
}

/** The messages of one answer of the window script; what cannot be read is left out. */
export function readWindow(shard: number, reply: unknown): FoundMessage[] {
  return listOf<readonly unknown[]>(reply).flatMap(([name, head, deliveries]) => {
    const of = Buffer.isBuffer(head) ? parseMessageRecord(textOf(name) as MessageId, head) : null;
    return of === null ? [] : [{ of, deliveries: foundOf(shard, of, listOf<Buffer | null>(deliveries)) }];
  });
}

function foundOf(shard: number, of: MessageRecord, deliveries: readonly (Buffer | null)[]): Found[] {
  return deliveries.flatMap((bytes, place) => {
    const record = bytes === null ? null : parseDeliveryRecord(place + 1, bytes);
    return record === null || bytes === null ? [] : [{ shard, of, record, bytes }];
  });
}

/**
 * The deliveries that the filter names, window by window; a window may be empty. Those of a message by falling ordinal;
 * the shards one after the other.
 */
export async function* matching(store: Store, filter: QueueFilter): AsyncGenerator<readonly Found[]> {
  if (filter.ids !== undefined) {
    yield* byIds(store, filter, filter.ids);
    return;
  }
  for (const shard of store.shards) yield* matchingIn(store, shard, { filter, after: null });
}

async function* byIds(
  store: Store,
  filter: QueueFilter,
  asked: readonly (DeliveryId | MessageId)[],
): AsyncGenerator<readonly Found[]> {
  const ids = [...new Set(asked)];
  for (let from = 0; from < ids.length; from += MESSAGES_AT_ONCE) {
    const some = ids.slice(from, from + MESSAGES_AT_ONCE);
    const messages = new Set(some.map((id) => parseMessageId(id.slice(0, 26))).filter((id) => id !== null));
    const found = await messagesOf(store, [...messages], 'head');
    // A message named here is named with all its deliveries, whether one of them is named as well or not.
    const wanted = new Set<string>(some);
    yield deliveriesIn(found).filter(
      (one) => (wanted.has(one.of.id) || wanted.has(`${one.of.id}.${one.record.ordinal}`)) && matches(one, filter),
    );
  }
}

/** In one shard, newest first. @param after goes on behind this one */
export async function* matchingIn(
  store: Store,
  shard: number,
  how: { readonly filter: QueueFilter; readonly after: DeliveryId | null },
): AsyncGenerator<readonly Found[]> {
  const from = how.after === null ? null : messageIdOf(how.after);
  const ordinal = how.after === null || parseDeliveryId(how.after) === null ? 0 : Number(how.after.slice(27));
  for await (const messages of queuedMessages(store, shard, { parts: 'head', from })) {
    yield deliveriesIn(messages).filter(
      (one) => (one.of.id !== from || one.record.ordinal < ordinal) && matches(one, how.filter),
    );
  }
}

/** Those of each message by falling ordinal. */
export function deliveriesIn(messages: readonly FoundMessage[]): Found[] {
  return messages.flatMap(({ deliveries }) => deliveries.toReversed());
}

/** Whether all of a filter but its ids holds. */
export function matches({ of, record }: Found, filter: QueueFilter): boolean {
  if (filter.domain !== undefined && record.domain !== filter.domain.toLowerCase()) return false;
  if (filter.client !== undefined && record.client !== filter.client) return false;
  if (filter.egress !== undefined && record.lastEgress !== filter.egress) return false;
  if (filter.stream !== undefined && of.message?.stream !== filter.stream) return false;
  if (filter.state !== undefined && STATES[record.state] !== filter.state) return false;
  const { sendAtMs = Number.NEGATIVE_INFINITY } = of.message ?? {};
  if (filter.scheduledAfterMs !== undefined && sendAtMs <= filter.scheduledAfterMs) return false;
  const sender = of.message?.envelope.sender.toLowerCase();
  if (filter.sender !== undefined && sender !== filter.sender.toLowerCase()) return false;
  if (filter.recipient === undefined) return true;
  const wanted = filter.recipient.toLowerCase();
  return recipientsOf(record)?.some(({ address }) => address.toLowerCase() === wanted) ?? false;
}
