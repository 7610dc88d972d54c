/** What operators ask for. Each may walk the whole queue, so each stops (yields) after every window. */
import { waitsForQuota } from '../../message/over-quota.ts';
import { packReaped } from '../last-reply.ts';
import { releasedDueMs } from '../reschedule.ts';
import type { LeasedDelivery, QueuedDelivery } from '../spool.ts';
import { leaseRow } from './claim.ts';
import {
  endDelivery,
  HELD,
  QUEUED,
  mendLane,
  setDue,
  setState,
  unleaseDelivery,
  writeDeliveryEvent,
  writeLastReply,
} from './queue.ts';
import { DELIVERY_COLUMNS, parseMessage, parseObject, parseQueued, streamOf, type DeliveryRow } from './rows.ts';
import type { Store } from './store.ts';
import { matching, placeOf } from './walk.ts';
import type { LongCalls } from './wire.ts';

/** Deliveries changed before others get their turn: some ms. */
const CHANGES_AT_ONCE = 50;

type Long<Name extends keyof LongCalls> = Generator<void, LongCalls[Name]['answer']>;

export function* list(store: Store, ask: LongCalls['list']['ask']): Long<'list'> {
  const found: QueuedDelivery[] = [];
  const after = ask.after === null ? null : placeOf(store, ask.after);
  for (const rows of matching(store, ask.filter, after)) {
    for (const row of rows) {
      if (found.length >= ask.limit) return found;
      found.push(parseQueued(row));
    }
    if (found.length >= ask.limit) return found;
    yield;
  }
  return found;
}

/** See `Spool.shape`. */
export function* shape(store: Store, ask: LongCalls['shape']['ask']): Long<'shape'> {
  while (!store.census.isWhole) {
    store.census.extend(store);
    yield;
  }
  return store.census.rows(ask);
}

/** See `Spool.hold`. */
export function* hold(store: Store, ask: LongCalls['hold']['ask']): Long<'hold'> {
  return yield* change(store, ask, (row) => {
    const isKept = ask.why === null && waitsForQuota(parseQueued(row).delivery);
    if (row.state !== QUEUED && !isKept) return false;
    if (isKept) writeLastReply(store, row, null);
    else setState(store, row, HELD);
    writeDeliveryEvent(store, row, { kind: 'held', reason: ask.why ?? 'an operator held it', atMs: ask.atMs });
    return true;
  });
}

/** See `Spool.release`. */
export function* release(store: Store, ask: LongCalls['release']['ask']): Long<'release'> {
  return yield* change(store, ask, (row) => {
    if (row.state === QUEUED) return false;
    if (waitsForQuota(parseQueued(row).delivery)) writeLastReply(store, row, null);
    setState(store, row, QUEUED);
    const dueAtMs = releasedDueMs(row.dueAt, { sendAtMs: parseMessage(row)?.sendAtMs, atMs: ask.atMs });
    if (dueAtMs !== row.dueAt) setDue(store, row, dueAtMs);
    writeDeliveryEvent(store, row, { kind: 'released', reason: ask.why ?? 'an operator released it', atMs: ask.atMs });
    return true;
  });
}

/** See `Spool.retry`. */
export function* retry(store: Store, ask: LongCalls['retry']['ask']): Long<'retry'> {
  return yield* change(store, ask, (row) => {
    if (row.state !== QUEUED || row.dueAt <= ask.atMs) return false;
    setDue(store, row, ask.atMs);
    writeDeliveryEvent(store, row, { kind: 'retried', reason: 'an operator made it due', atMs: ask.atMs });
    return true;
  });
}

/** See `Spool.discard`. */
export function* discard(store: Store, ask: LongCalls['discard']['ask']): Long<'discard'> {
  return yield* change(store, ask, (row) => {
    writeDeliveryEvent(store, row, { kind: 'discarded', reason: '', atMs: ask.atMs, reply: ask.why });
    endDelivery(store, row, ask.atMs);
    return true;
  });
}

/** Applies `apply` to each delivery that the filter names and nobody is trying; counts those that it changed. */
function* change(
  store: Store,
  ask: Pick<LongCalls['release']['ask'], 'filter' | 'atMs'>,
  apply: (row: DeliveryRow) => boolean,
): Generator<void, number> {
  let changed = 0;
  for (const rows of matching(store, ask.filter, null)) {
    for (let start = 0; start < rows.length; start += CHANGES_AT_ONCE) {
      for (const seen of rows.slice(start, start + CHANGES_AT_ONCE)) {
        // Others had their turn since the window was read.
        const row = unleased(store, seen);
        if (row !== undefined && apply(row)) changed += 1;
      }
      yield;
    }
    yield;
  }
  return changed;
}

function unleased(store: Store, seen: DeliveryRow): DeliveryRow | undefined {
  return store.get<DeliveryRow>(
    `SELECT ${DELIVERY_COLUMNS} FROM delivery d JOIN message m ON m.seq = d.message
     WHERE d.seq = ? AND d.lease_until IS NULL`,
    seen.seq,
  );
}

/** See `Spool.take`. */
export function* take(store: Store, ask: LongCalls['take']['ask']): Long<'take'> {
  const leased: LeasedDelivery[] = [];
  for (const rows of matching(store, ask.filter, null)) {
    for (const seen of rows) {
      if (leased.length >= ask.limit) return leased;
      const row = unleased(store, seen);
      if (row === undefined) continue;
      const one = leaseRow(store, row, { untilMs: ask.leaseUntilMs, atMs: ask.atMs });
      if (one === null) continue;
      mendLane(store, row.domain, row.priority);
      leased.push(one);
    }
    yield;
  }
  return leased;
}

/** See `Spool.reap`. */
export function* reap(store: Store, ask: LongCalls['reap']['ask']): Long<'reap'> {
  let reaped = 0;
  for (;;) {
    const rows = store.all<DeliveryRow>(
      `SELECT ${DELIVERY_COLUMNS} FROM delivery d INDEXED BY delivery_lease JOIN message m ON m.seq = d.message
       WHERE d.lease_until IS NOT NULL AND d.lease_until < ? ORDER BY d.lease_until LIMIT ${CHANGES_AT_ONCE}`,
      ask.beforeMs ?? Number.MAX_SAFE_INTEGER,
    );
    for (const row of rows) {
      reapOne(store, row, ask);
    }
    reaped += rows.length;
    if (rows.length < CHANGES_AT_ONCE) return reaped;
    yield;
  }
}

function reapOne(store: Store, row: DeliveryRow, ask: LongCalls['reap']['ask']): void {
  const doubt = writeDeliveryEvent(store, row, { kind: 'in-doubt', reason: ask.reason, atMs: ask.atMs });
  // At the start there may be very many: their count is told.
  if (ask.beforeMs !== null) store.tell(doubt);
  const isHeld = row.state === QUEUED && ask.hold.includes(streamOf(row));
  const last = row.lastReply === null ? null : parseObject(row.lastReply);
  writeLastReply(store, row, packReaped(last, { isHeld }));
  if (!isHeld) {
    unleaseDelivery(store, row);
    return;
  }
  setState(store, row, HELD);
  unleaseDelivery(store, { ...row, state: HELD });
  const reason = 'in doubt: waits for an operator';
  store.tell(writeDeliveryEvent(store, row, { kind: 'held', reason, atMs: ask.atMs }));
}
