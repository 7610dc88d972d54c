import { type TakeTurns, turnsAfter } from '../tallies.ts';
import type { Store } from './store.ts';

const FORGOTTEN_AT_ONCE = 500;
/** A circle that nobody asked for so long begins anew. */
export const CIRCLE_KEPT_MS = 90 * 86_400_000;

/** See `Circles.takeTurns`. */
export function takeTurns(store: Store, ask: TakeTurns & { readonly nowMs: number }): readonly number[] {
  const last = store.get<{ place: number }>('SELECT place FROM turn WHERE account = ?', ask.account)?.place ?? null;
  const turns = turnsAfter(last, ask);
  store.run(
    `INSERT INTO turn(account, place, taken_at) VALUES (?, ?, ?)
     ON CONFLICT(account) DO UPDATE SET place = excluded.place, taken_at = excluded.taken_at`,
    ask.account,
    turns.at(-1) ?? 0,
    Math.floor(ask.nowMs),
  );
  return turns;
}

/** Forgets circles that nobody asks for any more; returns whether there may be more. */
export function forgetCircles(store: Store): boolean {
  const forgotten = store.run(
    `DELETE FROM turn WHERE account IN (SELECT account FROM turn WHERE taken_at < ? LIMIT ${FORGOTTEN_AT_ONCE})`,
    store.toldMs - CIRCLE_KEPT_MS,
  );
  return forgotten === FORGOTTEN_AT_ONCE;
}
