import { parseMessage, DELIVERY_COLUMNS, type DeliveryRow } from './rows.ts';
import { setDue, writeDeliveryEvent } from './queue.ts';
import { movedText } from '../reschedule.ts';
import type { Store } from './store.ts';
import type { LongCalls } from './wire.ts';

/** See `Spool.reschedule`. */
export function* reschedule(
  store: Store,
  ask: LongCalls['reschedule']['ask'],
): Generator<void, LongCalls['reschedule']['answer']> {
  let moved = 0;
  for (const id of new Set(ask.ids)) {
    moved += moveOne(store, { ...ask, id });
    yield;
  }
  return moved;
}

type Move = Omit<LongCalls['reschedule']['ask'], 'ids'> & { readonly id: string };

function moveOne(store: Store, { id, toMs, atMs }: Move): number {
  const rows = store.all<DeliveryRow>(
    `SELECT ${DELIVERY_COLUMNS} FROM message m JOIN delivery d ON d.message = m.seq WHERE m.id = ?`,
    id,
  );
  const [first] = rows;
  const message = first === undefined ? null : parseMessage(first);
  if (first === undefined || message === null || rows.some(isBegun)) return 0;
  const sendAtMs = Math.ceil(toMs);
  store.run('UPDATE message SET meta = ? WHERE seq = ?', JSON.stringify({ ...message, sendAtMs }), first.message);
  for (const row of rows) {
    setDue(store, row, Math.ceil(Math.max(toMs, atMs)));
    writeDeliveryEvent(store, row, { kind: 'rescheduled', reason: movedText(sendAtMs), atMs });
  }
  return rows.length;
}

function isBegun({ leaseUntil, attempts, lastEgress }: DeliveryRow): boolean {
  return leaseUntil !== null || attempts > 0 || lastEgress !== null;
}
