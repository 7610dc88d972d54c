import {
  fitsSuppression,
  parseSuppressionCursor,
  suppressionCursor,
  SWEPT_AT_ONCE,
  type Suppression,
  type SuppressionKey,
  type SuppressionPage,
} from '../suppressions.ts';
import type { Store } from './store.ts';
import type { SuppressedAsk, SuppressionsAsk } from './wire.ts';

/** Entries that one page looks at: some milliseconds. */
const LOOKED_AT_ONCE = 5_000;
const COLUMNS = 'address, client, stream, reason, evidence, source, at AS atMs, until AS untilMs';

/** See `Suppressions.suppressed`. */
export function suppressed(store: Store, ask: SuppressedAsk): readonly Suppression[] {
  const { addresses, client, stream, nowMs } = ask;
  const found: Suppression[] = [];
  for (const address of new Set(addresses)) {
    const row = store.get<Suppression>(
      `SELECT ${COLUMNS} FROM suppression
       WHERE address = ? AND client IN ('', ?) AND stream IN ('', ?) AND (until IS NULL OR until > ?)
       ORDER BY at, number LIMIT 1`,
      address,
      client,
      stream,
      nowMs,
    );
    if (row !== undefined) found.push(entryOf(row));
  }
  return found;
}

/** See `Suppressions.suppress`. */
export function suppress(store: Store, entries: readonly Suppression[]): null {
  for (const { address, client, stream, reason, evidence, source, atMs, untilMs } of entries) {
    const key = [address, client ?? '', stream ?? ''];
    const known = store.get<{ at: number }>(`SELECT at FROM suppression WHERE ${OF_KEY}`, ...key);
    if (known !== undefined && known.at > atMs) continue;
    store.run(
      `INSERT OR REPLACE INTO suppression(address, client, stream, reason, evidence, source, at, until)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...key,
      reason,
      evidence,
      source,
      atMs,
      untilMs,
    );
  }
  return null;
}

const OF_KEY = 'address = ? AND client = ? AND stream = ?';

/** The entry of exactly this key; null: there is none. */
export function entryUnder(store: Store, { address, client, stream }: SuppressionKey): Suppression | null {
  const key = [address, client ?? '', stream ?? ''];
  const row = store.get<Suppression>(`SELECT ${COLUMNS} FROM suppression WHERE ${OF_KEY}`, ...key);
  return row === undefined ? null : entryOf(row);
}

/** See `Suppressions.unsuppress`. */
export function unsuppress(store: Store, keys: readonly SuppressionKey[]): number {
  let count = 0;
  for (const { address, client, stream } of keys)
    count += store.run(`DELETE FROM suppression WHERE ${OF_KEY}`, address, client ?? '', stream ?? '');
  return count;
}

/** See `Suppressions.suppressions`. What does not fit is passed over, up to a bound. */
export function suppressions(store: Store, { filter, limit, after }: SuppressionsAsk): SuppressionPage {
  const from = parseSuppressionCursor(after) ?? { address: '', client: null, stream: null };
  const rows = store.iterate<Suppression>(
    `SELECT ${COLUMNS} FROM suppression
     WHERE (address, client, stream) > (?, ?, ?) ${filter.address === undefined ? '' : 'AND address = ?'}
     ORDER BY address, client, stream LIMIT ${LOOKED_AT_ONCE}`,
    from.address,
    from.client ?? '',
    from.stream ?? '',
    ...(filter.address === undefined ? [] : [filter.address]),
  );
  const entries: Suppression[] = [];
  let looked = 0;
  for (const row of rows) {
    const one = entryOf(row);
    looked += 1;
    if (fitsSuppression(one, filter)) entries.push(one);
    if (entries.length === limit || looked === LOOKED_AT_ONCE) return { entries, next: suppressionCursor(one) };
  }
  return { entries, next: null };
}

/** See `Suppressions.suppressedSince`. */
export function suppressedSince(
  store: Store,
  { since, limit }: { readonly since: number; readonly limit: number },
): { readonly addresses: readonly string[]; readonly upTo: number } {
  const last = store.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'suppression'")?.seq ?? 0;
  const from = since > last ? 0 : since;
  const rows = store.all<{ number: number; address: string }>(
    'SELECT number, address FROM suppression WHERE number > ? ORDER BY number LIMIT ?',
    from,
    limit,
  );
  return { addresses: rows.map(({ address }) => address), upTo: rows.at(-1)?.number ?? from };
}

/** See `Suppressions.sweepSuppressions`. */
export function sweepSuppressions(store: Store, nowMs: number): number {
  return store.run(
    `DELETE FROM suppression WHERE number IN (
       SELECT number FROM suppression INDEXED BY suppression_end WHERE until IS NOT NULL AND until <= ?
       ORDER BY until LIMIT ${SWEPT_AT_ONCE})`,
    nowMs,
  );
}

/** A row has '' where an entry has null. */
function entryOf(row: Suppression): Suppression {
  return {
    ...row,
    client: row.client === '' ? null : row.client,
    stream: row.stream === '' ? null : row.stream,
  };
}
