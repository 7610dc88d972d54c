import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { checksumOf } from '../checksum.ts';
import type { MessageStory, QueueOverview } from '../spool.ts';
import { quarantine } from './queue.ts';
import { DELIVERY_COLUMNS, parseMessage, parseObject, parseQueued, type DeliveryRow } from './rows.ts';
import type { Store } from './store.ts';
import type { ContentAnswer } from './wire.ts';

/** See `Spool.content`. */
export function content(store: Store, ask: { readonly id: MessageId; readonly atMs: number }): ContentAnswer {
  const row = store.get<{ seq: number; open: number; checksum: number | null; bytes: Uint8Array | null }>(
    `SELECT m.seq, m.open, c.checksum, c.bytes FROM message m LEFT JOIN content c ON c.message = m.seq WHERE m.id = ?`,
    ask.id,
  );
  if (row === undefined || (row.bytes === null && row.open === 0)) return { kind: 'missing' };
  if (row.bytes !== null && checksumOf(row.bytes) === row.checksum) return { kind: 'found', content: row.bytes };
  for (const delivery of deliveriesOf(store, row.seq)) {
    quarantine(store, delivery, { reason: 'its content does not match its checksum', atMs: ask.atMs });
  }
  return { kind: 'corrupt' };
}

/** See `Spool.story`. What cannot be parsed is left out. */
export function story(store: Store, id: MessageId): MessageStory | null {
  const row = store.get<{ seq: number; meta: string }>('SELECT seq, meta FROM message WHERE id = ?', id);
  const message = row === undefined ? null : parseMessage({ meta: row.meta, messageId: id });
  if (row === undefined || message === null) return null;
  const bodies = store.all<{ body: string }>('SELECT body FROM event WHERE message = ? ORDER BY seq', row.seq);
  const events = bodies.map(({ body }) => parseObject(body) as MessageEvent | null);
  return {
    message,
    events: events.filter((event) => event !== null),
    queued: deliveriesOf(store, row.seq).map(parseQueued),
  };
}

/** See `Spool.byProviderId`. */
export function byProviderId(store: Store, id: string): readonly MessageId[] {
  const rows = store.all<{ id: MessageId }>(
    'SELECT m.id FROM provider p JOIN message m ON m.seq = p.message WHERE p.id = ? ORDER BY m.id DESC LIMIT 10',
    id,
  );
  return rows.map((row) => row.id);
}

/** See `Spool.byMessageIdHeader`: message by message, the newest first. */
export function* byHeader(
  store: Store,
  { needle }: { readonly needle: string },
): Generator<void, readonly MessageId[]> {
  const found: MessageId[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; found.length < FOUND_AT_MOST;) {
    const rows = store.all<{ seq: number; id: MessageId; isIt: number }>(
      `SELECT seq, id, instr(meta, ?) > 0 AS isIt FROM message WHERE seq < ? ORDER BY seq DESC LIMIT ${LOOKED_AT_ONCE}`,
      needle,
      before,
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    for (const row of rows) if (row.isIt === 1) found.push(row.id);
    before = last.seq;
    yield;
  }
  return found.slice(0, FOUND_AT_MOST);
}

const FOUND_AT_MOST = 10;
const LOOKED_AT_ONCE = 500;

/** The queued deliveries of one message, by ordinal. */
export function deliveriesOf(store: Store, message: number): DeliveryRow[] {
  return store.all<DeliveryRow>(
    `SELECT ${DELIVERY_COLUMNS} FROM delivery d JOIN message m ON m.seq = d.message WHERE d.message = ? ORDER BY d.ordinal`,
    message,
  );
}

/** See `Spool.overview`. */
export function overview(store: Store): QueueOverview {
  const tally = store.tally;
  const oldest = store.get<{ at: number | null }>(
    'SELECT min(received_at) AS at FROM message INDEXED BY message_open WHERE finished_at IS NULL',
  );
  return {
    messages: tally.messages,
    deliveries: tally.deliveries,
    byState: { queued: tally.queued, held: tally.held, quarantined: tally.quarantined },
    byPriority: { high: tally.high, normal: tally.normal, low: tally.low },
    leased: tally.leased,
    oldestCreatedAtMs: oldest?.at ?? null,
    contentBytes: tally.contentBytes,
  };
}
