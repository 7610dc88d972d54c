/** Walks over the queue, newest first, in windows small enough to stop after each. */
import { parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import type { QueueFilter } from '../spool.ts';
import { addressesOf, DELIVERY_COLUMNS, STATES, type DeliveryRow } from './rows.ts';
import type { Store } from './store.ts';
import type { SQLInputValue } from 'node:sqlite';

/** Rows looked at before others get their turn: some ms, or some tens where each has a thousand recipients. */
export const WINDOW_ROWS = 200;

export type Place = { readonly message: number; readonly ordinal: number };

/**
 * The deliveries that the filter names, window by window; a window may be empty.
 * @param after where to go on; null: from the newest
 */
export function* matching(store: Store, filter: QueueFilter, after: Place | null): Generator<readonly DeliveryRow[]> {
  const condition = conditionOf(filter);
  if (filter.ids !== undefined) {
    yield* byIds(store, filter, condition);
    return;
  }
  let from: Place | null = after ?? { message: Number.MAX_SAFE_INTEGER, ordinal: 0 };
  while (from !== null) {
    const rows: readonly DeliveryRow[] = store.all<DeliveryRow>(
      `SELECT ${DELIVERY_COLUMNS} FROM (
         SELECT seq FROM delivery INDEXED BY delivery_of WHERE (message, ordinal) < (?, ?)
         ORDER BY message DESC, ordinal DESC LIMIT ${WINDOW_ROWS}
       ) w CROSS JOIN delivery d ON d.seq = w.seq JOIN message m ON m.seq = d.message
       ${condition.sql} ORDER BY d.message DESC, d.ordinal DESC`,
      from.message,
      from.ordinal,
      ...condition.values,
    );
    // Found before anything in the window changes.
    from = endOfWindow(store, from);
    yield rows.filter((row) => hasRecipient(row, filter));
  }
}

function endOfWindow(store: Store, from: Place): Place | null {
  const last = store.get<Place>(
    `SELECT message, ordinal FROM delivery INDEXED BY delivery_of WHERE (message, ordinal) < (?, ?)
     ORDER BY message DESC, ordinal DESC LIMIT 1 OFFSET ${WINDOW_ROWS - 1}`,
    from.message,
    from.ordinal,
  );
  return last ?? null;
}

function* byIds(store: Store, filter: QueueFilter, condition: Condition): Generator<readonly DeliveryRow[]> {
  for (const id of new Set(filter.ids)) {
    const deliveryId = parseDeliveryId(id);
    const messageId = parseMessageId(id.slice(0, 26));
    const ordinal = deliveryId === null ? null : Number(deliveryId.slice(27));
    const rows = store.all<DeliveryRow>(
      `SELECT ${DELIVERY_COLUMNS} FROM message m JOIN delivery d ON d.message = m.seq
       ${condition.sql === '' ? 'WHERE' : `${condition.sql} AND`} m.id = ? AND (? IS NULL OR d.ordinal = ?)
       ORDER BY d.ordinal DESC`,
      ...condition.values,
      messageId,
      ordinal,
      ordinal,
    );
    yield rows.filter((row) => hasRecipient(row, filter));
  }
}

/** What a disk changed is no JSON any more, and scheduled for no time. */
const SCHEDULED_AFTER = "CASE WHEN json_valid(m.meta) THEN json_extract(m.meta, '$.sendAtMs') END > ?";

const STREAM_IS = "CASE WHEN json_valid(m.meta) THEN json_extract(m.meta, '$.stream') END = ?";

type Condition = { readonly sql: string; readonly values: readonly SQLInputValue[] };

function conditionOf(filter: QueueFilter): Condition {
  const terms: [sql: string, value: SQLInputValue][] = [];
  if (filter.domain !== undefined) terms.push(['d.domain = ?', filter.domain.toLowerCase()]);
  if (filter.client !== undefined) terms.push(['d.client = ?', filter.client]);
  if (filter.sender !== undefined) terms.push(['lower(m.sender) = lower(?)', filter.sender]);
  if (filter.egress !== undefined) terms.push(['d.last_egress = ?', filter.egress]);
  if (filter.state !== undefined) terms.push(['d.state = ?', STATES.indexOf(filter.state)]);
  if (filter.scheduledAfterMs !== undefined) terms.push([SCHEDULED_AFTER, filter.scheduledAfterMs]);
  if (filter.stream !== undefined) terms.push([STREAM_IS, filter.stream]);
  if (terms.length === 0) return { sql: '', values: [] };
  return { sql: `WHERE ${terms.map(([sql]) => sql).join(' AND ')}`, values: terms.map(([, value]) => value) };
}

function hasRecipient(row: DeliveryRow, filter: QueueFilter): boolean {
  if (filter.recipient === undefined) return true;
  const wanted = filter.recipient.toLowerCase();
  return addressesOf(row.recipients)?.some((address) => address.toLowerCase() === wanted) ?? false;
}

/** Where a delivery stands, or stood: it may have ended since it was listed. */
export function placeOf(store: Store, deliveryId: string): Place | null {
  const id = parseDeliveryId(deliveryId);
  if (id === null) return null;
  const row = store.get<{ seq: number; id: string }>(
    'SELECT seq, id FROM message WHERE id <= ? ORDER BY id DESC LIMIT 1',
    id.slice(0, 26),
  );
  if (row === undefined) return { message: 0, ordinal: 0 };
  const exact = row.id === id.slice(0, 26);
  return { message: exact ? row.seq : row.seq + 1, ordinal: exact ? Number(id.slice(27)) : 0 };
}
