import type { MessageId } from '../../message/ids.ts';
import { FINAL_STATES } from '../../message/outcome.ts';
import { Conservation, type Evidence } from '../conservation.ts';
import type { AuditReport } from '../spool.ts';
import { addressesOf, parseObject } from './rows.ts';
import type { Store } from './store.ts';

/** Some ms, or some tens where each has a thousand recipients. */
const MESSAGES_AT_ONCE = 50;

type Told = Evidence['events'][number];

/** See `Spool.audit`: over all messages that are known when it starts, each as it is when its turn comes. */
export function* audit(store: Store): Generator<void, AuditReport> {
  const sums = new Conservation();
  const last = store.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM message')?.seq ?? 0;
  for (let from = 0; from < last;) {
    const messages = store.all<{ seq: number; id: MessageId }>(
      `SELECT seq, id FROM message WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${MESSAGES_AT_ONCE}`,
      from,
      last,
    );
    const to = messages.at(-1)?.seq;
    if (to === undefined) break;
    const events = eventsBetween(store, from, to);
    const queued = queuedBetween(store, from, to);
    for (const message of messages) {
      sums.judge({ id: message.id, events: events.get(message.seq) ?? [], queued: queued.get(message.seq) ?? [] });
    }
    from = to;
    yield;
  }
  return sums.report();
}

function eventsBetween(store: Store, from: number, to: number): Map<number, Told[]> {
  const told = new Map<number, Told[]>();
  const rows = store.all<{ message: number; kind: string; body: string }>(
    `SELECT message, kind, body FROM event INDEXED BY event_message WHERE message > ? AND message <= ?
       AND kind IN ('received', 'in-doubt', ${FINAL_STATES.map((state) => `'${state}'`).join(', ')})`,
    from,
    to,
  );
  for (const row of rows) {
    const recipients = parseObject(row.body)?.['recipients'];
    const known = Array.isArray(recipients) ? recipients.filter((address) => typeof address === 'string') : null;
    append(told, row.message, { kind: row.kind, recipients: known });
  }
  return told;
}

function queuedBetween(store: Store, from: number, to: number): Map<number, string[]> {
  const queued = new Map<number, string[]>();
  const rows = store.all<{ message: number; recipients: string }>(
    'SELECT message, recipients FROM delivery INDEXED BY delivery_of WHERE message > ? AND message <= ?',
    from,
    to,
  );
  for (const row of rows) {
    for (const address of addressesOf(row.recipients) ?? []) append(queued, row.message, address);
  }
  return queued;
}

function append<Value>(map: Map<number, Value[]>, key: number, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
