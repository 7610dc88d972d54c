/** Marks, figures and suppressions as records that go whole into another store, and back. */
import type { Mark } from '../marks.ts';
import type { StoredFigures, StoredMark, StoredPage, StoredSuppressions } from '../move.ts';
import type { Suppression, SuppressionKey } from '../suppressions.ts';
import { arrived, hasArrived, type Written } from './arrival.ts';
import { accountFrom, count } from './figures.ts';
import { mark, marks } from './marks.ts';
import type { Store } from './store.ts';
import { entryUnder, suppress, suppressions, unsuppress } from './suppressions.ts';

const FIGURES_AT_ONCE = 1_000;
const SUPPRESSIONS_AT_ONCE = 500;

/** @param after `next` of the page before; '': from the start */
export function marksAfter(store: Store, after: string): StoredPage {
  const page = marks(store, { prefix: '', after });
  const records = page.marks.map((one): StoredMark => ({ kind: 'mark', ...one }));
  return { records, next: page.next === null ? 'f' : `k${page.next}` };
}

/** As `marksAfter`, account by account. */
export function figuresAfter(store: Store, after: string, nowMs: number): StoredPage {
  const records: StoredFigures[] = [];
  let last = after;
  for (let left = FIGURES_AT_ONCE; left > 0;) {
    const account = accountFrom(store, '>', last);
    if (account === undefined) return { records, next: 's' };
    const figures = store.all<StoredFigures['figures'][number]>(
      `SELECT starts_at AS startsAtMs, amount, keep_until AS keepUntilMs FROM figure
       WHERE account = ? AND keep_until >= ? ORDER BY starts_at`,
      account,
      nowMs,
    );
    if (figures.length > 0) records.push({ kind: 'figures', account, figures });
    last = account;
    left -= Math.max(1, figures.length);
  }
  return { records, next: `f${last}` };
}

/** As `marksAfter`, by address. */
export function suppressionsAfter(store: Store, after: string): StoredPage {
  const { entries, next } = suppressions(store, { filter: {}, limit: SUPPRESSIONS_AT_ONCE, after });
  const records: StoredSuppressions[] = entries.length === 0 ? [] : [{ kind: 'suppressions', entries }];
  return { records, next: next === null ? null : `s${next}` };
}

/** Each unless the store has one by itself that was made as late or later. */
export function writeSuppressions(store: Store, { entries }: StoredSuppressions): Written {
  let became: Written = 'known';
  for (const one of entries) {
    const known = entryUnder(store, one);
    if (known !== null && known.atMs >= one.atMs) continue;
    suppress(store, [one]);
    const { address, client, stream } = one;
    arrived(store, { kind: 'suppression', key: JSON.stringify([{ address, client, stream }, known]), amount: 0 });
    became = 'written';
  }
  return became;
}

/** Takes it out again. @param key as it was noted */
export function removeSuppression(store: Store, key: string): void {
  const [which, before] = JSON.parse(key) as [SuppressionKey, Suppression | null];
  unsuppress(store, [which]);
  if (before !== null) suppress(store, [before]);
}

/** Unless the store has a later one by itself. Inside a transaction, as the others. */
export function writeStoredMark(store: Store, { name, text, atMs }: StoredMark): Written {
  const known = store.get<Pick<Mark, 'text' | 'atMs'>>('SELECT text, at AS atMs FROM mark WHERE name = ?', name);
  if (known !== undefined && known.atMs >= atMs) return 'known';
  mark(store, [{ name, text, atMs }]);
  // With what it took the place of, for the way back.
  arrived(store, { kind: 'mark', key: JSON.stringify([name, known ?? null]), amount: 0 });
  return 'written';
}

/** Takes it out again. @param key as it was noted */
export function removeStoredMark(store: Store, key: string): void {
  const [name, before] = JSON.parse(key) as [string, Pick<Mark, 'text' | 'atMs'> | null];
  store.run('DELETE FROM mark WHERE name = ?', name);
  if (before !== null) mark(store, [{ name, ...before }]);
}

/** Adds them to what was counted here, once. */
export function writeFigures(store: Store, { account, figures }: StoredFigures, nowMs: number): Written {
  let became: Written = 'known';
  for (const figure of figures) {
    const key = JSON.stringify([figure.startsAtMs, account]);
    if (hasArrived(store, 'figure', key)) continue;
    count(store, { tallies: [{ account, ...figure }], nowMs });
    arrived(store, { kind: 'figure', key, amount: figure.amount });
    became = 'written';
  }
  return became;
}

/** Takes it out again. @param key as it was noted */
export function removeFigure(store: Store, key: string, amount: number): void {
  const [startsAtMs, account] = JSON.parse(key) as [number, string];
  const where = 'account = ? AND starts_at = ?';
  store.run(`UPDATE figure SET amount = amount - ? WHERE ${where}`, Math.round(amount), account, startsAtMs);
  store.run(`DELETE FROM figure WHERE ${where} AND amount = 0`, account, startsAtMs);
}
