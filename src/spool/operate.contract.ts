/** What every engine keeps of `Spool`: what operators see and do, audit and forgetting. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import { newMessageId } from '../message/ids.ts';
import { accepted, eachWith, type Engine, kinds } from './engine.contract.ts';
import type { QueueFilter } from './spool.ts';

export function testOperate(engine: Engine): void {
  describe(`${engine.name}: list`, () => {
    const fixture = eachWith(engine);

    test('shows the newest first and pages on, also past what has ended meanwhile', async () => {
      const { spool, clock } = fixture();
      const ids: string[] = [];
      for (let n = 0; n < 7; n++) {
        ids.unshift(deliveryOf(await accepted(fixture(), {})));
        await clock.advance(1_000);
      }
      const first = await spool.list({}, { limit: 3 });
      expect(first.map(({ delivery }) => delivery.id)).toEqual(ids.slice(0, 3));
      const after = first[2]?.delivery.id;
      if (after === undefined) throw new Error('a page of three');
      await spool.discard({ ids: [after] }, clock.nowMs());
      const second = await spool.list({}, { limit: 3, after });
      expect(second.map(({ delivery }) => delivery.id)).toEqual(ids.slice(3, 6));
      const last = await spool.list({}, { limit: 3, after: second[2]?.delivery.id ?? after });
      expect(last.map(({ delivery }) => delivery.id)).toEqual(ids.slice(6));
    });

    test('filters by everything that is given, all of it', async () => {
      const { spool, nowMs } = fixture();
      const reset = await accepted(fixture(), {
        stream: 'marketing',
        client: 'app',
        sender: 'app@example.com',
        to: ['Ann@one.test'],
      });
      const news = await accepted(fixture(), { client: 'crm', sender: '', to: ['ann@two.test', 'bob@two.test'] });
      const both = await accepted(fixture(), { client: 'crm', to: ['cid@one.test', 'cid@two.test'] });
      await spool.hold({ ids: [reset.message.id] }, nowMs);
      const found = async (filter: QueueFilter): Promise<string[]> =>
        (await spool.list(filter, { limit: 10 })).map(({ delivery }) => delivery.id).toSorted();
      const all = [deliveryOf(reset), deliveryOf(news), deliveryOf(both, 1), deliveryOf(both, 2)];
      expect(await found({})).toEqual(all.toSorted());
      expect(await found({ client: 'crm', domain: 'two.test' })).toEqual(
        [deliveryOf(news), deliveryOf(both, 2)].toSorted(),
      );
      expect(await found({ sender: '' })).toEqual([deliveryOf(news)]);
      expect(await found({ recipient: 'ann@one.test' })).toEqual([deliveryOf(reset)]);
      expect(await found({ recipient: 'bob@two.test' })).toEqual([deliveryOf(news)]);
      expect(await found({ state: 'held' })).toEqual([deliveryOf(reset)]);
      expect(await found({ stream: 'marketing' })).toEqual([deliveryOf(reset)]);
      expect(await found({ stream: 'marketing', client: 'crm' })).toEqual([]);
      expect(await found({ ids: [both.message.id], domain: 'one.test' })).toEqual([deliveryOf(both, 1)]);
      expect(await found({ ids: [deliveryOf(both, 2), news.message.id] })).toEqual(
        [deliveryOf(news), deliveryOf(both, 2)].toSorted(),
      );
      expect(await found({ ids: [] })).toEqual([]);
      expect(await found({ egress: 'ip-1' })).toEqual([]);
    });

    test('shows the exit of the last attempt, the size and the lease', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), { content: Buffer.alloc(1_234, 'x') });
      await spool.settle(
        aSettlement(await fixture().oneClaimed(), {
          atMs: nowMs,
          addresses: [],
          rest: { lastEgress: 'ip-1', dueAtMs: nowMs },
        }),
      );
      await fixture().claimed();
      expect(await spool.list({ egress: 'ip-1' }, { limit: 9 })).toMatchObject([
        { sender: submission.message.envelope.sender, sizeBytes: 1_234, leasedUntilMs: nowMs + 60_000 },
      ]);
    });
  });

  describe(`${engine.name}: operators`, () => {
    const fixture = eachWith(engine);

    test('hold and release what nobody is trying, with an event each', async () => {
      const { spool, nowMs } = fixture();
      const leased = await accepted(fixture(), { leaseUntilMs: nowMs + 1_000 });
      const submission = await accepted(fixture(), {});
      expect(await spool.hold({}, nowMs)).toBe(1);
      expect(await spool.hold({}, nowMs)).toBe(0);
      expect(await fixture().claimed()).toEqual([]);
      expect(await spool.release({ state: 'held' }, nowMs + 1)).toBe(1);
      expect(await spool.release({}, nowMs)).toBe(0);
      expect((await fixture().oneClaimed()).delivery.id).toBe(deliveryOf(submission));
      expect(await kinds(fixture(), submission)).toEqual(['received', 'held', 'released']);
      expect(await kinds(fixture(), leased)).toEqual(['received']);
    });

    test('the event of a hold says why', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), {});
      await spool.hold({}, nowMs, '198.51.100.7 is listed');
      const story = await spool.story(submission.message.id);
      expect(story?.events.at(-1)).toMatchObject({ event: 'held', reason: '198.51.100.7 is listed' });
    });

    test('what was accepted as held waits from the start, over a restart too, until it is released, and says why', async () => {
      const { spool, nowMs } = fixture();
      const lastReply = { code: 451, detail: '4.5', text: 'over its quota' };
      const plain = aSubmission({ atMs: nowMs, to: ['a@one.test', 'b@two.test'] });
      const submission = { ...plain, deliveries: plain.deliveries.map((delivery) => ({ ...delivery, lastReply })) };
      const held = submission.deliveries.map(({ domain, recipients }, place) => ({
        event: 'held' as const,
        atMs: nowMs,
        messageId: submission.message.id,
        deliveryId: deliveryOf(submission, place + 1),
        domain,
        recipients: recipients.map(({ address }) => address),
        reason: `over its quota, ${'all of it '.repeat(100)}`,
      }));
      expect(await spool.accept({ ...submission, held })).toEqual({ kind: 'accepted', leased: [] });
      expect(await spool.accept({ ...submission, held })).toEqual({ kind: 'known' });
      expect((await spool.story(submission.message.id))?.events).toEqual([submission.received, ...held]);
      fixture().store = await fixture().store.reopened();
      const { spool: again } = fixture();
      expect(await again.list({ state: 'held' }, { limit: 9 })).toMatchObject([
        { delivery: { lastReply } },
        { delivery: { lastReply } },
      ]);
      expect(await fixture().claimed()).toEqual([]);
      expect((await again.overview()).byState).toEqual({ queued: 0, held: 2, quarantined: 0 });
      expect(await again.release({ ids: [deliveryOf(submission, 2)] }, nowMs, 'there is room')).toBe(1);
      expect((await fixture().oneClaimed()).delivery.id).toBe(deliveryOf(submission, 2));
      expect((await again.overview()).byState).toEqual({ queued: 1, held: 1, quarantined: 0 });
      const story = await again.story(submission.message.id);
      expect(story?.events.at(-1)).toMatchObject({ event: 'released', reason: 'there is room' });
      expect(await again.audit()).toMatchObject({ accepted: 2, queued: 2, violations: [] });
    });

    test('what operators did they tell themselves: the engine does not tell it again', async () => {
      const { spool, nowMs, store } = fixture();
      await spool.accept(aSubmission({ atMs: nowMs }));
      expect(await spool.hold({}, nowMs)).toBe(1);
      expect(await spool.discard({}, nowMs)).toBe(1);
      expect(await store.told()).toEqual([]);
    });

    test('retry makes due now what waits', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), { dueAtMs: nowMs + 3_600_000 });
      expect(await fixture().claimed()).toEqual([]);
      expect(await spool.retry({ domain: 'dest.test' }, nowMs)).toBe(1);
      expect((await fixture().oneClaimed()).delivery.dueAtMs).toBe(nowMs);
      expect(await kinds(fixture(), submission)).toEqual(['received', 'retried']);
    });

    test('discard ends deliveries without a word to the sender, and audit knows', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), { to: ['a@one.test', 'b@one.test', 'c@two.test'] });
      expect(await spool.discard({ domain: 'one.test' }, nowMs)).toBe(1);
      expect(await spool.content(submission.message.id)).toMatchObject({ kind: 'found' });
      expect(await spool.discard({}, nowMs)).toBe(1);
      expect(await spool.content(submission.message.id)).toEqual({ kind: 'missing' });
      expect(await spool.audit()).toMatchObject({ accepted: 3, finished: { discarded: 3 }, queued: 0, violations: [] });
      expect(await spool.overview()).toMatchObject({ messages: 0, deliveries: 0, contentBytes: 0 });
      expect(await fixture().spool.claim({ nowMs, leaseUntilMs: nowMs, limit: 1, perLane: 1, exclude: [] })).toEqual({
        leased: [],
        nextDueAtMs: null,
      });
    });

    test('take leases whatever its time or state, so that it can be settled', async () => {
      const { spool, nowMs } = fixture();
      const later = await accepted(fixture(), { dueAtMs: nowMs + 3_600_000 });
      const held = await accepted(fixture(), { to: ['x@held.test'] });
      const trying = await accepted(fixture(), { leaseUntilMs: nowMs + 1_000 });
      await spool.hold({ domain: 'held.test' }, nowMs);
      expect(await spool.take({}, nowMs + 1_000, 1)).toHaveLength(1);
      const rest = await spool.take({}, nowMs + 1_000, 10);
      expect(rest).toHaveLength(1);
      const [one] = rest;
      if (one === undefined) throw new Error('one was taken');
      expect(await spool.settle(aSettlement(one, { atMs: nowMs, state: 'bounced' }))).toBe('settled');
      expect(await spool.audit()).toMatchObject({ finished: { bounced: 1 }, queued: 2, violations: [] });
      expect(await kinds(fixture(), trying)).toEqual(['received']);
      expect([await kinds(fixture(), later), await kinds(fixture(), held)].flat()).toContain('bounced');
    });

    test('what was taken leaves nothing behind in its lane to wake up for', async () => {
      const { spool, nowMs } = fixture();
      const [soon, late] = [nowMs + 1_000, nowMs + 3_600_000];
      await accepted(fixture(), { dueAtMs: soon });
      const other = await accepted(fixture(), { dueAtMs: late, to: ['x@other.test'] });
      await spool.take({ domain: 'dest.test' }, nowMs + 60_000, 10);
      const request = { nowMs, leaseUntilMs: nowMs + 1, limit: 1, perLane: 1, exclude: [] };
      expect(await spool.claim(request)).toEqual({ leased: [], nextDueAtMs: late });
      await spool.take({ ids: [other.message.id] }, nowMs + 60_000, 10);
      expect(await spool.claim(request)).toEqual({ leased: [], nextDueAtMs: null });
    });

    test('a held delivery that was taken and handed back is held still', async () => {
      const { spool, nowMs } = fixture();
      await accepted(fixture(), {});
      await spool.hold({}, nowMs);
      const taken = await spool.take({}, nowMs + 1_000, 10);
      await spool.giveBack(taken.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token })));
      expect(await fixture().claimed()).toEqual([]);
      expect(await spool.overview()).toMatchObject({ byState: { held: 1 }, leased: 0 });
    });

    test('the overview counts what is queued', async () => {
      const { spool, nowMs, clock } = fixture();
      expect(await spool.overview()).toEqual({
        messages: 0,
        deliveries: 0,
        byState: { queued: 0, held: 0, quarantined: 0 },
        byPriority: { high: 0, normal: 0, low: 0 },
        leased: 0,
        oldestCreatedAtMs: null,
        contentBytes: 0,
      });
      await accepted(fixture(), { to: ['a@one.test', 'a@two.test'], priority: 'high', content: Buffer.alloc(100) });
      await clock.advance(1_000);
      await accepted(fixture(), { priority: 'low', content: Buffer.alloc(11), leaseUntilMs: nowMs + 60_000 });
      await spool.hold({ domain: 'two.test' }, nowMs);
      const expected = {
        messages: 2,
        deliveries: 3,
        byState: { queued: 2, held: 1, quarantined: 0 },
        byPriority: { high: 2, normal: 0, low: 1 },
        leased: 1,
        oldestCreatedAtMs: nowMs,
        contentBytes: 111,
      };
      expect(await spool.overview()).toEqual(expected);
      fixture().store = await fixture().store.reopened();
      expect(await fixture().spool.overview()).toEqual({ ...expected, leased: 0 });
    });

    test('the story of a message that nobody knows is null', async () => {
      expect(await fixture().spool.story(newMessageId(1, randomBytes(10)))).toBeNull();
    });
  });
}
