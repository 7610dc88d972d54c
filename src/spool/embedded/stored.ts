/** What the database holds, as records that go whole into another store, and back. */
import type { Message } from '../../message/message.ts';
import {
  sizeOf,
  type StoredCounter,
  type StoredDelivery,
  type StoredDigest,
  type StoredMessage,
  type StoredPage,
} from '../move.ts';
import { providerIdsIn } from '../provider-ids.ts';
import { SpoolError } from '../spool.ts';
import { arrived, hasArrived, type Written } from './arrival.ts';
import { deliveriesOf } from './find.ts';
import { withRecipients } from './lost.ts';
import { restoreDelivery, writeEvent, writeProviderIds } from './queue.ts';
import { messageOf } from './rebuild.ts';
import { addressesOf, parseDelivery, parseMessage, parseObject, parseRecipients } from './rows.ts';
import type { Store } from './store.ts';
import { figuresAfter, marksAfter, suppressionsAfter } from './stored-beside.ts';

const MESSAGES_AT_ONCE = 200;
const SMALL_AT_ONCE = 1_000;
const PAGE_BYTES = 8 * 1024 * 1024;

type MessageRow = {
  readonly seq: number;
  readonly id: Message['id'];
  readonly meta: string;
  readonly finishedAt: number | null;
  readonly checksum: number | null;
  readonly bytes: Uint8Array | null;
};

/** See `MoveStore.read`. A cursor is a letter for the kind of record, and what the page ended with. */
export function readPage(store: Store, after: string | null, nowMs: number): StoredPage {
  const [kind, from] = [after?.[0] ?? 'm', after?.slice(1) ?? ''];
  if (kind === 'm') return messagesAfter(store, from === '' ? 0 : Number(from));
  if (kind === 'd') return digestsAfter(store, from, nowMs);
  if (kind === 'c') return countersAfter(store, from, nowMs);
  if (kind === 'k') return marksAfter(store, from);
  return kind === 'f' ? figuresAfter(store, from, nowMs) : suppressionsAfter(store, from);
}

function messagesAfter(store: Store, after: number): StoredPage {
  const records: StoredMessage[] = [];
  let bytes = 0;
  let last = after;
  // One by one: a page ends where it has enough bytes.
  const rows = store.iterate<MessageRow>(
    `SELECT m.seq, m.id, m.meta, m.finished_at AS finishedAt, c.checksum, c.bytes
     FROM message m LEFT JOIN content c ON c.message = m.seq WHERE m.seq > ? ORDER BY m.seq LIMIT ${MESSAGES_AT_ONCE}`,
    after,
  );
  const found: MessageRow[] = [];
  for (const row of rows) {
    found.push(row);
    bytes += row.bytes?.byteLength ?? 0;
    if (bytes >= PAGE_BYTES) break;
  }
  for (const row of found) {
    records.push(storedMessage(store, row));
    last = row.seq;
  }
  return found.length === 0 ? { records, next: 'd' } : { records, next: `m${last}` };
}

function storedMessage(store: Store, row: MessageRow): StoredMessage {
  const { seq, id, finishedAt, checksum, bytes } = row;
  const events = store.all<{ kind: string; atMs: number; body: string }>(
    'SELECT kind, at AS atMs, body FROM event WHERE message = ? ORDER BY seq',
    seq,
  );
  const kept = parseMessage({ meta: row.meta, messageId: id });
  const message = kept ?? told(events, bytes);
  if (message === null) throw unreadable(id, 'its record and what was told of its acceptance');
  const stored = bytes === null || checksum === null ? null : { bytes, checksum };
  const deliveries = deliveriesOf(store, seq).map((found): StoredDelivery => {
    const isWhole = kept !== null && addressesOf(found.recipients) !== null;
    const delivery = withRecipients(store, found);
    const recipients = parseRecipients(delivery.recipients);
    if (recipients === null) throw unreadable(id, 'whom it is for');
    const parsed = parseDelivery(delivery, message, recipients);
    return { delivery: isWhole ? parsed : { ...parsed, state: 'quarantined' }, token: delivery.token };
  });
  return { kind: 'message', message, content: stored, deliveries, events, finishedAtMs: finishedAt };
}

function told(
  events: readonly { readonly kind: string; readonly body: string }[],
  bytes: Uint8Array | null,
): Message | null {
  const received = events.find(({ kind }) => kind === 'received');
  return received === undefined ? null : messageOf(parseObject(received.body), bytes);
}

