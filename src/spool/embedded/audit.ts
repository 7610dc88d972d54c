import type { MessageId } from '../../message/ids.ts';
import { FINAL_STATES, type FinalState } from '../../message/outcome.ts';
import type { AuditReport } from '../spool.ts';
import { addressesOf, parseObject } from './rows.ts';
import type { Store } from './store.ts';

/** Some ms, or some tens where each has a thousand recipients. */
const MESSAGES_AT_ONCE = 50;
const VIOLATIONS_AT_MOST = 1_000;

type Sums = {
  messages: number;
  accepted: number;
  readonly finished: Record<FinalState, number>;
  queued: number;
  possibleDuplicates: number;
  readonly violations: { messageId: MessageId; recipient: string; problem: string }[];
};

type Evidence = { readonly id: MessageId; readonly events: readonly Told[]; readonly queued: readonly string[] };

type Told = { readonly kind: string; readonly recipients: readonly string[] | null };

/** See `Spool.audit`: over all messages that are known when it starts, each as it is when its turn comes. */
export function* audit(store: Store): Generator<void, AuditReport> {
  const sums: Sums = {
    messages: 0,
    accepted: 0,
    finished: { delivered: 0, bounced: 0, expired: 0, suppressed: 0, discarded: 0 },
    queued: 0,
    possibleDuplicates: 0,
    violations: [],
  };
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
      judge(sums, { id: message.id, events: events.get(message.seq) ?? [], queued: queued.get(message.seq) ?? [] });
    }
    from = to;
    yield;
  }
  return sums;
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

/** Every recipient of one message is in one place and no other. */
function judge(sums: Sums, message: Evidence): void {
  const { id: messageId, events, queued } = message;
  const problem = (recipient: string, text: string): void => {
    if (sums.violations.length < VIOLATIONS_AT_MOST) sums.violations.push({ messageId, recipient, problem: text });
  };
  sums.messages += 1;
  const places = new Map<string, string[]>();
  for (const event of events) {
    if (event.recipients === null) problem('', `a ${event.kind} event cannot be read`);
    if (event.kind !== 'received') continue;
    for (const recipient of event.recipients ?? []) {
      sums.accepted += 1;
      if (places.has(recipient)) problem(recipient, 'accepted twice');
      places.set(recipient, []);
    }
  }
  if (!events.some((event) => event.kind === 'received')) problem('', 'nothing tells that it was received');
  const settle = (recipient: string, place: string): void => {
    const known = places.get(recipient);
    if (known === undefined) problem(recipient, `${place}, but was never accepted`);
    else known.push(place);
  };
  for (const event of events) countEvent(sums, event, settle);
  for (const recipient of queued) settle(recipient, 'queued');
  sums.queued += queued.length;
  for (const [recipient, found] of places) {
    if (found.length === 0) problem(recipient, 'neither ended nor queued');
    if (found.length > 1) problem(recipient, `in more than one place: ${found.join(', ')}`);
  }
}

function countEvent(sums: Sums, event: Told, settle: (recipient: string, place: string) => void): void {
  const recipients = event.recipients ?? [];
  if (event.kind === 'in-doubt') sums.possibleDuplicates += recipients.length;
  const state = FINAL_STATES.find((one) => one === event.kind);
  if (state === undefined) return;
  sums.finished[state] += recipients.length;
  for (const recipient of recipients) settle(recipient, state);
}
