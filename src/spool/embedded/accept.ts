import type { MessageId } from '../../message/ids.ts';
import { checksumOf } from '../checksum.ts';
import { HELD, insertDelivery, QUEUED, writeEvent } from './queue.ts';
import type { Store } from './store.ts';
import type { AcceptAnswer, AcceptAsk } from './wire.ts';

/** See `Spool.accept`. */
export function accept(store: Store, ask: AcceptAsk): AcceptAnswer {
  store.toldMs = ask.receivedAtMs;
  const first = ask.dedupe === null ? null : firstWith(store, ask.dedupe.key, ask.receivedAtMs);
  if (first !== null) return first === ask.id ? { kind: 'known' } : { kind: 'duplicate', of: first };
  const finished = ask.deliveries.length === 0 ? ask.receivedAtMs : null;
  const known = store.get<{ seq: number }>('SELECT seq FROM message WHERE id = ?', ask.id);
  if (known !== undefined) return { kind: 'known' };
  const message = store.insert(
    `INSERT INTO message(id, sender, size, received_at, open, finished_at, meta) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ask.id,
    ask.sender,
    ask.sizeBytes,
    ask.receivedAtMs,
    ask.deliveries.length,
    finished,
    ask.meta,
  );
  writeEvent(store, message, ask.event);
  for (const event of ask.held ?? []) writeEvent(store, message, event);
  if (ask.dedupe !== null) {
    store.run(
      `INSERT INTO dedupe(key, message_id, until) VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET message_id = excluded.message_id, until = excluded.until`,
      ask.dedupe.key,
      ask.id,
      ask.dedupe.untilMs,
    );
  }
  if (finished !== null) return { kind: 'accepted', tokens: [] };
  return { kind: 'accepted', tokens: keep(store, message, ask) };
}

function keep(store: Store, message: number, ask: AcceptAsk): number[] {
  store.run(
    'INSERT INTO content(message, checksum, bytes) VALUES (?, ?, ?)',
    message,
    checksumOf(ask.content),
    ask.content,
  );
  store.count('messages', 1);
  store.count('contentBytes', ask.sizeBytes);
  const tokens: number[] = [];
  for (const [place, delivery] of ask.deliveries.entries()) {
    const of = { message, ordinal: place + 1, client: ask.client, priority: ask.priority };
    const state = ask.held === undefined ? QUEUED : HELD;
    insertDelivery(store, { ...of, createdAtMs: ask.receivedAtMs, state }, delivery);
    if (delivery.leaseUntilMs !== null) tokens.push(1);
  }
  return tokens;
}

/** See `Spool.firstWith`. */
export function firstWith(store: Store, key: string, atMs: number): MessageId | null {
  const row = store.get<{ id: MessageId; until: number }>(
    'SELECT message_id AS id, until FROM dedupe WHERE key = ?',
    key,
  );
  return row !== undefined && row.until > atMs ? row.id : null;
}
