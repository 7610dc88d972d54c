import type { Draw, DrawResult } from '../ledger.ts';
import type { Store } from './store.ts';

/** See `Ledger.draw`. */
export function draw(store: Store, ask: Draw): DrawResult {
  const { account, windowMs } = ask;
  const counter = { account, windowMs, startsAt: Math.floor(ask.nowMs / windowMs) * windowMs };
  const used = usedOf(store, counter);
  if (used + ask.amount > ask.limit) return { kind: 'refused', used, resetsAtMs: counter.startsAt + windowMs };
  addUsed(store, counter, ask.amount);
  return { kind: 'granted', used: used + ask.amount };
}

/** Beside the one that is now: hours are short, and clocks are set back by hours. */
const WINDOWS_KEPT = 4;

/** One window of an account. */
export type Counter = { readonly account: string; readonly windowMs: number; readonly startsAt: number };

/** What was drawn or spent; 0 for a window that nothing was. */
export function usedOf(store: Store, { account, windowMs, startsAt }: Counter): number {
  return (
    store.get<{ used: number }>(
      'SELECT used FROM ledger WHERE account = ? AND window_ms = ? AND starts_at = ?',
      account,
      windowMs,
      startsAt,
    )?.used ?? 0
  );
}

/** Opens the window where it is new. */
export function addUsed(store: Store, counter: Counter, amount: number): void {
  const { account, windowMs, startsAt } = counter;
  const changed = store.run(
    'UPDATE ledger SET used = used + ? WHERE account = ? AND window_ms = ? AND starts_at = ?',
    amount,
    account,
    windowMs,
    startsAt,
  );
  if (changed > 0) return;
  store.run(
    'INSERT INTO ledger(account, window_ms, starts_at, used) VALUES (?, ?, ?, ?)',
    account,
    windowMs,
    startsAt,
    amount,
  );
  forgetBefore(store, counter);
}

/** Those before stay for a while: the clock may go back a little, and a limit holds all the same. */
function forgetBefore(store: Store, { account, windowMs, startsAt }: Counter): void {
  for (const table of ['ledger', 'block'] as const) {
    store.run(
      `DELETE FROM ${table} WHERE account = ? AND window_ms = ? AND starts_at < ?`,
      account,
      windowMs,
      startsAt - WINDOWS_KEPT * windowMs,
    );
  }
}
