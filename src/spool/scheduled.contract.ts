/** What every engine keeps of scheduled mail. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf, type SubmissionOptions } from '../../tests/fakes/submission.ts';
import { eachWith, type Engine, type Fixture } from './engine.contract.ts';
import type { QueueFilter, Submission } from './spool.ts';

const HOUR_MS = 3_600_000;

export function testScheduled(engine: Engine): void {
  describe(`${engine.name}: scheduled mail`, () => {
    const fixture = eachWith(engine);

    test('waits for its time over a restart, and keeps all that it says of times', async () => {
      const { nowMs, clock } = fixture();
      const deliverBy = { atMs: nowMs + 2 * HOUR_MS, mode: 'return', trace: true } as const;
      const terms = { deliverBy, expiresAtMs: nowMs + 3 * HOUR_MS, expiresAfterMs: 60_000, mtPriority: -4 };
      const submission = await scheduled(fixture(), nowMs + HOUR_MS, {}, terms);
      expect(await fixture().claimed()).toEqual([]);
      fixture().store = await fixture().store.reopened();
      expect(await fixture().claimed()).toEqual([]);
      await clock.advance(HOUR_MS);
      const { message } = await fixture().oneClaimed();
      expect(message).toEqual({ ...submission.message, sendAtMs: nowMs + HOUR_MS, ...terms });
    });

    test('is told apart from what waits for other reasons', async () => {
      const { spool, nowMs } = fixture();
      const soon = await scheduled(fixture(), nowMs + HOUR_MS, { to: ['a@one.test', 'b@two.test'] });
      const late = await scheduled(fixture(), nowMs + 5 * HOUR_MS, { client: 'crm' });
      await scheduled(fixture(), nowMs - HOUR_MS);
      await accepted(fixture(), { dueAtMs: nowMs + HOUR_MS });
      const found = async (filter: QueueFilter) =>
        (await spool.list(filter, { limit: 10 })).map(({ delivery, sendAtMs }) => [delivery.id, sendAtMs]);
      expect((await found({ scheduledAfterMs: nowMs })).toSorted()).toEqual(
        [
          [deliveryOf(soon, 1), nowMs + HOUR_MS],
          [deliveryOf(soon, 2), nowMs + HOUR_MS],
          [deliveryOf(late), nowMs + 5 * HOUR_MS],
        ].toSorted(),
      );
      expect(await found({ scheduledAfterMs: nowMs + HOUR_MS })).toHaveLength(1);
      expect(await found({ scheduledAfterMs: nowMs, client: 'shop', domain: 'two.test' })).toHaveLength(1);
      expect(await spool.discard({ scheduledAfterMs: nowMs }, nowMs)).toBe(3);
      expect(await found({ scheduledAfterMs: nowMs })).toEqual([]);
      expect(await found({})).toHaveLength(2);
    });

    test('is moved with all its deliveries, later and earlier, and each says so', async () => {
      const { spool, nowMs, clock } = fixture();
      const submission = await scheduled(fixture(), nowMs + HOUR_MS, { to: ['a@one.test', 'b@two.test'] });
      const other = await scheduled(fixture(), nowMs + HOUR_MS);
      const ids = [submission.message.id];
      expect(await spool.reschedule(ids, nowMs + 3 * HOUR_MS, nowMs)).toBe(2);
      expect(await spool.list({ ids }, { limit: 9 })).toMatchObject([
        { sendAtMs: nowMs + 3 * HOUR_MS, delivery: { dueAtMs: nowMs + 3 * HOUR_MS } },
        { sendAtMs: nowMs + 3 * HOUR_MS, delivery: { dueAtMs: nowMs + 3 * HOUR_MS } },
      ]);
      expect(await spool.claim({ ...CLAIM, nowMs })).toEqual({ leased: [], nextDueAtMs: nowMs + HOUR_MS });
      await clock.advance(2 * HOUR_MS);
      expect((await fixture().claimed()).map(({ delivery }) => delivery.id)).toEqual([deliveryOf(other)]);
      fixture().store = await fixture().store.reopened();
      expect(await fixture().spool.reschedule(ids, clock.nowMs(), clock.nowMs())).toBe(2);
      const leased = await fixture().claimed();
      expect(leased.filter(({ message }) => message.id === submission.message.id)).toMatchObject([
        { message: { sendAtMs: nowMs + 2 * HOUR_MS, envelope: submission.message.envelope } },
        { message: { sendAtMs: nowMs + 2 * HOUR_MS } },
      ]);
      const story = await fixture().spool.story(submission.message.id);
      const moves = story?.events.filter(({ event }) => event === 'rescheduled');
      expect(moves).toHaveLength(4);
      expect(moves?.[0]).toMatchObject({
        reason: `an operator moved it to ${new Date(nowMs + 3 * HOUR_MS).toISOString()}`,
      });
      expect(await fixture().spool.audit()).toMatchObject({ violations: [] });
      expect(await fixture().store.told()).not.toContainEqual(expect.objectContaining({ event: 'rescheduled' }));
    });

    test('held mail is moved as well, and held still', async () => {
      const { spool, nowMs } = fixture();
      const { message } = await scheduled(fixture(), nowMs + HOUR_MS);
      await spool.hold({}, nowMs);
      expect(await spool.reschedule([message.id], nowMs, nowMs)).toBe(1);
      expect(await fixture().claimed()).toEqual([]);
      await spool.release({}, nowMs);
      expect(await fixture().claimed()).toHaveLength(1);
    });

    test('mail that is released comes up at its time, not before, and not later', async () => {
      const { spool, nowMs, clock } = fixture();
      await scheduled(fixture(), nowMs + HOUR_MS);
      expect(await spool.hold({}, nowMs)).toBe(1);
      expect(await spool.release({}, nowMs)).toBe(1);
      expect(await spool.claim({ ...CLAIM, nowMs })).toEqual({ leased: [], nextDueAtMs: nowMs + HOUR_MS });
      await spool.hold({}, nowMs);
      await clock.advance(HOUR_MS + 1_000);
      expect(await spool.release({}, clock.nowMs())).toBe(1);
      expect((await fixture().oneClaimed()).delivery.dueAtMs).toBe(nowMs + HOUR_MS);
    });

    test('mail that was put off and is released comes up at once, after a restart too', async () => {
      const { spool, nowMs } = fixture();
      await accepted(fixture(), { to: ['a@one.test'] });
      const rest = { attempts: 3, dueAtMs: nowMs + 3 * HOUR_MS };
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs, addresses: [], rest }));
      await accepted(fixture(), { to: ['b@two.test'], dueAtMs: nowMs + HOUR_MS });
      expect(await spool.hold({}, nowMs)).toBe(2);
      expect(await spool.release({}, nowMs)).toBe(2);
      fixture().store = await fixture().store.reopened();
      expect((await fixture().claimed()).map(({ delivery }) => delivery.dueAtMs)).toEqual([nowMs, nowMs]);
      expect(await fixture().spool.audit()).toMatchObject({ violations: [] });
    });

    test('a message that was tried, or is being tried, stays where it is, whole', async () => {
      const { spool, nowMs, clock } = fixture();
      const tried = await accepted(fixture(), { to: ['a@one.test'] });
      const one = await fixture().oneClaimed();
      expect(await spool.reschedule([tried.message.id], nowMs + HOUR_MS, nowMs)).toBe(0);
      await spool.settle(aSettlement(one, { atMs: nowMs, addresses: [] }));
      expect(await spool.reschedule([tried.message.id], nowMs + HOUR_MS, nowMs)).toBe(0);
      const partly = await accepted(fixture(), { to: ['a@two.test', 'b@three.test'] });
      await spool.take({ domain: 'three.test' }, nowMs + 60_000, 1);
      expect(await spool.reschedule([partly.message.id], nowMs + HOUR_MS, nowMs)).toBe(0);
      expect(await spool.reschedule([aSubmission({ atMs: nowMs }).message.id], nowMs, nowMs)).toBe(0);
      await clock.advance(61_000);
      expect((await fixture().claimed()).map(({ message }) => message.sendAtMs)).toEqual([undefined, undefined]);
    });

    test('what was put off by limits of our own was not tried, and is moved', async () => {
      const { spool, nowMs } = fixture();
      const { message } = await accepted(fixture(), {});
      const rest = { attempts: 0, lastEgress: null, dueAtMs: nowMs };
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs, addresses: [], rest }));
      expect(await spool.reschedule([message.id], nowMs + HOUR_MS, nowMs)).toBe(1);
    });

    test('a discarded delivery says why', async () => {
      const { spool, nowMs } = fixture();
      const { message } = await scheduled(fixture(), nowMs + HOUR_MS);
      const reply = { code: 554, detail: '7.0', text: 'cancelled' };
      expect(await spool.discard({}, nowMs, reply)).toBe(1);
      expect((await spool.story(message.id))?.events.at(-1)).toMatchObject({ event: 'discarded', reply });
    });
  });
}

const CLAIM = { leaseUntilMs: Number.MAX_SAFE_INTEGER, limit: 10, perLane: 10, exclude: [] };

async function accepted(fixture: Fixture, options: Partial<SubmissionOptions>): Promise<Submission> {
  const submission = aSubmission({ atMs: fixture.nowMs, ...options });
  await fixture.spool.accept(submission);
  return submission;
}

async function scheduled(
  fixture: Fixture,
  sendAtMs: number,
  options: Partial<SubmissionOptions> = {},
  more: Partial<Submission['message']> = {},
): Promise<Submission> {
  const submission = aSubmission({ atMs: fixture.nowMs, dueAtMs: Math.max(sendAtMs, fixture.nowMs), ...options });
  await fixture.spool.accept({ ...submission, message: { ...submission.message, sendAtMs, ...more } });
  return submission;
}
