import type { Count, Tally } from '../tallies.ts';
import type { Store } from './store.ts';
import type { CountsAsk, CountsPage } from './wire.ts';

const ACCOUNTS_AT_ONCE = 500;
const FIGURES_AT_ONCE = 2_000;
const FORGOTTEN_AT_ONCE = 500;

/** See `Tallies.count`. */
export function count(store: Store, ask: { readonly tallies: readonly Tally[]; readonly nowMs: number }): null {
  store.toldMs = ask.nowMs;
  for (const { account, startsAtMs, amount, keepUntilMs } of ask.tallies) {
    store.run(
      `INSERT INTO figure(account, starts_at, amount, keep_until) VALUES (?, ?, ?, ?)
       ON CONFLICT(account, starts_at)
       DO UPDATE SET amount = amount + excluded.amount, keep_until = max(keep_until, excluded.keep_until)`,
      account,
      startsAtMs,
      amount,
      Math.ceil(keepUntilMs),
    );
  }
  return null;
}

/** A page of `Tallies.counts`. What lies before `sinceMs` costs nothing, nor do other accounts. */
export function counts(store: Store, { prefix, sinceMs, nowMs, after }: CountsAsk): CountsPage {
  const found: Count[] = [];
  let account = after?.account ?? accountFrom(store, '>=', prefix);
  let fromMs = after === null ? sinceMs : Math.max(sinceMs, after.startsAtMs + 1);
  for (let accounts = 1; account?.startsWith(prefix) === true; accounts++) {
    const room = FIGURES_AT_ONCE - found.length;
    const rows = store.all<Omit<Count, 'account'>>(
      `SELECT starts_at AS startsAtMs, amount FROM figure
       WHERE account = ? AND starts_at >= ? AND keep_until >= ? ORDER BY starts_at LIMIT ?`,
      account,
      fromMs,
      nowMs,
      room,
    );
    for (const row of rows) found.push({ account, ...row });
    const last = found.at(-1);
    if (rows.length === room && last !== undefined)
      return { counts: found, next: { account, startsAtMs: last.startsAtMs } };
    if (accounts >= ACCOUNTS_AT_ONCE)
      return { counts: found, next: { account, startsAtMs: Number.MAX_SAFE_INTEGER - 1 } };
    account = accountFrom(store, '>', account);
    fromMs = sinceMs;
  }
  return { counts: found, next: null };
}

/** The first account whose name is so, or greater; or greater only. */
export function accountFrom(store: Store, how: '>' | '>=', name: string): string | undefined {
  return store.get<{ account: string }>(
    `SELECT account FROM figure WHERE account ${how} ? ORDER BY account LIMIT 1`,
    name,
  )?.account;
}

/** Forgets figures whose time is over; returns whether there may be more. */
export function forgetFigures(store: Store): boolean {
  const forgotten = store.run(
    `DELETE FROM figure WHERE (account, starts_at) IN (
       SELECT account, starts_at FROM figure INDEXED BY figure_end WHERE keep_until < ?
       ORDER BY keep_until LIMIT ${FORGOTTEN_AT_ONCE})`,
    store.toldMs,
  );
  return forgotten === FORGOTTEN_AT_ONCE;
}
