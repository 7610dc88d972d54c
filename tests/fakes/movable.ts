/** Stores that tests move, and the steps of a move taken by hand. */
import { expect } from 'vitest';
import type { Feed } from '../../src/spool/feed.ts';
import type { Marks } from '../../src/spool/marks.ts';
import type { MoveMark, MoveStore, StoredRecord } from '../../src/spool/move.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { Suppressions } from '../../src/spool/suppressions.ts';
import type { Accounts } from '../../src/spool/tallies.ts';
import type { FakeClock } from './clock.ts';

export type MoveEngine = {
  readonly name: string;
  /** A new, empty store, removed after the test. */
  fresh(clock: FakeClock): Promise<Movable>;
};

/** As the tests of moves use it. */
export type MovableSpool = Spool & {
  readonly ledger: Accounts;
  readonly marks: Marks;
  readonly suppressions: Suppressions;
  readonly feed: Feed;
};

/** A store that is opened in one way or the other, never in both at once. */
export type Movable = {
  spool(): Promise<MovableSpool>;
  store(): Promise<MoveStore>;
  remove(): Promise<void>;
};

export const TARGET: MoveMark = {
  role: 'target',
  id: 'move-1',
  peer: 'the first store',
  startedAtMs: 5,
  before: {
    messages: 0,
    accepted: 0,
    finished: { delivered: 0, bounced: 0, expired: 0, suppressed: 0, discarded: 0 },
    queued: 0,
    possibleDuplicates: 0,
    violations: 0,
  },
};

/** Opens it as a relay would, for so long. */
export async function using<Result>(movable: Movable, use: (spool: MovableSpool) => Promise<Result>): Promise<Result> {
  await using spool = await movable.spool();
  return await use(spool);
}

/** Sets the mark, as a move that died would leave it. */
export async function marked(movable: Movable, mark: MoveMark | null): Promise<void> {
  await using store = await movable.store();
  await store.setMark(mark);
}

/** Everything by pages from one into the other; returns how many records. `again`: also once more before it ends. */
export async function carried(source: Movable, target: Movable, how?: 'again' | 'unfinished'): Promise<number> {
  await using from = await source.store();
  await using to = await target.store();
  if ((await to.mark()) === null) await to.setMark(TARGET);
  let count = 0;
  const pages = await allPages(from);
  for (const { records, next } of how === 'again' ? [...pages, ...pages] : pages) {
    const { written, known, conflicts } = await to.write(records, next);
    expect(written + known + conflicts.length).toBe(records.length);
    count += written;
  }
  if (how !== 'unfinished') await to.setMark(null);
  return count;
}

/** From the start to the end. */
export async function allPages(store: MoveStore) {
  const pages: Awaited<ReturnType<MoveStore['read']>>[] = [];
  for (let after: string | null = null; ;) {
    const page = await store.read(after);
    pages.push(page);
    if (page.next === null) return pages;
    after = page.next;
  }
}

/** Until none is left. */
export async function removeAll(store: MoveStore, which: 'all' | 'arrivals'): Promise<void> {
  while ((await store.remove(which)) > 0);
}

/** What tells the records of a store apart. */
export function keysOf(records: readonly StoredRecord[]): string[] {
  return records.map((record) => {
    if (record.kind === 'message') return record.message.id;
    if (record.kind === 'mark') return `mark ${record.name}`;
    if (record.kind === 'figures') return `figures ${record.account} ${record.figures[0]?.startsAtMs}`;
    if (record.kind === 'suppressions') return `suppressions ${record.entries[0]?.address}`;
    return record.kind === 'digest' ? record.key : record.account;
  });
}
