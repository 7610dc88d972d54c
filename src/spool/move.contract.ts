/** What every engine keeps of `MoveStore`: all that is stored, whole, out of one store and into another. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { fillMixed, pictureOf } from '../../tests/fakes/mixed-queue.ts';
import {
  allPages,
  carried,
  keysOf,
  marked,
  type Movable,
  type MoveEngine,
  removeAll,
  TARGET,
  using,
} from '../../tests/fakes/movable.ts';
import { aSettlement, aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import { checksumOf } from './checksum.ts';
import { type SourceMark, sumsOf } from './move.ts';
import { SpoolError, type Spool } from './spool.ts';

const SOURCE: SourceMark = { role: 'source', id: 'move-1', peer: 'the other store', startedAtMs: 5, phase: 'copying' };

export function testMove(engine: MoveEngine): void {
  const opened: Movable[] = [];
  let clock = new FakeClock();
  const fresh = async (): Promise<Movable> => {
    const movable = await engine.fresh(clock);
    opened.push(movable);
    return movable;
  };
  beforeEach(() => {
    clock = new FakeClock();
  });
  afterEach(async () => {
    for (const movable of opened.splice(0)) await movable.remove();
  });
  const filled = async (count: number) => {
    const movable = await fresh();
    await using spool = await movable.spool();
    const ids = await fillMixed(spool, clock, count);
    return { movable, ids, picture: await pictureOf(spool, ids) };
  };

  describe(`${engine.name}: a store that is moved`, () => {
    test('is the same in another store: messages, deliveries, events, content, sums', async () => {
      const { movable, ids, picture } = await filled(120);
      const target = await fresh();
      expect(await carried(movable, target)).toBeGreaterThan(ids.length);
      await using spool = await target.spool();
      const there = await pictureOf(spool, ids);
      expect(there.wrongContent).toEqual([]);
      expect(there.stories).toEqual(picture.stories);
      expect(there.overview).toEqual(picture.overview);
      expect(sumsOf(there.audit)).toEqual(sumsOf(picture.audit));
      expect(there.audit.violations).toEqual([]);
      expect(picture.overview.byState.held).toBeGreaterThan(0);
    });

    test('goes on as it would have: claimed when due, in order, ended, with nothing left', async () => {
      const { movable, ids } = await filled(60);
      const target = await fresh();
      await carried(movable, target);
      await using spool = await target.spool();
      await spool.release({}, clock.nowMs());
      await clock.advance(86_400_000);
      for (;;) {
        const request = { nowMs: clock.nowMs(), leaseUntilMs: clock.nowMs() + 60_000, limit: 50, perLane: 20 };
        const { leased } = await spool.claim({ ...request, exclude: [] });
        if (leased.length === 0) break;
        for (const one of leased) {
          expect(one.delivery.dueAtMs).toBeLessThanOrEqual(clock.nowMs());
          expect(await spool.settle(aSettlement(one, { atMs: clock.nowMs() }))).toBe('settled');
        }
      }
      expect(await spool.overview()).toMatchObject({ messages: 0, deliveries: 0, contentBytes: 0, leased: 0 });
      expect(await spool.audit()).toMatchObject({ messages: ids.length, queued: 0, violations: [] });
    });

    test('takes along that mail is kept without its signatures, and what it counts as', async () => {
      const [source, target] = [await fresh(), await fresh()];
      const unsigned = aSubmission({ atMs: clock.nowMs(), terms: { unsigned: true, sizeBytes: 5_000 } });
      await using(source, (spool) => spool.accept(unsigned));
      await carried(source, target);
      await using spool = await target.spool();
      expect(await spool.story(unsigned.message.id)).toMatchObject({ message: { unsigned: true, sizeBytes: 5_000 } });
      expect((await spool.overview()).contentBytes).toBe(5_000);
      await spool.discard({}, clock.nowMs());
      expect((await spool.overview()).contentBytes).toBe(0);
    });

    test('takes its digests along: a resend is known in the new store', async () => {
      const source = await fresh();
      const first = aSubmission({ atMs: clock.nowMs(), dedupe: { key: 'digest', windowMs: 60_000 } });
      const old = aSubmission({ atMs: clock.nowMs(), dedupe: { key: 'old', windowMs: 1_000 } });
      await using(source, async (spool) => {
        await spool.accept(first);
        await spool.accept(old);
      });
      await clock.advance(2_000);
      const target = await fresh();
      await carried(source, target);
      await using(target, async (spool) => {
        const again = aSubmission({ atMs: clock.nowMs(), dedupe: { key: 'digest', windowMs: 60_000 } });
        expect(await spool.accept(again)).toEqual({ kind: 'duplicate', of: first.message.id });
        const late = aSubmission({ atMs: clock.nowMs(), dedupe: { key: 'old', windowMs: 60_000 } });
        expect((await spool.accept(late)).kind).toBe('accepted');
      });
    });

    test('takes the counters of windows that still run along, once', async () => {
      const draw = (amount: number) => ({
        account: 'client:shop',
        amount,
        limit: 100,
        windowMs: 3_600_000,
        nowMs: clock.nowMs(),
      });
      const [source, target] = [await fresh(), await fresh()];
      await using(source, (spool) => spool.ledger.draw(draw(70)));
      await using(target, (spool) => spool.ledger.draw(draw(5)));
      await carried(source, target, 'again');
      await using(target, async (spool) => {
        expect(await spool.ledger.draw(draw(26))).toMatchObject({ kind: 'refused', used: 75 });
        expect(await spool.ledger.draw(draw(25))).toMatchObject({ kind: 'granted', used: 100 });
      });
    });

    test('keeps damaged content damaged, so that it is set aside there too', async () => {
      const { movable, ids } = await filled(10);
      await using source = await movable.store();
      const target = await fresh();
      let damaged = '';
      {
        await using store = await target.store();
        await store.setMark(TARGET);
        const { records, next } = await source.read(null);
        const broken = records.map((record) => {
          if (damaged !== '' || record.kind !== 'message' || record.content === null) return record;
          damaged = record.message.id;
          return { ...record, content: { ...record.content, checksum: checksumOf(Buffer.from('other')) } };
        });
        await store.write(broken, next);
        await store.setMark(null);
      }
      await using spool = await target.spool();
      const id = ids.find((one) => one === damaged);
      if (id === undefined) throw new Error('one of them is open');
      expect(await spool.content(id)).toEqual({ kind: 'corrupt' });
      expect((await spool.list({ ids: [id] }, { limit: 9 })).map(({ delivery }) => delivery.state)).toContain(
        'quarantined',
      );
    });

    test('leaves no old lease that could write: what held one before the move is refused after it', async () => {
      const source = await fresh();
      const submission = aSubmission({ atMs: clock.nowMs() });
      const claimed = async (spool: Spool) => {
        const nowMs = clock.nowMs();
        return (await spool.claim({ nowMs, leaseUntilMs: nowMs + 1_000, limit: 1, perLane: 1, exclude: [] })).leased[0];
      };
      const old = await using(source, async (spool) => {
        await spool.accept(submission);
        const leased = await claimed(spool);
        if (leased !== undefined) await spool.giveBack([{ deliveryId: leased.delivery.id, token: leased.lease.token }]);
        return leased;
      });
      const target = await fresh();
      await carried(source, target);
      await using(target, async (spool) => {
        const now = await claimed(spool);
        expect(now?.delivery.id).toBe(deliveryOf(submission));
        if (old === undefined) throw new Error('it was leased');
        expect(await spool.settle(aSettlement(old, { atMs: clock.nowMs() }))).toBe('lost');
      });
    });
  });

  describe(`${engine.name}: the steps of a move`, () => {
    test('pages are the same from any cursor on, and end', async () => {
      const { movable } = await filled(450);
      await using store = await movable.store();
      const pages = await allPages(store);
      expect(pages.length).toBeGreaterThan(2);
      const [first] = pages;
      const again = await store.read(first?.next ?? null);
      expect(keysOf(again.records)).toEqual(keysOf(pages[1]?.records ?? []));
      const ids = pages.flatMap(({ records }) => keysOf(records));
      expect(new Set(ids).size).toBe(ids.length);
    });

    test('a page that comes again changes nothing', async () => {
      const { movable, ids, picture } = await filled(40);
      const target = await fresh();
      await carried(movable, target, 'again');
      await using spool = await target.spool();
      expect((await pictureOf(spool, ids)).stories).toEqual(picture.stories);
      expect(await spool.overview()).toEqual(picture.overview);
    });

    test('a message that the store has by itself is a conflict, and stays as it is', async () => {
      const [source, target] = [await fresh(), await fresh()];
      const submission = aSubmission({ atMs: clock.nowMs() });
      await using(source, (spool) => spool.accept(submission));
      await using(target, async (spool) => {
        await spool.accept(submission);
        await spool.hold({}, clock.nowMs());
      });
      await using from = await source.store();
      await using to = await target.store();
      await to.setMark(TARGET);
      const { records, next } = await from.read(null);
      expect((await to.write(records, next)).conflicts).toEqual([submission.message.id]);
      expect(await to.remove('arrivals')).toBe(0);
      expect((await to.audit()).messages).toBe(1);
    });

    test('mark and cursor outlive whoever wrote them', async () => {
      const [source, target] = [await fresh(), await fresh()];
      await using(source, (spool) => fillMixed(spool, clock, 10));
      await using from = await source.store();
      const page = await from.read(null);
      {
        await using store = await target.store();
        expect(await store.mark()).toBeNull();
        await store.setMark(TARGET);
        expect(await store.cursor()).toBeNull();
        await store.write(page.records, 'as far as here');
      }
      await using store = await target.store();
      expect(await store.mark()).toEqual(TARGET);
      expect(await store.cursor()).toBe('as far as here');
      await store.setMark(null);
      expect(await store.mark()).toBeNull();
      expect(await store.cursor()).toBeNull();
    });

    test.each([
      ['the source of an unfinished move', SOURCE],
      ['a source whose mail was moved', { ...SOURCE, phase: 'moved' } as SourceMark],
      ['the target of an unfinished move', TARGET],
    ] as const)('nobody else opens %s', async (_, mark) => {
      const { movable } = await filled(1);
      await marked(movable, mark);
      const opening = movable.spool();
      await expect(opening).rejects.toThrow(SpoolError);
      await expect(opening).rejects.toThrow(mark.peer);
      await marked(movable, null);
      await using(movable, (spool) => spool.overview());
    });

    test('a move that was abandoned keeps nobody from the source', async () => {
      const { movable } = await filled(10);
      await marked(movable, { ...SOURCE, phase: 'abandoned' });
      await using spool = await movable.spool();
      expect((await spool.overview()).messages).toBeGreaterThan(0);
      const nowMs = clock.nowMs();
      expect(
        (await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 9, perLane: 9, exclude: [] })).leased,
      ).not.toEqual([]);
    });

    test('emptied, a store is as new', async () => {
      const { movable } = await filled(230);
      {
        await using store = await movable.store();
        await removeAll(store, 'all');
        expect((await allPages(store)).flatMap(({ records }) => records)).toEqual([]);
      }
      await using spool = await movable.spool();
      const nothing = { messages: 0, deliveries: 0, leased: 0, contentBytes: 0, oldestCreatedAtMs: null };
      expect(await spool.overview()).toMatchObject({ ...nothing, byState: { queued: 0, held: 0, quarantined: 0 } });
      expect(await spool.audit()).toMatchObject({ messages: 0, accepted: 0, violations: [] });
      await spool.accept(aSubmission({ atMs: clock.nowMs() }));
      const nowMs = clock.nowMs();
      expect(
        (await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 9, perLane: 9, exclude: [] })).leased,
      ).toHaveLength(1);
    });

    test('rid of what arrived, a store has its own mail and nothing else', async () => {
      const { movable: source } = await filled(60);
      const target = await fresh();
      const ids = await using(target, (spool) => fillMixed(spool, clock, 20));
      const before = await using(target, (spool) => pictureOf(spool, ids));
      await carried(source, target, 'unfinished');
      {
        await using store = await target.store();
        expect((await store.audit()).messages).toBe(80);
        await removeAll(store, 'arrivals');
        await store.setMark(null);
      }
      const after = await using(target, (spool) => pictureOf(spool, ids));
      expect(after).toEqual(before);
      await using(target, async (spool) => {
        const draw = { account: 'client:shop', amount: 1, limit: 500, windowMs: 86_400_000, nowMs: clock.nowMs() };
        expect(await spool.ledger.draw(draw)).toEqual({ kind: 'granted', used: 42 });
      });
    });
  });
}
