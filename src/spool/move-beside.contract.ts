/** What every engine keeps of `MoveStore` for what is beside the mail: marks, figures, turns. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import {
  allPages,
  carried,
  keysOf,
  type Movable,
  type MovableSpool,
  type MoveEngine,
  removeAll,
  using,
} from '../../tests/fakes/movable.ts';
import type { Mark } from './marks.ts';
import type { Tally } from './tallies.ts';

const HOUR_MS = 3_600_000;

export function testMoveBeside(engine: MoveEngine): void {
  const opened: Movable[] = [];
  let clock = new FakeClock();
  const fresh = async (fill?: (spool: MovableSpool) => Promise<void>): Promise<Movable> => {
    const movable = await engine.fresh(clock);
    opened.push(movable);
    if (fill !== undefined) await using(movable, fill);
    return movable;
  };
  beforeEach(() => {
    clock = new FakeClock();
  });
  afterEach(async () => {
    for (const movable of opened.splice(0)) await movable.remove();
  });
  const tally = (change: Partial<Tally> = {}): Tally => ({
    account: 'sent:ip-1',
    startsAtMs: clock.nowMs(),
    amount: 1,
    keepUntilMs: clock.nowMs() + HOUR_MS,
    ...change,
  });
  const mark = (change: Partial<Mark> = {}): Mark => ({ name: 'health:a', text: 'source', atMs: 100, ...change });
  /** Marks and figures of more than a page each. */
  const much = async (spool: MovableSpool): Promise<void> => {
    const marks = Array.from({ length: 620 }, (_, n) => mark({ name: `many ${n}`, text: `é\0 ${n}`, atMs: n + 0.5 }));
    await spool.marks.mark([...marks, mark({ name: 'odd * [%_', text: 'x'.repeat(60_000) })]);
    const accounts = Array.from({ length: 230 }, (_, n) => tally({ account: `many ${n}`, amount: n }));
    const long = Array.from({ length: 1_500 }, (_, n) => tally({ account: 'many 7', startsAtMs: n, amount: n }));
    await spool.ledger.count([...accounts, ...long]);
  };
  const all = async (spool: MovableSpool) => [await spool.marks.marks(''), await spool.ledger.counts('', 0)];

  describe(`${engine.name}: marks and figures that are moved`, () => {
    test('are the same in another store, each once', async () => {
      const [source, target] = [await fresh(much), await fresh()];
      await carried(source, target, 'again');
      const [marks, figures] = await using(target, all);
      expect([marks, figures]).toEqual(await using(source, all));
      expect([marks?.length, figures?.length]).toEqual([621, 1_730]);
    });

    test('are read on from any page, by whoever opens the store then', async () => {
      const source = await fresh(much);
      const pages = await (async () => {
        await using store = await source.store();
        return await allPages(store);
      })();
      const keys = pages.flatMap(({ records }) => keysOf(records));
      expect(new Set(keys).size).toBe(keys.length);
      expect(pages.length).toBeGreaterThan(4);
      for (const [place, { next }] of pages.entries()) {
        if (next === null) continue;
        await using store = await source.store();
        expect(keysOf((await store.read(next)).records)).toEqual(keysOf(pages[place + 1]?.records ?? []));
      }
    });

    test('meet those of the target: the later mark stays, figures add up, and last as long as the longer', async () => {
      const source = await fresh(async (spool) => {
        await spool.marks.mark([mark(), mark({ name: 'health:b' })]);
        await spool.ledger.count([tally({ amount: 5 }), tally({ account: 'past', keepUntilMs: clock.nowMs() })]);
      });
      const target = await fresh(async (spool) => {
        await spool.marks.mark([
          mark({ text: 'target', atMs: 99 }),
          mark({ name: 'health:b', text: 'target', atMs: 101 }),
        ]);
        await spool.ledger.count([tally({ amount: 2, keepUntilMs: clock.nowMs() + 1 })]);
      });
      await clock.advance(10);
      await carried(source, target, 'again');
      await using(target, async (spool) => {
        expect(await spool.marks.marks('')).toEqual([mark(), mark({ name: 'health:b', text: 'target', atMs: 101 })]);
        const startsAtMs = clock.nowMs() - 10;
        expect(await spool.ledger.counts('', 0)).toEqual([{ account: 'sent:ip-1', startsAtMs, amount: 7 }]);
      });
    });

    test('leave a target as it was when the move is abandoned', async () => {
      const source = await fresh(async (spool) => {
        await much(spool);
        await spool.marks.mark([mark(), mark({ name: 'health:b' })]);
        await spool.ledger.count([tally({ amount: 5 })]);
      });
      const target = await fresh(async (spool) => {
        await spool.marks.mark([mark({ text: 'target', atMs: 99 }), mark({ name: 'health:c' })]);
        await spool.ledger.count([tally({ amount: 2 }), tally({ account: 'sent:ip-2' })]);
      });
      const before = await using(target, all);
      await carried(source, target, 'unfinished');
      expect(await carried(source, target, 'unfinished')).toBe(0);
      {
        await using store = await target.store();
        await removeAll(store, 'arrivals');
        await store.setMark(null);
      }
      expect(await using(target, all)).toEqual(before);
    });

    test('are gone from a store that is emptied, and so are turns', async () => {
      const turns = { account: 'pool:main', places: 3, open: [0, 1, 2], count: 2 };
      const source = await fresh(async (spool) => {
        await much(spool);
        await spool.ledger.takeTurns(turns);
      });
      {
        await using store = await source.store();
        await removeAll(store, 'all');
        expect((await allPages(store)).flatMap(({ records }) => records)).toEqual([]);
      }
      await using(source, async (spool) => {
        expect(await all(spool)).toEqual([[], []]);
        expect(await spool.ledger.takeTurns(turns)).toEqual([0, 1]);
        await spool.marks.mark([mark({ name: 'many 1', atMs: -1 })]);
        expect(await spool.marks.marks('')).toHaveLength(1);
      });
    });
  });
}
