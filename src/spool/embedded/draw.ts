import type { Draw, DrawResult } from '../ledger.ts';
import type { Store } from './store.ts';

/** See `Ledger.draw`. */
export function draw(store: Store, ask: Draw): DrawResult {
  const startsAt = Math.floor(ask.nowMs / ask.windowMs) * ask.windowMs;
  const used =
    store.get<{ used: number }>(
      'SELECT used FROM ledger WHERE account = ? AND window_ms = ? AND starts_at = ?',
      ask.account,
      ask.windowMs,
      startsAt,
    )?.used ?? 0;
  if (used + ask.amount > ask.limit) return { kind: 'refused', used, resetsAtMs: startsAt + ask.windowMs };
  const changed = store.run(
    'UPDATE ledger SET used = used + ? WHERE account = ? AND window_ms = ? AND starts_at = ?',
    ask.amount,
    ask.account,
    ask.windowMs,
    startsAt,
  );
  if (changed === 0) openWindow(store, ask, startsAt);
  return { kind: 'granted', used: used + ask.amount };
}

function openWindow(store: Store, ask: Draw, startsAt: number): void {
  store.run(
    'INSERT INTO ledger(account, window_ms, starts_at, used) VALUES (?, ?, ?, ?)',
    ask.account,
    ask.windowMs,
    startsAt,
    ask.amount,
  );
  // The window before stays: the clock may go back a little, and a limit holds all the same.
  store.run(
    'DELETE FROM ledger WHERE account = ? AND window_ms = ? AND starts_at < ?',
    ask.account,
    ask.windowMs,
    startsAt - ask.windowMs,
  );
}
