/** Whom a message is for when a delivery's own record of it cannot be read. */
import { domainOf } from '../../message/address.ts';
import { FINAL_STATES } from '../../message/outcome.ts';
import { addressesOf, type DeliveryRow, parseObject } from './rows.ts';
import type { Store } from './store.ts';

/** Accepted, but neither ended nor in a delivery that can be read: as its events tell. */
export function lostRecipients(store: Store, message: number): string[] {
  const left = new Set<string>();
  const events = store.all<{ kind: string; body: string }>(
    'SELECT kind, body FROM event WHERE message = ? ORDER BY seq',
    message,
  );
  for (const event of events) {
    const recipients = parseObject(event.body)?.['recipients'];
    if (!Array.isArray(recipients)) continue;
    for (const address of recipients) {
      if (event.kind === 'received') left.add(String(address));
      else if (FINAL_STATES.some((state) => state === event.kind)) left.delete(String(address));
    }
  }
  const rows = store.all<{ recipients: string }>('SELECT recipients FROM delivery WHERE message = ?', message);
  for (const row of rows) {
    for (const address of addressesOf(row.recipients) ?? []) left.delete(address);
  }
  return [...left];
}

/**
 * The row with recipients that can be read, where events tell them. What their sender asked to be told of (NOTIFY, ORCPT)
 * is gone, so such a delivery is for an operator to look at.
 */
export function withRecipients(store: Store, row: DeliveryRow): DeliveryRow {
  if (addressesOf(row.recipients) !== null) return row;
  const addresses = lostRecipients(store, row.message).filter((address) => domainOf(address) === row.domain);
  if (addresses.length === 0) return row;
  const recipients = recipientsOf(addresses);
  store.run('UPDATE delivery SET recipients = ? WHERE seq = ?', recipients, row.seq);
  return { ...row, recipients };
}

/** As a row holds them. */
export function recipientsOf(addresses: readonly string[]): string {
  return JSON.stringify(addresses.map((address) => ({ address, notify: null, orcpt: null })));
}
