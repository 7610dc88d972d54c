/** What every engine keeps of `Spool`: accepting, leasing, settling, content. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import { newMessageId } from '../message/ids.ts';
import { CAREFUL_STREAM, eachWith, type Engine } from './engine.contract.ts';

const GONE = newMessageId(1, randomBytes(10));

export function testSpool(engine: Engine): void {
  describe(`${engine.name}: accept`, () => {
    const fixture = eachWith(engine);

    test('what was accepted is there after a restart, byte for byte', async () => {
      const { spool, nowMs, store } = fixture();
      const content = randomBytes(70_000);
      const submission = aSubmission({ atMs: nowMs, content, to: ['a@one.test', 'b@two.test', 'c@one.test'] });
      expect(await spool.accept(submission)).toEqual({ kind: 'accepted', leased: [] });
      fixture().store = await store.reopened();
      expect(await fixture().spool.content(submission.message.id)).toEqual({ kind: 'found', content });
      const story = await fixture().spool.story(submission.message.id);
      expect(story?.message).toEqual(submission.message);
      expect(story?.events).toEqual([submission.received]);
      expect(story?.queued.map(({ delivery }) => [delivery.id, delivery.domain, delivery.recipients.length])).toEqual([
        [deliveryOf(submission, 1), 'one.test', 2],
        [deliveryOf(submission, 2), 'two.test', 1],
      ]);
    });

    test('a delivery is handed to the acceptor at once when it asks for a lease', async () => {
      const { spool, nowMs, claimed } = bound(fixture());
      const submission = aSubmission({ atMs: nowMs, leaseUntilMs: nowMs + 60_000 });
      const result = await spool.accept(submission);
      expect(result).toMatchObject({
        kind: 'accepted',
        leased: [{ delivery: { id: deliveryOf(submission), state: 'queued' }, lease: { untilMs: nowMs + 60_000 } }],
      });
      expect(await claimed()).toEqual([]);
      const [leased] = result.kind === 'accepted' ? result.leased : [];
      if (leased === undefined) throw new Error('nothing was leased');
      expect(await spool.settle(aSettlement(leased, { atMs: nowMs }))).toBe('settled');
    });

    test('only the deliveries that ask for a lease get one', async () => {
      const { spool, nowMs, claimed } = bound(fixture());
      const submission = aSubmission({ atMs: nowMs, to: ['a@one.test', 'b@two.test'] });
      const [first, second] = submission.deliveries;
      if (first === undefined || second === undefined) throw new Error('two domains, two deliveries');
      const deliveries = [first, { ...second, leaseUntilMs: nowMs + 1_000 }];
      const result = await spool.accept({ ...submission, deliveries });
      expect(result.kind === 'accepted' && result.leased.map(({ delivery }) => delivery.id)).toEqual([
        deliveryOf(submission, 2),
      ]);
      expect((await claimed()).map(({ delivery }) => delivery.id)).toEqual([deliveryOf(submission, 1)]);
    });

    test('the same message id twice is one message', async () => {
      const { spool, nowMs } = fixture();
      const dedupe = { key: 'c'.repeat(40), windowMs: 1_000 };
      for (const submission of [aSubmission({ atMs: nowMs }), aSubmission({ atMs: nowMs, dedupe })]) {
        expect(await spool.accept(submission)).toEqual({ kind: 'accepted', leased: [] });
        expect(await spool.accept(submission)).toEqual({ kind: 'known' });
        expect((await spool.story(submission.message.id))?.events).toEqual([submission.received]);
      }
      expect(await spool.overview()).toMatchObject({ messages: 2, deliveries: 2 });
    });

    test('a resend within the window gets the first answer, after it a new message', async () => {
      const { spool, nowMs, store } = fixture();
      const dedupe = { key: 'a'.repeat(40), windowMs: 1_000 };
      const first = aSubmission({ atMs: nowMs, dedupe });
      expect(await spool.firstWith(dedupe.key, nowMs)).toBeNull();
      await spool.accept(first);
      fixture().store = await store.reopened();
      expect(await fixture().spool.firstWith(dedupe.key, nowMs + 999)).toBe(first.message.id);
      expect(await fixture().spool.firstWith(dedupe.key, nowMs + 1_000)).toBeNull();
      const again = await fixture().spool.accept(aSubmission({ atMs: nowMs + 999, dedupe }));
      expect(again).toEqual({ kind: 'duplicate', of: first.message.id });
      expect(await fixture().spool.accept(aSubmission({ atMs: nowMs + 1_000, dedupe }))).toMatchObject({
        kind: 'accepted',
      });
      expect(await fixture().spool.overview()).toMatchObject({ messages: 2 });
    });

    test('resends that arrive together are one message', async () => {
      const { spool, nowMs } = fixture();
      const dedupe = { key: 'b'.repeat(40), windowMs: 1_000 };
      const results = await Promise.all(
        Array.from({ length: 20 }, () => spool.accept(aSubmission({ atMs: nowMs, dedupe }))),
      );
      expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
      expect(new Set(results.flatMap((result) => (result.kind === 'duplicate' ? [result.of] : []))).size).toBe(1);
      expect(await spool.overview()).toMatchObject({ messages: 1 });
    });

    test('the caller may go on using a buffer that shares its memory with others', async () => {
      const { spool, nowMs } = fixture();
      const whole = Buffer.from('0123456789');
      const submission = aSubmission({ atMs: nowMs, content: whole.subarray(2, 5) });
      await spool.accept(submission);
      expect(whole.toString()).toBe('0123456789');
      expect(await spool.content(submission.message.id)).toEqual({ kind: 'found', content: Buffer.from('234') });
    });
  });

  describe(`${engine.name}: content`, () => {
    const fixture = eachWith(engine);

    test('is missing for a message that nobody knows', async () => {
      expect(await fixture().spool.content(GONE)).toEqual({ kind: 'missing' });
    });

    test('stays until the last destination is done, then it goes; the story stays', async () => {
      const { spool, nowMs, claimed } = bound(fixture());
      const submission = aSubmission({ atMs: nowMs, to: ['a@1.test', 'b@2.test'], terms: { sizeBytes: 5_000 } });
      await spool.accept(submission);
      const [first, second] = await claimed();
      if (first === undefined || second === undefined) throw new Error('two domains, two deliveries');
      await spool.settle(aSettlement(first, { atMs: nowMs }));
      expect(await spool.content(submission.message.id)).toMatchObject({ kind: 'found' });
      await spool.settle(aSettlement(second, { atMs: nowMs }));
      expect(await spool.content(submission.message.id)).toEqual({ kind: 'missing' });
      expect(await spool.overview()).toMatchObject({ messages: 0, deliveries: 0, contentBytes: 0, leased: 0 });
      const story = await spool.story(submission.message.id);
      expect(story?.queued).toEqual([]);
      expect(story?.events.map(({ event }) => event)).toEqual(['received', 'delivered', 'delivered']);
    });

    test('that the disk changed is reported, quarantined with an event, and never handed out', async () => {
      const { spool, store, nowMs } = fixture();
      const bad = aSubmission({ atMs: nowMs, content: randomBytes(5_000), to: ['a@one.test', 'b@two.test'] });
      const good = aSubmission({ atMs: nowMs });
      await spool.accept(bad);
      await spool.accept(good);
      fixture().store = await store.withCorruptContent(bad.message.id);
      const now = fixture();
      expect(await now.spool.content(bad.message.id)).toEqual({ kind: 'corrupt' });
      expect(await now.spool.content(good.message.id)).toEqual({ kind: 'found', content: good.content });
      expect((await now.claimed()).map(({ delivery }) => delivery.messageId)).toEqual([good.message.id]);
      const story = await now.spool.story(bad.message.id);
      expect(story?.events.map(({ event }) => event)).toEqual(['received', 'quarantined', 'quarantined']);
      expect(await now.store.told()).toEqual(story?.events.slice(1));
      expect(await now.spool.content(bad.message.id)).toEqual({ kind: 'corrupt' });
      expect(await now.store.told()).toHaveLength(2);
      expect(await now.spool.overview()).toMatchObject({ byState: { queued: 1, quarantined: 2 } });
      expect(await now.spool.audit()).toMatchObject({ violations: [], queued: 3 });
    });
  });

  describe(`${engine.name}: settle`, () => {
    const fixture = eachWith(engine);

    test('writes the events in order with what became of the recipients', async () => {
      const { spool, nowMs } = fixture();
      const submission = aSubmission({ atMs: nowMs, to: ['a@one.test', 'b@one.test'] });
      await spool.accept(submission);
      const leased = await fixture().oneClaimed();
      const rest = {
        dueAtMs: nowMs + 5_000,
        attempts: 1,
        warnedAtMs: nowMs,
        lastEgress: 'ip-1',
        refusedBy: ['ip-2', 'ip-1'],
      };
      const settlement = aSettlement(leased, { atMs: nowMs, addresses: ['a@one.test'], rest });
      expect(await spool.settle(settlement)).toBe('settled');
      const story = await spool.story(submission.message.id);
      expect(story?.events).toEqual([submission.received, ...settlement.events]);
      expect(story?.queued).toMatchObject([
        {
          leasedUntilMs: null,
          delivery: {
            recipients: [{ address: 'b@one.test' }],
            dueAtMs: nowMs + 5_000,
            attempts: 1,
            warnedAtMs: nowMs,
            lastEgress: 'ip-1',
            refusedBy: ['ip-2', 'ip-1'],
            lastReply: settlement.rest.lastReply,
            state: 'queued',
          },
        },
      ]);
      expect(Object.keys(story?.queued[0]?.delivery.lastReply ?? {})).not.toContain('refusedBy');
    });

    test('with an old token changes nothing', async () => {
      const { spool, nowMs } = fixture();
      await spool.accept(aSubmission({ atMs: nowMs }));
      const old = await fixture().oneClaimed();
      expect(await spool.reap(nowMs + 60_001)).toBe(1);
      const lost = aSettlement(old, { atMs: nowMs });
      expect(await spool.settle(lost)).toBe('lost');
      const current = await fixture().oneClaimed();
      expect(current.lease.token).not.toBe(old.lease.token);
      expect(await spool.settle(lost)).toBe('lost');
      expect(await spool.audit()).toMatchObject({ violations: [], queued: 1, finished: { delivered: 0 } });
      expect(await spool.settle(aSettlement(current, { atMs: nowMs }))).toBe('settled');
      expect(await spool.settle(aSettlement(current, { atMs: nowMs }))).toBe('lost');
      expect(await spool.audit()).toMatchObject({ violations: [], queued: 0, finished: { delivered: 1 } });
    });

    test('can hold or quarantine what is left', async () => {
      const { spool, nowMs } = fixture();
      await spool.accept(aSubmission({ atMs: nowMs }));
      const rest = { state: 'held', dueAtMs: nowMs } as const;
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs, addresses: [], rest }));
      expect(await fixture().claimed()).toEqual([]);
      expect(await spool.overview()).toMatchObject({ byState: { queued: 0, held: 1 }, leased: 0 });
    });

    test('a lease that is prolonged is not reaped; lost ones are named', async () => {
      const { spool, nowMs } = fixture();
      await spool.accept(aSubmission({ atMs: nowMs }));
      const { delivery, lease } = await fixture().oneClaimed();
      const ours = { deliveryId: delivery.id, token: lease.token };
      const stale = { deliveryId: delivery.id, token: lease.token - 1 };
      const foreign = { deliveryId: deliveryOf(aSubmission({ atMs: nowMs })), token: 1 };
      expect(await spool.extend([ours, foreign], nowMs + 120_000)).toEqual([foreign.deliveryId]);
      expect(await spool.extend([stale], nowMs + 500_000)).toEqual([delivery.id]);
      expect(await spool.reap(nowMs + 90_000)).toBe(0);
      expect(await spool.reap(nowMs + 120_001)).toBe(1);
      expect(await spool.extend([ours], nowMs + 500_000)).toEqual([delivery.id]);
    });

    test('a lease that ended is freed and told as in doubt, one that still runs is not', async () => {
      const { spool, nowMs } = fixture();
      const submission = aSubmission({ atMs: nowMs, to: ['a@one.test', 'b@one.test'] });
      await spool.accept(submission);
      await fixture().claimed();
      expect(await spool.reap(nowMs + 60_000)).toBe(0);
      expect(await spool.reap(nowMs + 60_001)).toBe(1);
      const story = await spool.story(submission.message.id);
      expect(story?.events.at(-1)).toMatchObject({
        event: 'in-doubt',
        atMs: nowMs + 60_001,
        recipients: ['a@one.test', 'b@one.test'],
      });
      expect(await fixture().store.told()).toEqual(story?.events.slice(1));
      expect(await fixture().claimed()).toHaveLength(1);
      expect(await spool.audit()).toMatchObject({ possibleDuplicates: 2, violations: [] });
    });

    test('a lease that is handed back leaves no trace', async () => {
      const { spool, nowMs } = fixture();
      const submission = aSubmission({ atMs: nowMs });
      await spool.accept(submission);
      const { delivery, lease } = await fixture().oneClaimed();
      const ours = { deliveryId: delivery.id, token: lease.token };
      await spool.giveBack([{ ...ours, token: lease.token + 1 }, ours]);
      const story = await spool.story(submission.message.id);
      expect(story?.events).toEqual([submission.received]);
      expect(story?.queued).toMatchObject([{ leasedUntilMs: null, delivery: { dueAtMs: nowMs, attempts: 0 } }]);
      expect(await spool.settle(aSettlement({ ...(await fixture().oneClaimed()), lease }, { atMs: nowMs }))).toBe(
        'lost',
      );
      expect(await spool.audit()).toMatchObject({ possibleDuplicates: 0 });
    });

    test('what a dead owner had leased is in doubt and queued after the next start', async () => {
      const { spool, nowMs, store } = fixture();
      const submission = aSubmission({ atMs: nowMs, leaseUntilMs: nowMs + 3_600_000 });
      await spool.accept(submission);
      fixture().store = await store.reopened();
      const story = await fixture().spool.story(submission.message.id);
      expect(story?.events.map(({ event }) => event)).toEqual(['received', 'in-doubt']);
      expect(await fixture().store.told()).toEqual([]);
      expect((await fixture().oneClaimed()).lease.token).toBeGreaterThan(1);
    });

    test('what must not be sent twice is held, not queued, when its owner died, and that is told', async () => {
      const { spool, nowMs, store } = fixture();
      const stream = CAREFUL_STREAM;
      const atStart = aSubmission({ atMs: nowMs, stream, leaseUntilMs: nowMs + 3_600_000 });
      const inUse = aSubmission({ atMs: nowMs, stream });
      const waiting = aSubmission({ atMs: nowMs, stream, dueAtMs: nowMs + 1 });
      for (const submission of [atStart, inUse, waiting]) await spool.accept(submission);
      expect((await fixture().oneClaimed()).delivery.messageId).toBe(inUse.message.id);
      expect(await spool.reap(nowMs + 60_001)).toBe(1);
      const held = { event: 'held', recipients: ['bob@dest.test'] };
      expect(await store.told()).toMatchObject([{ event: 'in-doubt' }, { ...held, messageId: inUse.message.id }]);
      fixture().store = await store.reopened();
      const now = fixture();
      expect(await now.store.told()).toMatchObject([{ ...held, messageId: atStart.message.id }]);
      expect((await now.spool.story(atStart.message.id))?.events.slice(2)).toEqual(await now.store.told());
      expect(await now.spool.overview()).toMatchObject({ byState: { queued: 1, held: 2 }, leased: 0 });
      // Nothing was begun with what only waited.
      expect((await now.claimed({ atMs: nowMs + 1 })).map(({ delivery }) => delivery.messageId)).toEqual([
        waiting.message.id,
      ]);
      expect(await now.spool.release({ state: 'held' }, nowMs)).toBe(2);
      expect(await now.claimed()).toHaveLength(2);
    });
  });
}

/** `claimed` as a function of its own. */
function bound(fixture: ReturnType<ReturnType<typeof eachWith>>) {
  return { spool: fixture.spool, nowMs: fixture.nowMs, claimed: () => fixture.claimed() };
}
