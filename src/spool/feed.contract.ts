/** What every engine keeps of `Feed`. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission } from '../../tests/fakes/submission.ts';
import type { CameBack, MessageEvent } from '../message/event.ts';
import { deliveryIdOf, type MessageId } from '../message/ids.ts';
import { accepted, eachWith, type Engine } from './engine.contract.ts';
import type { Feed, FeedPlace } from './feed.ts';

export function testFeed(engine: Engine): void {
  testOrder(engine);
  testPlaces(engine);
}

/** All that comes after a place, by pages of so many. */
async function rest(of: Feed, after: FeedPlace | null, limit = 1_000) {
  const events: MessageEvent[] = [];
  for (let from = after; ;) {
    const page = await of.feed(from, limit);
    expect(page.events.length).toBeLessThanOrEqual(limit);
    events.push(...page.events);
    if (page.next === from) return { events, next: from };
    from = page.next;
  }
}

const opened = (messageId: MessageId, atMs: number, detail = ''): CameBack => ({
  event: 'opened',
  messageId,
  deliveryId: deliveryIdOf(messageId, 1),
  domain: 'one.test',
  recipients: ['a@one.test'],
  atMs,
  detail,
  source: 'hook:ses',
  egress: 'ses',
});

/** By message, in the order in which they came. */
function byMessage(events: readonly MessageEvent[]): ReadonlyMap<string, readonly MessageEvent[]> {
  return Map.groupBy(events, ({ messageId }) => messageId);
}

function testOrder(engine: Engine): void {
  describe(`${engine.name}: the feed`, () => {
    const fixture = eachWith(engine);
    const feed = (): Feed => fixture().spool.feed;

    test('has each event of each message once, in their order, however it is read', async () => {
      const start = await feed().feedEnd();
      const { spool, nowMs } = fixture();
      const ids: MessageId[] = [];
      for (let n = 0; n < 20; n++)
        ids.push((await accepted(fixture(), { to: [`a@d${n}.test`, 'b@two.test'] })).message.id);
      for (const leased of await fixture().claimed()) await spool.settle(aSettlement(leased, { atMs: nowMs }));
      await spool.hold({}, nowMs);
      for (const id of ids) await spool.note([opened(id, nowMs + 5, 'é"\\ \n'), opened(id, nowMs + 6)]);
      for (const limit of [1_000, 7, 1]) {
        const { events } = await rest(feed(), start, limit);
        const found = byMessage(events);
        expect(found.size).toBe(20);
        for (const id of ids) expect(found.get(id)).toEqual((await spool.story(id))?.events);
      }
    });

    test('goes on with what operators do, what is reaped, and histories too long for a record', async () => {
      const start = await feed().feedEnd();
      const { spool, nowMs } = fixture();
      const { message } = await accepted(fixture(), { to: ['a@one.test'] });
      await spool.hold({}, nowMs);
      await spool.release({}, nowMs);
      await fixture().oneClaimed();
      expect(await spool.reap(nowMs + 60_001)).toBe(1);
      for (let n = 0; n < 12; n++)
        await spool.note([opened(message.id, nowMs + n, 'x'.repeat(150)), opened(message.id, nowMs + n, String(n))]);
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs }));
      const story = await spool.story(message.id);
      expect(story?.events.length).toBeGreaterThan(28);
      expect((await rest(feed(), start, 3)).events).toEqual(story?.events);
    });

    test('has nothing of what was not written: a lost lease, a message that is known', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), {});
      const leased = await fixture().oneClaimed();
      const place = await feed().feedEnd();
      const stale = { ...leased, lease: { ...leased.lease, token: leased.lease.token + 3 } };
      expect(await spool.settle(aSettlement(stale, { atMs: nowMs }))).toBe('lost');
      expect((await spool.accept(submission)).kind).toBe('known');
      expect(await feed().feed(place, 10)).toEqual({ events: [], next: place });
    });

    test('misses none of several processes that write at once', async () => {
      const start = await feed().feedEnd();
      const { store, nowMs } = fixture();
      const writers = await Promise.all(Array.from({ length: 3 }, async () => (await store.beside?.()) ?? store.spool));
      let writing = true;
      const seen: MessageEvent[] = [];
      const reading = (async () => {
        for (let from = start; ;) {
          const wasWriting = writing;
          const { events, next } = await feed().feed(from, 50);
          seen.push(...events);
          if (next === from && !wasWriting) return;
          from = next;
        }
      })();
      const ids: MessageId[] = [];
      await Promise.all(
        writers.flatMap((writer) =>
          Array.from({ length: 40 }, async (_, n) => {
            const submission = aSubmission({ atMs: nowMs + (n % 7) });
            ids.push(submission.message.id);
            await writer.accept(submission);
            await writer.note([opened(submission.message.id, nowMs - n)]);
            await writer.note([opened(submission.message.id, nowMs + n)]);
          }),
        ),
      );
      writing = false;
      await reading;
      const found = byMessage(seen);
      expect(seen).toHaveLength(360);
      for (const id of ids) expect(found.get(id)).toEqual((await store.spool.story(id))?.events);
    });
  });
}

