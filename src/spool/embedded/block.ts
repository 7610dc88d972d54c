import {
  isBeyondReason,
  type Block,
  type Quota,
  type ReturnBlock,
  type SpendBlock,
  type Slot,
  type TakeBlock,
  type TakeSlot,
} from '../ledger.ts';
import { addUsed, usedOf, type Counter } from './draw.ts';
import type { Store } from './store.ts';

/** See `Quotas.takeBlock`. */
export function takeBlock(store: Store, ask: TakeBlock): Block {
  const counter = counterOf(ask);
  store.run(
    'DELETE FROM block WHERE account = ? AND window_ms = ? AND starts_at = ? AND holder <> ? AND until < ?',
    ...keyOf(counter),
    ask.holder,
    ask.nowMs,
  );
  const elsewhere = usedOf(store, counter) + leftOfOthers(store, counter, ask.holder);
  const room = Math.max(0, ask.limit - elsewhere);
  const left = Math.min(leftOf(store, counter, ask.holder) + ask.wanted, room);
  writeLeft(store, { ...counter, holder: ask.holder }, { left, untilMs: ask.untilMs });
  return { left, used: elsewhere + left };
}

/** See `Quotas.spend`. */
export function spend(store: Store, ask: SpendBlock): 'spent' | 'lost' {
  const counter = counterOf(ask);
  const taken = store.run(
    `UPDATE block SET left_over = left_over - ? WHERE account = ? AND window_ms = ? AND starts_at = ? AND holder = ?
       AND left_over >= ?`,
    ask.amount,
    ...keyOf(counter),
    ask.holder,
    ask.amount,
  );
  if (taken === 0) return 'lost';
  addUsed(store, counter, ask.amount);
  return 'spent';
}

/** See `Quotas.returnBlock`. */
export function returnBlock(store: Store, ask: ReturnBlock): null {
  const key = keyOf(counterOf(ask));
  store.run(
    `UPDATE block SET left_over = max(0, left_over - ?) WHERE account = ? AND window_ms = ? AND starts_at = ?
       AND holder = ?`,
    ask.unused,
    ...key,
    ask.holder,
  );
  store.run(
    'UPDATE ledger SET used = max(0, used - ?) WHERE account = ? AND window_ms = ? AND starts_at = ?',
    ask.unspent,
    ...key,
  );
  return null;
}

/** See `Quotas.takeSlot`. */
export function takeSlot(store: Store, ask: TakeSlot): Slot {
  const last = store.get<{ holder: string; startsAt: number; endsAt: number }>(
    'SELECT holder, starts_at AS startsAt, ends_at AS endsAt FROM slot WHERE account = ?',
    ask.account,
  );
  const holds = last !== undefined && last.endsAt >= ask.nowMs && !isBeyondReason(last.endsAt, ask);
  const goesOn = holds && last.holder === ask.holder;
  const begins = Math.ceil(holds ? last.endsAt : ask.nowMs);
  const fromMs = goesOn ? last.startsAt : begins;
  const toMs = goesOn ? Math.max(last.endsAt, Math.ceil(ask.nowMs + ask.lengthMs)) : begins + Math.ceil(ask.lengthMs);
  store.run(
    `INSERT INTO slot(account, holder, starts_at, ends_at) VALUES (?, ?, ?, ?)
     ON CONFLICT(account) DO UPDATE SET holder = excluded.holder, starts_at = excluded.starts_at, ends_at = excluded.ends_at`,
    ask.account,
    ask.holder,
    fromMs,
    toMs,
  );
  return { fromMs, toMs };
}

/** Every block returns: their holders are dead. */
export function returnAllBlocks(store: Store): void {
  store.run('DELETE FROM block');
}

function counterOf({ account, startsAtMs, endsAtMs }: Quota): Counter {
  return { account, windowMs: endsAtMs - startsAtMs, startsAt: startsAtMs };
}

function keyOf({ account, windowMs, startsAt }: Counter): [string, number, number] {
  return [account, windowMs, startsAt];
}

function leftOf(store: Store, counter: Counter, holder: string): number {
  return (
    store.get<{ left: number }>(
      `SELECT left_over AS left FROM block WHERE account = ? AND window_ms = ? AND starts_at = ? AND holder = ?`,
      ...keyOf(counter),
      holder,
    )?.left ?? 0
  );
}

function leftOfOthers(store: Store, counter: Counter, holder: string): number {
  return (
    store.get<{ left: number | null }>(
      `SELECT sum(left_over) AS left FROM block WHERE account = ? AND window_ms = ? AND starts_at = ? AND holder <> ?`,
      ...keyOf(counter),
      holder,
    )?.left ?? 0
  );
}

function writeLeft(
  store: Store,
  { holder, ...counter }: Counter & { readonly holder: string },
  { left, untilMs }: { readonly left: number; readonly untilMs: number },
): void {
  if (left === 0) {
    store.run(
      'DELETE FROM block WHERE account = ? AND window_ms = ? AND starts_at = ? AND holder = ?',
      ...keyOf(counter),
      holder,
    );
    return;
  }
  store.run(
    `INSERT INTO block(account, window_ms, starts_at, holder, left_over, until) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT(account, window_ms, starts_at, holder)
     DO UPDATE SET left_over = excluded.left_over, until = excluded.until`,
    ...keyOf(counter),
    holder,
    left,
    Math.ceil(untilMs),
  );
}
