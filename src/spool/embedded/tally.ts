import type { Store } from './store.ts';

/** What `overview` tells, kept up to date with every change, so that it costs nothing with a million rows. */
export const TALLIES = [
  'messages',
  'deliveries',
  'queued',
  'held',
  'quarantined',
  'high',
  'normal',
  'low',
  'leased',
  'contentBytes',
] as const;
export type TallyName = (typeof TALLIES)[number];
export type Tally = Record<TallyName, number>;

/** Of a store with nothing in it. */
export function emptyTally(): Tally {
  return {
    messages: 0,
    deliveries: 0,
    queued: 0,
    held: 0,
    quarantined: 0,
    high: 0,
    normal: 0,
    low: 0,
    leased: 0,
    contentBytes: 0,
  };
}

/** As last committed. */
export function readTally(store: Store): Tally {
  const tally = emptyTally();
  const rows = store.all<{ name: string; count: number }>('SELECT name, count FROM tally');
  for (const name of TALLIES) tally[name] = rows.find((row) => row.name === name)?.count ?? 0;
  return tally;
}

/** Writes what changed since `before`. */
export function writeTally(store: Store, before: Tally, now: Tally): void {
  for (const name of TALLIES) {
    if (now[name] === before[name]) continue;
    store.run(
      'INSERT INTO tally(name, count) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET count = excluded.count',
      name,
      now[name],
    );
  }
}

/** Counts everything anew: after a salvage. */
export function countTally(store: Store): Tally {
  const tally = emptyTally();
  const sum = (sql: string): number => store.get<{ n: number | null }>(sql)?.n ?? 0;
  tally.messages = sum('SELECT count(*) AS n FROM message WHERE finished_at IS NULL');
  tally.contentBytes = sum('SELECT sum(m.size) AS n FROM content c JOIN message m ON m.seq = c.message');
  const rows = store.all<{ state: number; priority: number; leased: number; n: number }>(
    'SELECT state, priority, lease_until IS NOT NULL AS leased, count(*) AS n FROM delivery GROUP BY 1, 2, 3',
  );
  for (const row of rows) {
    tally.deliveries += row.n;
    tally[STATE_TALLIES[row.state] ?? 'queued'] += row.n;
    tally[PRIORITY_TALLIES[row.priority] ?? 'normal'] += row.n;
    if (row.leased === 1) tally.leased += row.n;
  }
  return tally;
}

/** By the numbers in `delivery.state` and `delivery.priority`. */
export const STATE_TALLIES = ['queued', 'held', 'quarantined'] as const;
export const PRIORITY_TALLIES = ['high', 'normal', 'low'] as const;