function testPlaces(engine: Engine): void {
  describe(`${engine.name}: places in the feed`, () => {
    const fixture = eachWith(engine);
    const feed = (): Feed => fixture().spool.feed;

    test('hold over a restart, and the end stays the end', async () => {
      const start = await feed().feedEnd();
      const first = await accepted(fixture(), {});
      const middle = await feed().feedEnd();
      expect((await rest(feed(), start)).events).toEqual([first.received]);
      fixture().store = await fixture().store.reopened();
      expect(await feed().feed(middle, 10)).toEqual({ events: [], next: middle });
      await fixture().clock.advance(1);
      const second = await accepted(fixture(), {});
      expect((await rest(feed(), middle)).events).toEqual([second.received]);
      expect((await rest(feed(), start)).events).toEqual([first.received, second.received]);
    });

    test('of a store with nothing in it: what comes is told', async () => {
      expect(await feed().feed(null, 10)).toEqual({ events: [], next: null });
      const { received } = await accepted(fixture(), {});
      expect((await rest(feed(), null)).events).toEqual([received]);
    });

    test('that this store never gave lead to the end', async () => {
      const end = await feed().feedEnd();
      await accepted(fixture(), {});
      const now = await feed().feedEnd();
      expect(now).not.toBe(end);
      for (const place of ['', 'other', '0.1', '1 2-3', '999999999999999.5'])
        expect(await feed().feed(place, 10)).toEqual({ events: [], next: now });
    });

    test('by time: what was made from then on, and little before', async () => {
      await feed().feedEnd();
      const { spool, nowMs } = fixture();
      const { message } = await accepted(fixture(), {});
      const hours = [1, 2, 3, 4, 5].map((hour) => opened(message.id, nowMs + hour * 3_600_000, `${hour}`));
      for (const event of hours) await spool.note([event]);
      for (const [n, { atMs }] of hours.entries()) {
        expect((await rest(feed(), await feed().feedAt(atMs))).events).toEqual(hours.slice(n));
        expect((await rest(feed(), await feed().feedAt(atMs + 600_000))).events).toEqual(hours.slice(n + 1));
      }
      expect((await rest(feed(), await feed().feedAt(0))).events).toHaveLength(6);
      const end = await feed().feedAt(nowMs + 86_400_000);
      await spool.note([opened(message.id, nowMs + 90_000_000)]);
      expect((await rest(feed(), end)).events).toHaveLength(1);
    });

    test('lead on when what was there is forgotten, the very last included', async () => {
      const start = await feed().feedEnd();
      const { spool, nowMs } = fixture();
      await accepted(fixture(), {});
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs }));
      const end = await feed().feedEnd();
      expect(await spool.prune(nowMs + 1)).toBe(1);
      expect((await rest(feed(), start)).events).toEqual([]);
      const { received } = await accepted(fixture(), {});
      expect((await rest(feed(), end)).events).toEqual([received]);
      expect((await rest(feed(), start)).events).toEqual([received]);
      expect((await rest(feed(), await feed().feedAt(nowMs))).events).toEqual([received]);
    });
  });
}
