import type { CameBack } from '../../message/event.ts';
import type { DeliveryId, MessageId } from '../../message/ids.ts';
import { headerNeedle, providerIdKey } from '../provider-ids.ts';
import type { MessageStory, QueueOverview, Spool } from '../spool.ts';
import { change } from './change.ts';
import { unpackContent } from './content-form.ts';
import { packEvent, parseEvent } from './event-lines.ts';
import { linesOf } from './events.ts';
import { queuedOf } from './operate.ts';
import { STATES } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { messagesOf } from './walk.ts';

const QUARANTINED = STATES.indexOf('quarantined');
/** A feed that nobody asked for so long is not written any more. */
const UNWANTED_MS = 86_400_000;
const PRUNED_AT_ONCE = 500;
const FOUND_AT_MOST = 10;

/** See `Spool.content`. */
export async function content(store: Store, id: MessageId): ReturnType<Spool['content']> {
  const [kind, stored] = listOf(await store.run(store.keys.shardOf(id), SCRIPTS.content, [id]));
  if (textOf(kind) === 'gone') return { kind: 'missing' };
  const found = Buffer.isBuffer(stored) ? await unpackContent(stored) : null;
  if (found !== null) return { kind: 'found', content: found };
  const [message] = await messagesOf(store, [id], 'head');
  // It may have ended between the two looks.
  if (message === undefined || message.of.open === 0) return { kind: 'missing' };
  const reason = 'its content does not match its checksum';
  await change(store, message.deliveries, {
    atMs: store.clock.nowMs(),
    told: true,
    make: ({ record }) =>
      record.state === QUARANTINED
        ? null
        : { record: { state: QUARANTINED }, events: [{ kind: 'quarantined', reason }] },
  });
  return { kind: 'corrupt' };
}

/** See `Spool.story`. What cannot be read is left out. */
export async function story(store: Store, id: MessageId, only?: DeliveryId): Promise<MessageStory | null> {
  const [found] = await messagesOf(store, [id], 'all');
  const message = found?.of.message ?? null;
  if (found === undefined || message === null) return null;
  const lines = await linesOf(store, found.of, only);
  if (lines === null) return null;
  const events = lines.map((line) => parseEvent(line, id, message));
  return {
    message,
    events: events.filter((event) => event !== null),
    queued: found.deliveries.map(queuedOf),
  };
}

/** See `Spool.byProviderId`. */
export async function byProviderId(store: Store, id: string): Promise<readonly MessageId[]> {
  const args = [providerIdKey(id), FOUND_AT_MOST];
  const replies = await Promise.all(store.shards.map((shard) => store.run(shard, SCRIPTS.providers, args)));
  return newest(replies.flatMap((reply) => listOf(reply).map((one) => textOf(one) as MessageId)));
}

/** See `Spool.byMessageIdHeader`. */
export async function byMessageIdHeader(store: Store, header: string): Promise<readonly MessageId[]> {
  const needle = headerNeedle(header);
  const found = new Set<MessageId>();
  for (const shard of store.shards) {
    for (let cursor = '0'; ;) {
      const [next = '0', ...ids] = listOf(await store.run(shard, SCRIPTS.headers, [cursor, needle])).map(textOf);
      for (const id of ids) found.add(id as MessageId);
      if (next === '0') break;
      cursor = next;
    }
  }
  return newest([...found]);
}

/** Ids sort by age. */
function newest(ids: readonly MessageId[]): readonly MessageId[] {
  return ids.toSorted().toReversed().slice(0, FOUND_AT_MOST);
}

/** See `Spool.note`. */
export async function note(store: Store, events: readonly CameBack[]): Promise<'noted' | 'unknown'> {
  const [first] = events;
  if (first === undefined) return 'noted';
  const lines = events.map((event) => packEvent(event)).join('\n');
  const noted = await store.durably(store.keys.shardOf(first.messageId), SCRIPTS.note, [first.messageId, lines]);
  return noted === 1 ? 'noted' : 'unknown';
}

/** See `Spool.overview`. The same cost however long the queue is. */
export async function overview(store: Store): Promise<QueueOverview> {
  const replies = await Promise.all(store.shards.map((shard) => store.run(shard, SCRIPTS.overview, [])));
  const shards = replies.map((reply) => listOf(reply).map(textOf));
  const sum = (place: number): number => shards.reduce((total, figures) => total + Number(figures[place] ?? 0), 0);
  const [messages, deliveries, leased, held, quarantined] = [sum(0), sum(1), sum(2), sum(3), sum(4)];
  const [high, low, contentBytes] = [sum(5), sum(6), sum(7)];
  const oldest = shards.map((figures) => figures[8] ?? '').filter((time) => time !== '');
  return {
    messages,
    deliveries,
    byState: { queued: deliveries - held - quarantined, held, quarantined },
    byPriority: { high, normal: deliveries - high - low, low },
    leased,
    oldestCreatedAtMs: oldest.length === 0 ? null : Math.min(...oldest.map(Number)),
    contentBytes,
  };
}

/** See `Spool.prune`. Of each shard so many that all together are some. */
export async function prune(store: Store, beforeMs: number): Promise<number> {
  const each = Math.ceil(PRUNED_AT_ONCE / store.shards.length);
  const unwantedBefore = store.isFollowed() ? '' : store.clock.nowMs() - UNWANTED_MS;
  const args: PruneArgs = [beforeMs, each, unwantedBefore];
  const pruned = await Promise.all(store.shards.map((shard) => pruneIn(store, shard, args)));
  return pruned.reduce((sum, count) => sum + count, 0);
}

type PruneArgs = readonly [beforeMs: number, limit: number, unwantedBefore: number | ''];

/** Of one message with a long history, steps enough to be rid of it: whoever is told of none asks no more. */
async function pruneIn(store: Store, shard: number, args: PruneArgs): Promise<number> {
  for (;;) {
    const [count = 0, left] = listOf<number>(await store.run(shard, SCRIPTS.prune, args));
    if (count > 0 || left !== 1) return count;
  }
}
