/** Takes out of the database what went to another store, or what came from one that keeps it. */
import type { Arrival } from './arrival.ts';
import { renewFeed } from './feed.ts';
import { recount } from './recount.ts';
import type { Store } from './store.ts';
import { removeFigure, removeStoredMark, removeSuppression } from './stored-beside.ts';

const MESSAGES_AT_ONCE = 200;
const SMALL_AT_ONCE = 1_000;

/** Some of all there is; returns how many records, 0: nothing is left. Inside a transaction. */
export function removeAll(store: Store): number {
  const seqs = store.all<{ seq: number }>(`SELECT seq FROM message ORDER BY seq LIMIT ${MESSAGES_AT_ONCE}`);
  for (const { seq } of seqs) removeMessage(store, seq);
  if (seqs.length > 0) return seqs.length;
  const small =
    store.run(`DELETE FROM dedupe WHERE key IN (SELECT key FROM dedupe LIMIT ${SMALL_AT_ONCE})`) +
    store.run(
      `DELETE FROM ledger WHERE (account, window_ms, starts_at) IN
         (SELECT account, window_ms, starts_at FROM ledger LIMIT ${SMALL_AT_ONCE})`,
    );
  if (small > 0) return small;
  const beside =
    store.run(`DELETE FROM mark WHERE name IN (SELECT name FROM mark LIMIT ${SMALL_AT_ONCE})`) +
    store.run(
      `DELETE FROM figure WHERE (account, starts_at) IN (SELECT account, starts_at FROM figure LIMIT ${SMALL_AT_ONCE})`,
    );
  if (beside > 0) return beside;
  const suppressed = store.run(
    `DELETE FROM suppression WHERE number IN (SELECT number FROM suppression LIMIT ${SMALL_AT_ONCE})`,
  );
  if (suppressed > 0) return suppressed;
  store.run('DELETE FROM turn');
  store.run('DELETE FROM block');
  store.run('DELETE FROM slot');
  renewFeed(store);
  recount(store);
  return 0;
}

/** Some of what arrived; returns how many records, 0: nothing of it is left. Inside a transaction. */
export function removeArrivals(store: Store): number {
  const arrivals = store.all<Arrival>(`SELECT kind, key, amount FROM arrival LIMIT ${MESSAGES_AT_ONCE}`);
  for (const arrival of arrivals) {
    removeArrival(store, arrival);
    store.run('DELETE FROM arrival WHERE kind = ? AND key = ?', arrival.kind, arrival.key);
  }
  if (arrivals.length === 0) recount(store);
  return arrivals.length;
}

function removeArrival(store: Store, { kind, key, amount }: Arrival): void {
  if (kind === 'message') {
    const seq = store.get<{ seq: number }>('SELECT seq FROM message WHERE id = ?', key)?.seq;
    if (seq !== undefined) removeMessage(store, seq);
  } else if (kind === 'digest') {
    store.run('DELETE FROM dedupe WHERE key = ?', key);
  } else if (kind === 'mark') {
    removeStoredMark(store, key);
  } else if (kind === 'figure') {
    removeFigure(store, key, amount);
  } else if (kind === 'suppression') {
    removeSuppression(store, key);
  } else {
    const [startsAt, windowMs, account] = JSON.parse(key) as [number, number, string];
    const where = 'account = ? AND window_ms = ? AND starts_at = ?';
    store.run(`UPDATE ledger SET used = used - ? WHERE ${where}`, amount, account, windowMs, startsAt);
    store.run(`DELETE FROM ledger WHERE ${where} AND used <= 0`, account, windowMs, startsAt);
  }
}

function removeMessage(store: Store, seq: number): void {
  for (const table of ['event', 'delivery', 'content', 'provider'])
    store.run(`DELETE FROM ${table} WHERE message = ?`, seq);
  store.run('DELETE FROM message WHERE seq = ?', seq);
}
