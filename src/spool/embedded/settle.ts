import type { MessageEvent } from '../../message/event.ts';
import type { Recipient } from '../../message/message.ts';
import {
  endDelivery,
  findLeased,
  quarantine,
  requeueDelivery,
  unleaseDelivery,
  writeEvent,
  writeProviderIds,
} from './queue.ts';
import { parseRecipients } from './rows.ts';
import type { Store } from './store.ts';
import type { LeaseAsk, SettleAsk } from './wire.ts';

/** Events that a delivery may have without end. The log has them as well; the audit needs none of them. */
const OF_RETRIES: ReadonlySet<string> = new Set(['attempted', 'deferred'] satisfies MessageEvent['event'][]);

/** A call that others overtook makes no lease shorter. By more than this it is not late: its clock was set back. */
const LATE_MS = 600_000;

/** See `Spool.settle`. */
export function settle(store: Store, ask: SettleAsk): 'settled' | 'lost' {
  store.toldMs = ask.atMs;
  const row = findLeased(store, ask);
  if (row === undefined) return 'lost';
  for (const event of ask.events) {
    if (!store.frugal || !OF_RETRIES.has(event.kind)) writeEvent(store, row.message, event);
  }
  if (ask.providerIds !== undefined && !store.frugal) writeProviderIds(store, row.message, ask.providerIds);
  const recipients = parseRecipients(row.recipients);
  if (recipients === null) {
    unleaseDelivery(store, row);
    quarantine(
      store,
      { ...row, leaseUntil: null },
      { reason: 'its record in the spool cannot be read', atMs: ask.atMs },
    );
    return 'settled';
  }
  const left = without(recipients, ask.finished);
  if (left.length === 0) endDelivery(store, row, ask.atMs);
  else {
    const lastReply = store.frugal ? ask.rest.doubt : ask.rest.lastReply;
    requeueDelivery(store, row, { ...ask.rest, lastReply, recipients: JSON.stringify(left) });
  }
  return 'settled';
}

function without(recipients: readonly Recipient[], finished: readonly string[]): readonly Recipient[] {
  if (finished.length === 0) return recipients;
  const ended = new Set(finished);
  return recipients.filter((recipient) => !ended.has(recipient.address));
}

/** See `Spool.extend`; returns the places of the leases that were lost. */
export function extend(
  store: Store,
  ask: { readonly leases: readonly LeaseAsk[]; readonly untilMs: number },
): number[] {
  const lost: number[] = [];
  for (const [place, lease] of ask.leases.entries()) {
    const changed = store.run(
      `UPDATE delivery SET lease_until = iif(lease_until - ? BETWEEN 0 AND ${LATE_MS}, lease_until, ?)
       WHERE message = (SELECT seq FROM message WHERE id = ?) AND ordinal = ? AND token = ? AND lease_until IS NOT NULL`,
      ask.untilMs,
      ask.untilMs,
      lease.messageId,
      lease.ordinal,
      lease.token,
    );
    if (changed === 0) lost.push(place);
  }
  return lost;
}

/** See `Spool.giveBack`. */
export function giveBack(store: Store, leases: readonly LeaseAsk[]): null {
  for (const lease of leases) {
    const row = findLeased(store, lease);
    if (row !== undefined) unleaseDelivery(store, row);
  }
  return null;
}
