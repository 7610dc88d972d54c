/** See `Traffic`: shard by shard what is queued, newest first, and then what has ended, by when it did. */
import { type MessageId, messageTimeMs } from '../../message/ids.ts';
import { type PassedMessage, passedMessage, type TrafficAsk, type TrafficPage } from '../traffic.ts';
import { parseEvent } from './event-lines.ts';
import { linesOf } from './events.ts';
import { deliveryOf } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { type FoundMessage, readWindow } from './walk.ts';

const AT_ONCE = 100;
/** Ids of reports have the time of the message that they are about. */
const ID_BEFORE_MS = 30 * 86_400_000;

/** `from` and `skip` as the script takes them. */
type Cursor = {
  readonly shard: number;
  readonly phase: 'open' | 'finished';
  readonly from: string;
  readonly skip: number;
};

/** See `Traffic`. */
export async function traffic(store: Store, { sinceMs, after }: TrafficAsk): Promise<TrafficPage> {
  const cursor = after === null ? first(0) : parseCursor(after);
  if (cursor === null || !store.shards.includes(cursor.shard)) return { messages: [], next: null };
  const { shard, phase, from, skip } = cursor;
  const reply = await store.run(shard, SCRIPTS.window, ['all', phase, from, skip, AT_ONCE]);
  const next = nextOf(reply, cursor, { sinceMs, shards: store.shards.length });
  const found = readWindow(shard, reply).filter(({ of }) => of.receivedAtMs >= sinceMs);
  const messages = await Promise.all(found.map((one) => passed(store, one)));
  return { messages: messages.filter((one) => one !== null), next: next === null ? null : JSON.stringify(next) };
}

/** null: it cannot be read, or was forgotten meanwhile. */
async function passed(store: Store, { of, deliveries }: FoundMessage): Promise<PassedMessage | null> {
  const { message } = of;
  const lines = message === null ? null : await linesOf(store, of);
  if (message === null || lines === null) return null;
  return passedMessage({
    message,
    events: lines.flatMap((line) => parseEvent(line, of.id, message) ?? []),
    queued: deliveries.map(({ record }) => {
      const { id, domain, recipients, lastEgress, attempts } = deliveryOf(record, of);
      return { id, domain, recipients: recipients.length, egress: lastEgress, attempts };
    }),
  });
}

function first(shard: number): Cursor {
  return { shard, phase: 'open', from: '+', skip: 0 };
}

function nextOf(
  reply: unknown,
  cursor: Cursor,
  { sinceMs, shards }: { readonly sinceMs: number; readonly shards: number },
): Cursor | null {
  const rows = listOf<readonly unknown[]>(reply);
  const last = rows.at(-1);
  const finished = { shard: cursor.shard, phase: 'finished', from: String(sinceMs), skip: 0 } as const;
  if (last !== undefined && cursor.phase === 'open') {
    const id = textOf(last[0]) as MessageId;
    return messageTimeMs(id) < sinceMs - ID_BEFORE_MS ? finished : { ...cursor, from: `(${id}` };
  }
  if (last !== undefined) {
    // Of those that ended in the same moment, so many were read.
    const from = textOf(last[3]);
    const seen = rows.filter(([, , , time]) => textOf(time) === from).length;
    return { ...cursor, from, skip: from === cursor.from ? cursor.skip + seen : seen };
  }
  if (cursor.phase === 'open') return finished;
  return cursor.shard + 1 < shards ? first(cursor.shard + 1) : null;
}

/** null: it is none of ours. */
function parseCursor(text: string): Cursor | null {
  try {
    const { shard, phase, from, skip } = JSON.parse(text) as Partial<Record<keyof Cursor, unknown>>;
    if (typeof shard !== 'number' || typeof from !== 'string' || typeof skip !== 'number') return null;
    return phase === 'open' || phase === 'finished' ? { shard, phase, from, skip } : null;
  } catch {
    return null;
  }
}
