import { forgetting } from './feed.ts';
import type { Store } from './store.ts';

const MESSAGES_AT_ONCE = 500;
const KEYS_AT_ONCE = 500;

/** See `Spool.prune`. */
export function prune(store: Store, ask: { readonly beforeMs: number }): number {
  const rows = store.all<{ seq: number }>(
    `SELECT seq FROM message INDEXED BY message_finished WHERE finished_at IS NOT NULL AND finished_at < ?
     ORDER BY finished_at LIMIT ${MESSAGES_AT_ONCE}`,
    ask.beforeMs,
  );
  if (rows.length > 0) forgetting(store, () => rows.forEach(({ seq }) => forget(store, seq)));
  // Windows that ended: counters of accounts that are drawn on forget theirs by themselves.
  store.run('DELETE FROM ledger WHERE starts_at + window_ms < ?', ask.beforeMs);
  store.run('DELETE FROM block WHERE starts_at + window_ms < ?', ask.beforeMs);
  return rows.length;
}

function forget(store: Store, seq: number): void {
  store.run('DELETE FROM event WHERE message = ?', seq);
  store.run('DELETE FROM provider WHERE message = ?', seq);
  store.run('DELETE FROM message WHERE seq = ?', seq);
}

/** Forgets keys of resends whose window is over; returns whether there may be more. */
export function forgetDedupe(store: Store): boolean {
  const forgotten = store.run(
    `DELETE FROM dedupe WHERE key IN (
       SELECT key FROM dedupe INDEXED BY dedupe_until WHERE until < ? ORDER BY until LIMIT ${KEYS_AT_ONCE})`,
    store.toldMs,
  );
  return forgotten === KEYS_AT_ONCE;
}
