/** Makes a salvaged database agree with itself: nothing that was accepted may vanish from it silently. */
import { domainOf } from '../../message/address.ts';
import type { MessageId } from '../../message/ids.ts';
import { deliveriesOf } from './find.ts';
import { lostRecipients, recipientsOf } from './lost.ts';
import { quarantine, QUARANTINED, writeDeliveryEvent } from './queue.ts';
import { rebuildMessages } from './rebuild.ts';
import { recount } from './recount.ts';
import { addressesOf, parseObject } from './rows.ts';
import type { Store } from './store.ts';

const MESSAGES_AT_ONCE = 500;
const INCOMPLETE = 'part of it could not be read when the spool was salvaged';

type Mended = OpenMessage & { readonly isRebuilt: boolean };
type OpenMessage = { readonly seq: number; readonly id: MessageId; readonly meta: string; readonly content: number };

/** How many messages were set aside for an operator, and how many were made again from their events. */
type Mending = { readonly messagesQuarantined: number; readonly messagesRebuilt: number };

/** To be called once, on what was carried over. */
export function mend(store: Store, atMs: number): Mending {
  const rebuilt = rebuildMessages(store);
  store.begin();
  store.run('DELETE FROM delivery WHERE message NOT IN (SELECT seq FROM message)');
  store.run('UPDATE message SET finished_at = NULL WHERE seq IN (SELECT message FROM delivery)');
  store.run('DELETE FROM content WHERE message NOT IN (SELECT seq FROM message WHERE finished_at IS NULL)');
  store.commit();
  let messagesQuarantined = 0;
  for (let from = 0; ;) {
    const messages = store.all<OpenMessage>(
      `SELECT m.seq, m.id, m.meta, EXISTS (SELECT 1 FROM content c WHERE c.message = m.seq) AS content
       FROM message m WHERE m.seq > ? AND m.finished_at IS NULL ORDER BY m.seq LIMIT ${MESSAGES_AT_ONCE}`,
      from,
    );
    const last = messages.at(-1);
    if (last === undefined) break;
    store.begin();
    for (const message of messages) {
      if (mendMessage(store, { ...message, isRebuilt: rebuilt.has(message.seq) }, atMs)) messagesQuarantined += 1;
    }
    store.commit();
    from = last.seq;
  }
  store.begin();
  recount(store);
  store.commit();
  return { messagesQuarantined, messagesRebuilt: rebuilt.size };
}

/** Returns whether something of it had to be quarantined. */
function mendMessage(store: Store, message: Mended, atMs: number): boolean {
  const broken = deliveriesOf(store, message.seq).filter((row) => addressesOf(row.recipients) === null);
  for (const row of broken) quarantine(store, row, { reason: INCOMPLETE, atMs });
  const lost = lostRecipients(store, message.seq);
  for (const [domain, addresses] of byDomain(lost)) insertLost(store, message, { domain, addresses });
  const deliveries = deliveriesOf(store, message.seq);
  const complete = lost.length === 0 && broken.length === 0 && message.content === 1 && !message.isRebuilt;
  if (!complete) {
    for (const row of deliveries) {
      if (row.state === QUARANTINED)
        store.tell(writeDeliveryEvent(store, row, { kind: 'quarantined', reason: INCOMPLETE, atMs }));
      else if (message.content === 0 || message.isRebuilt) quarantine(store, row, { reason: INCOMPLETE, atMs });
    }
  }
  store.run('UPDATE message SET open = ? WHERE seq = ?', deliveries.length, message.seq);
  if (deliveries.length === 0 && knowsItsEnd(store, message.seq)) {
    store.run('UPDATE message SET finished_at = ? WHERE seq = ?', atMs, message.seq);
    store.run('DELETE FROM content WHERE message = ?', message.seq);
  }
  return !complete && deliveries.length > 0;
}

function knowsItsEnd(store: Store, message: number): boolean {
  return store.get("SELECT 1 FROM event WHERE message = ? AND kind = 'received' LIMIT 1", message) !== undefined;
}

function byDomain(addresses: readonly string[]): Map<string, string[]> {
  const domains = new Map<string, string[]>();
  for (const address of addresses) {
    const domain = domainOf(address);
    domains.set(domain, [...(domains.get(domain) ?? []), address]);
  }
  return domains;
}

/** What its sender asked to be told of (NOTIFY, ORCPT) is gone with the row: an operator decides. */
function insertLost(
  store: Store,
  message: OpenMessage,
  lost: { readonly domain: string; readonly addresses: readonly string[] },
): void {
  const meta = parseObject(message.meta);
  const priority = ['high', 'normal', 'low'].indexOf(text(meta?.['priority']));
  store.run(
    `INSERT INTO delivery(message, ordinal, domain, client, priority, state, due_at, lease_until, token, attempts, recipients)
     VALUES (?, ?, ?, ?, ?, ${QUARANTINED}, 0, NULL, ?, 0, ?)`,
    message.seq,
    nextOrdinal(store, message.seq),
    lost.domain,
    text(meta?.['client']),
    Math.max(0, priority),
    0,
    recipientsOf(lost.addresses),
  );
}

/** One that no delivery of this message ever had. */
function nextOrdinal(store: Store, message: number): number {
  const rows = store.all<{ body: string }>('SELECT body FROM event WHERE message = ?', message);
  const told = rows.map(({ body }) => Number(text(parseObject(body)?.['deliveryId']).slice(27)) || 0);
  const kept = deliveriesOf(store, message).map((row) => row.ordinal);
  return Math.max(0, ...told, ...kept) + 1;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
