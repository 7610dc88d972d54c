/** What every engine keeps of `MoveStore` for who is not written to, what providers call messages, and who follows the history. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import {
  allPages,
  carried,
  type Movable,
  type MovableSpool,
  type MoveEngine,
  removeAll,
  using,
} from '../../tests/fakes/movable.ts';
import { aSettlement, aSubmission, takenBy } from '../../tests/fakes/submission.ts';
import { entry, numbered } from './suppressions.contract.ts';
import type { Suppression } from './suppressions.ts';

export function testMoveSuppressions(engine: MoveEngine): void {
  const opened: Movable[] = [];
  let clock = new FakeClock();
  const fresh = async (fill?: (spool: MovableSpool) => Promise<unknown>): Promise<Movable> => {
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
  const all = async (spool: MovableSpool): Promise<readonly Suppression[]> => {
    const found: Suppression[] = [];
    for (let after: string | null = null; ;) {
      const page: Awaited<ReturnType<MovableSpool['suppressions']['suppressions']>> =
        await spool.suppressions.suppressions({}, { limit: 1_000, after });
      found.push(...page.entries);
      if (page.next === null) return found;
      after = page.next;
    }
  };
  const made = (count: number, change: Partial<Suppression> = {}): readonly Suppression[] =>
    Array.from({ length: count }, (_, n) =>
      entry({ address: numbered(n), atMs: 100 + n, untilMs: n % 5 === 0 ? 1e9 : null, ...change }),
    );
  const taken = async (spool: MovableSpool, providerId: string) => {
    const submission = aSubmission({ atMs: clock.nowMs() });
    await spool.accept(submission);
    const nowMs = clock.nowMs();
    const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 1, perLane: 1, exclude: [] });
    for (const one of leased) await spool.settle(takenBy(one, providerId, { atMs: nowMs }));
    return submission.message.id;
  };

  describe(`${engine.name}: suppressions that are moved`, () => {
    test('are the same in another store, and followed there', async () => {
      const entries = made(730);
      const source = await fresh((spool) => spool.suppressions.suppress(entries));
      const target = await fresh();
      expect(await carried(source, target, 'again')).toBe(2);
      await using(target, async (spool) => {
        expect(await all(spool)).toEqual(entries);
        const { addresses } = await spool.suppressions.suppressedSince(0, 1_000);
        expect(addresses.toSorted()).toEqual(entries.map(({ address }) => address));
        expect(await spool.suppressions.sweepSuppressions(2e9)).toBe(146);
      });
    });

    test('meet those of the target: the later made stays', async () => {
      const source = await fresh((spool) => spool.suppressions.suppress(made(4, { source: 'old' })));
      const [older, same, later] = [made(4)[1], made(4)[2], made(4)[3]].map((one) => ({
        ...entry(),
        ...one,
        source: 'new',
      }));
      if (older === undefined || same === undefined || later === undefined) throw new Error('there are four');
      const target = await fresh((spool) =>
        spool.suppressions.suppress([{ ...older, atMs: older.atMs - 1 }, same, { ...later, atMs: later.atMs + 1 }]),
      );
      await carried(source, target);
      await using(target, async (spool) => {
        expect((await all(spool)).map((one) => one.source)).toEqual(['old', 'old', 'new', 'new']);
      });
    });

    test('leave a target as it was when the move is abandoned', async () => {
      const source = await fresh((spool) => spool.suppressions.suppress(made(40)));
      const target = await fresh((spool) =>
        spool.suppressions.suppress(
          made(12, { atMs: 5, source: 'target', client: null }).concat(entry({ client: 'shop' })),
        ),
      );
      const before = await using(target, all);
      await carried(source, target, 'unfinished');
      expect(await carried(source, target, 'unfinished')).toBe(0);
      {
        await using store = await target.store();
        await removeAll(store, 'arrivals');
        await store.setMark(null);
      }
      await using(target, async (spool) => {
        expect(await all(spool)).toEqual(before);
        expect((await spool.suppressions.suppressedSince(0, 1_000)).addresses).toHaveLength(13);
        expect(await spool.suppressions.sweepSuppressions(2e9)).toBe(3);
      });
    });

    test('are gone from a store that is emptied', async () => {
      const source = await fresh((spool) => spool.suppressions.suppress(made(620)));
      {
        await using store = await source.store();
        await removeAll(store, 'all');
        expect((await allPages(store)).flatMap(({ records }) => records)).toEqual([]);
      }
      await using(source, async (spool) => {
        expect(await all(spool)).toEqual([]);
        await spool.suppressions.suppress([entry({ atMs: -5 })]);
        expect(await all(spool)).toHaveLength(1);
      });
    });
  });

  describe(`${engine.name}: what providers call messages that are moved`, () => {
    test('is known in the other store, and in the first no more', async () => {
      const [source, target] = [await fresh(), await fresh()];
      const id = await using(source, (spool) => taken(spool, 'one two'));
      await carried(source, target, 'again');
      {
        await using store = await source.store();
        await removeAll(store, 'all');
      }
      await using(target, async (spool) => expect(await spool.byProviderId('two')).toEqual([id]));
      await using(source, async (spool) => expect(await spool.byProviderId('two')).toEqual([]));
      {
        await using store = await target.store();
        await store.setMark({ role: 'source', id: 'back', peer: 'the first', startedAtMs: 1, phase: 'copying' });
        await store.setMark(null);
      }
      await carried(target, source);
      await using(source, async (spool) => expect(await spool.byProviderId('one')).toEqual([id]));
    });
  });

  describe(`${engine.name}: the feed of a store that is moved`, () => {
    test('begins anew: what arrived is no news, and a place from before leads to the end', async () => {
      const [source, target] = [await fresh(), await fresh()];
      const place = await using(source, async (spool) => {
        const end = await spool.feed.feedEnd();
        await spool.accept(aSubmission({ atMs: clock.nowMs() }));
        return end ?? '';
      });
      const own = await using(target, async (spool) => {
        await spool.feed.feedEnd();
        await spool.accept(aSubmission({ atMs: clock.nowMs() }));
        return (await spool.feed.feedEnd()) ?? '';
      });
      await carried(source, target);
      await using(target, async (spool) => {
        for (const from of [place === '' ? 'none' : place, own])
          expect((await spool.feed.feed(from, 100)).events).toEqual([]);
        const { next } = await spool.feed.feed(own, 100);
        const nowMs = clock.nowMs();
        const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 1, perLane: 1, exclude: [] });
        for (const one of leased) await spool.settle(aSettlement(one, { atMs: nowMs }));
        expect((await spool.feed.feed(next, 100)).events.map(({ event }) => event)).toEqual(['delivered']);
      });
    });
  });
}