function unreadable(id: string, what: string): SpoolError {
  return new SpoolError('unavailable', `message ${id} cannot be carried over: ${what} cannot be read`);
}

function digestsAfter(store: Store, after: string, nowMs: number): StoredPage {
  const rows = store.all<Omit<StoredDigest, 'kind'>>(
    `SELECT key, message_id AS messageId, until AS untilMs FROM dedupe WHERE key > ? ORDER BY key LIMIT ${SMALL_AT_ONCE}`,
    after,
  );
  const last = rows.at(-1);
  const records = rows
    .filter(({ untilMs }) => untilMs > nowMs)
    .map((row): StoredDigest => ({ kind: 'digest', ...row }));
  return { records, next: last === undefined ? 'c' : `d${last.key}` };
}

function countersAfter(store: Store, after: string, nowMs: number): StoredPage {
  const [startsAt = -1, windowMs = 0, account = ''] =
    after === '' ? [] : (JSON.parse(after) as [number, number, string]);
  const rows = store.all<Omit<StoredCounter, 'kind'>>(
    `SELECT account, window_ms AS windowMs, starts_at AS startsAtMs, used FROM ledger
     WHERE (starts_at, window_ms, account) > (?, ?, ?) AND starts_at + window_ms > ?
     ORDER BY starts_at, window_ms, account LIMIT ${SMALL_AT_ONCE}`,
    startsAt,
    windowMs,
    account,
    nowMs,
  );
  const last = rows.at(-1);
  const records = rows.map((row): StoredCounter => ({ kind: 'counter', ...row }));
  if (last === undefined || rows.length < SMALL_AT_ONCE) return { records, next: 'k' };
  return { records, next: `c${JSON.stringify([last.startsAtMs, last.windowMs, last.account])}` };
}

/** Whole, as an arrival. Inside a transaction, as the others. */
export function writeMessage(store: Store, record: StoredMessage): Written {
  const { message, content, deliveries, events, finishedAtMs } = record;
  if (store.get('SELECT 1 FROM message WHERE id = ?', message.id) !== undefined)
    return hasArrived(store, 'message', message.id) ? 'known' : 'conflict';
  const seq = store.insert(
    `INSERT INTO message(id, sender, size, received_at, open, finished_at, meta) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    message.id,
    message.envelope.sender,
    sizeOf(record),
    message.receivedAtMs,
    deliveries.length,
    finishedAtMs,
    JSON.stringify(message),
  );
  if (finishedAtMs === null) store.count('messages', 1);
  if (content !== null) {
    const { checksum, bytes } = content;
    store.run('INSERT INTO content(message, checksum, bytes) VALUES (?, ?, ?)', seq, checksum, bytes);
    store.count('contentBytes', sizeOf(record));
  }
  for (const event of events) writeEvent(store, seq, event);
  writeProviderIds(store, seq, providerIdsIn(events.map(({ body }) => body)));
  for (const stored of deliveries) {
    restoreDelivery(store, { message: seq, ordinal: Number(stored.delivery.id.slice(27)) }, stored);
  }
  arrived(store, { kind: 'message', key: message.id, amount: 0 });
  return 'written';
}

/** Unless the store has it for longer by itself. */
export function writeDigest(store: Store, { key, messageId, untilMs }: StoredDigest): Written {
  const known = store.get<{ until: number }>('SELECT until FROM dedupe WHERE key = ?', key);
  if (known !== undefined && known.until >= untilMs) return 'known';
  store.run(
    `INSERT INTO dedupe(key, message_id, until) VALUES (?, ?, ?)
     ON CONFLICT(key) DO UPDATE SET message_id = excluded.message_id, until = excluded.until`,
    key,
    messageId,
    untilMs,
  );
  arrived(store, { kind: 'digest', key, amount: 0 });
  return 'written';
}

/** Adds it to what was drawn here, once. */
export function writeCounter(store: Store, counter: StoredCounter): Written {
  const { account, windowMs, startsAtMs, used } = counter;
  const key = JSON.stringify([startsAtMs, windowMs, account]);
  if (hasArrived(store, 'counter', key)) return 'known';
  store.run(
    `INSERT INTO ledger(account, window_ms, starts_at, used) VALUES (?, ?, ?, ?)
     ON CONFLICT(account, window_ms, starts_at) DO UPDATE SET used = used + excluded.used`,
    account,
    windowMs,
    startsAtMs,
    used,
  );
  arrived(store, { kind: 'counter', key, amount: used });
  return 'written';
}
