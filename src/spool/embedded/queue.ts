/** Every change to a delivery's row goes through here, so that lanes and counters always agree with the rows. */
import type { MessageEvent } from '../../message/event.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import { withRecipients } from './lost.ts';
import { PRIORITIES } from '../../message/message.ts';
import type { Reply } from '../../message/reply.ts';
import { packLastReply } from '../last-reply.ts';
import type { StoredDelivery } from '../move.ts';
import { addressesOf, DELIVERY_COLUMNS, STATES, type DeliveryRow } from './rows.ts';
import { PRIORITY_TALLIES, STATE_TALLIES } from './tally.ts';
import type { Store } from './store.ts';
import type { LeaseAsk, NewDeliveryAsk } from './wire.ts';

export const QUEUED = 0;
export const HELD = 1;
export const QUARANTINED = 2;

/** What says where a delivery waits. */
type Waiting = Pick<DeliveryRow, 'domain' | 'priority' | 'state' | 'dueAt'>;

export function insertDelivery(
  store: Store,
  of: {
    readonly message: number;
    readonly ordinal: number;
    readonly client: string;
    readonly priority: number;
    readonly createdAtMs: number;
    readonly state: number;
  },
  ask: NewDeliveryAsk,
): void {
  store.run(
    `INSERT INTO delivery(message, ordinal, domain, client, priority, state, due_at, lease_until, token, attempts, last_reply, recipients)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
    of.message,
    of.ordinal,
    ask.domain,
    of.client,
    of.priority,
    of.state,
    ask.dueAtMs,
    ask.leaseUntilMs,
    ask.leaseUntilMs === null ? 0 : 1,
    ask.lastReply ?? null,
    ask.recipients,
  );
  store.census.note({ ...of, domain: ask.domain, by: 1 });
  store.count('deliveries', 1);
  store.count(STATE_TALLIES[of.state] ?? 'queued', 1);
  store.count(PRIORITY_TALLIES[of.priority] ?? 'normal', 1);
  if (ask.leaseUntilMs === null) {
    lowerLane(store, { domain: ask.domain, priority: of.priority, state: of.state, dueAt: ask.dueAtMs });
  } else {
    store.count('leased', 1);
  }
}

/** A delivery as another store knew it, in a message that was just inserted. */
export function restoreDelivery(
  store: Store,
  of: { readonly message: number; readonly ordinal: number },
  { delivery, token }: StoredDelivery,
): void {
  const [priority, state] = [PRIORITIES.indexOf(delivery.priority), STATES.indexOf(delivery.state)];
  store.run(
    `INSERT INTO delivery(message, ordinal, domain, client, priority, state, due_at, lease_until, token, attempts,
       warned_at, last_reply, last_egress, recipients)
     VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?)`,
    of.message,
    of.ordinal,
    delivery.domain,
    delivery.client,
    priority,
    state,
    Math.ceil(delivery.dueAtMs),
    token,
    delivery.attempts,
    delivery.warnedAtMs,
    packLastReply(delivery),
    delivery.lastEgress,
    JSON.stringify(delivery.recipients),
  );
  store.census.note({ ...of, domain: delivery.domain, createdAtMs: delivery.createdAtMs, by: 1 });
  store.count('deliveries', 1);
  store.count(STATE_TALLIES[state] ?? 'queued', 1);
  store.count(PRIORITY_TALLIES[priority] ?? 'normal', 1);
  lowerLane(store, { domain: delivery.domain, priority, state, dueAt: Math.ceil(delivery.dueAtMs) });
}

/** Gives an unleased delivery to whoever asked; returns the new token. The caller sees to its lane (`mendLane`). */
export function leaseDelivery(store: Store, row: DeliveryRow, untilMs: number): number {
  store.run('UPDATE delivery SET lease_until = ?, token = token + 1 WHERE seq = ?', untilMs, row.seq);
  store.count('leased', 1);
  return row.token + 1;
}

/** The delivery under this lease; undefined when the lease is not ours any more. */
export function findLeased(store: Store, ask: LeaseAsk): DeliveryRow | undefined {
  return store.get<DeliveryRow>(
    `SELECT ${DELIVERY_COLUMNS} FROM message m JOIN delivery d ON d.message = m.seq
     WHERE m.id = ? AND d.ordinal = ? AND d.token = ? AND d.lease_until IS NOT NULL`,
    ask.messageId,
    ask.ordinal,
    ask.token,
  );
}

/** Changes what it was told last. A lease stays. */
export function writeLastReply(store: Store, row: DeliveryRow, lastReply: string | null): void {
  store.run('UPDATE delivery SET last_reply = ? WHERE seq = ?', lastReply, row.seq);
}

/** Ends a lease with nothing else changed. */
export function unleaseDelivery(store: Store, row: DeliveryRow): void {
  store.run('UPDATE delivery SET lease_until = NULL WHERE seq = ?', row.seq);
  store.count('leased', -1);
  lowerLane(store, row);
}

/** Ends a lease with an attempt's results. */
export function requeueDelivery(
  store: Store,
  row: DeliveryRow,
  rest: {
    readonly recipients: string;
    readonly dueAtMs: number;
    readonly attempts: number;
    readonly lastReply: string | null;
    readonly lastEgress: string | null;
    readonly warnedAtMs: number | null;
    readonly state: number;
  },
): void {
  store.run(
    `UPDATE delivery SET lease_until = NULL, state = ?, due_at = ?, attempts = ?, last_reply = ?, last_egress = ?,
       warned_at = ?, recipients = ? WHERE seq = ?`,
    rest.state,
    rest.dueAtMs,
    rest.attempts,
    rest.lastReply,
    rest.lastEgress,
    rest.warnedAtMs,
    rest.recipients,
    row.seq,
  );
  store.count('leased', -1);
  countState(store, row.state, rest.state);
  lowerLane(store, { ...row, state: rest.state, dueAt: rest.dueAtMs });
}

/** Changes what stands in the way of it. A lease stays. */
export function setState(store: Store, row: DeliveryRow, state: number): void {
  store.run('UPDATE delivery SET state = ? WHERE seq = ?', state, row.seq);
  countState(store, row.state, state);
  if (row.leaseUntil === null) mendLane(store, row.domain, row.priority);
}

/** Changes when a delivery comes up; its lane knows at once. */
export function setDue(store: Store, row: DeliveryRow, dueAtMs: number): void {
  store.run('UPDATE delivery SET due_at = ? WHERE seq = ?', dueAtMs, row.seq);
  if (row.leaseUntil === null) mendLane(store, row.domain, row.priority);
}

/** Its last recipient's story ended. With the message's last delivery the content goes. */
export function endDelivery(store: Store, row: DeliveryRow, atMs: number): void {
  store.run('DELETE FROM delivery WHERE seq = ?', row.seq);
  store.census.note({
    message: row.message,
    ordinal: row.ordinal,
    domain: row.domain,
    createdAtMs: row.receivedAt,
    by: -1,
  });
  store.count('deliveries', -1);
  store.count(STATE_TALLIES[row.state] ?? 'queued', -1);
  store.count(PRIORITY_TALLIES[row.priority] ?? 'normal', -1);
  if (row.leaseUntil === null) mendLane(store, row.domain, row.priority);
  else store.count('leased', -1);
  if (row.open > 1) {
    store.run('UPDATE message SET open = open - 1 WHERE seq = ?', row.message);
    return;
  }
  store.run('UPDATE message SET open = 0, finished_at = ? WHERE seq = ?', atMs, row.message);
  if (store.run('DELETE FROM content WHERE message = ?', row.message) > 0) store.count('contentBytes', -row.size);
  store.count('messages', -1);
}

/** Sets a delivery aside that cannot be sent as it is, and tells of it and whom it was for; a lease on it goes on. */
export function quarantine(
  store: Store,
  row: DeliveryRow,
  why: { readonly reason: string; readonly atMs: number },
): void {
  if (row.state === QUARANTINED) return;
  setState(store, row, QUARANTINED);
  store.tell(writeDeliveryEvent(store, withRecipients(store, row), { kind: 'quarantined', ...why }));
}

/** An event that the spool itself writes, about all recipients that are left; returned for who wants to tell it. */
export function writeDeliveryEvent(
  store: Store,
  row: DeliveryRow,
  event: {
    readonly kind: WrittenByItself;
    readonly reason: string;
    readonly atMs: number;
    /** Of a discarded delivery. */
    readonly reply?: Reply | null;
  },
): MessageEvent {
  const of = {
    atMs: event.atMs,
    messageId: row.messageId,
    deliveryId: deliveryIdOf(row.messageId, row.ordinal),
    domain: row.domain,
    recipients: addressesOf(row.recipients) ?? [],
  };
  const { kind, reason, atMs } = event;
  const told: MessageEvent =
    kind === 'discarded'
      ? { event: kind, ...of, reply: event.reply ?? null, egress: null }
      : { event: kind, ...of, reason };
  writeEvent(store, row.message, { kind, atMs, body: JSON.stringify(told) });
  return told;
}

type WrittenByItself = 'in-doubt' | 'held' | 'released' | 'retried' | 'rescheduled' | 'quarantined' | 'discarded';

/** @param event `body`: its own fields as JSON, without kind, time and message */
export function writeEvent(
  store: Store,
  message: number,
  event: { readonly kind: string; readonly atMs: number; readonly body: string },
): void {
  store.run(
    'INSERT INTO event(message, at, kind, body) VALUES (?, ?, ?, ?)',
    message,
    event.atMs,
    event.kind,
    event.body,
  );
}

/** By which a message is found, for as long as its history is kept. */
export function writeProviderIds(store: Store, message: number, ids: readonly string[]): void {
  for (const id of ids) store.run('INSERT OR IGNORE INTO provider(id, message) VALUES (?, ?)', id, message);
}

/** Sets a lane's time right after something left it, or came to it, by any way. */
export function mendLane(store: Store, domain: string, priority: number): void {
  const next = store.get<{ due: number | null }>(
    `SELECT min(due_at) AS due FROM delivery INDEXED BY delivery_due
     WHERE domain = ? AND priority = ? AND state = 0 AND lease_until IS NULL`,
    domain,
    priority,
  )?.due;
  if (next === null || next === undefined) {
    store.run('DELETE FROM lane WHERE domain = ? AND priority = ?', domain, priority);
  } else {
    store.run(
      `INSERT INTO lane(domain, priority, next_due) VALUES (?, ?, ?)
       ON CONFLICT(domain, priority) DO UPDATE SET next_due = excluded.next_due`,
      domain,
      priority,
      next,
    );
  }
}

/** The cheap form for what only ever comes to a lane. */
function lowerLane(store: Store, waiting: Waiting): void {
  if (waiting.state !== QUEUED) return;
  store.run(
    `INSERT INTO lane(domain, priority, next_due) VALUES (?, ?, ?)
     ON CONFLICT(domain, priority) DO UPDATE SET next_due = excluded.next_due WHERE excluded.next_due < next_due`,
    waiting.domain,
    waiting.priority,
    waiting.dueAt,
  );
}

function countState(store: Store, from: number, to: number): void {
  store.count(STATE_TALLIES[from] ?? 'queued', -1);
  store.count(STATE_TALLIES[to] ?? 'queued', 1);
}
