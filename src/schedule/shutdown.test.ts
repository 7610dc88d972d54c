import { describe, expect } from 'vitest';
import type { FakeClock } from '../../tests/fakes/clock.ts';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolWith } from '../../tests/fakes/spool-between.ts';
import { aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import type { Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const HOUR = 3_600_000;
const NEVER = new AbortController().signal;

async function stopped(scheduling: Scheduling, signal = NEVER): Promise<void> {
  let over = false;
  const stop = scheduling.scheduler.stop(signal).then(() => (over = true));
  await scheduling.clock.advanceUntil(() => over, { stepMs: 500 });
  await stop;
}

describe('shutdown', () => {
  scheduled('attempts in flight finish, what waits is handed back, nothing is sent twice', async (scheduling) => {
    const { clock, spool } = scheduling;
    const exit = scheduling.exit('direct');
    exit.answer = after(clock, 10 * SECOND);
    for (let count = 0; count < 50; count++) await scheduling.accept();
    await clock.advance(SECOND);
    const begun = exit.attempts.length;
    expect(begun).toBeGreaterThan(0);
    await stopped(scheduling);
    expect(exit.attempts.length).toBe(begun);
    expect(await scheduling.audit()).toMatchObject({
      finished: { delivered: begun },
      queued: 50 - begun,
      possibleDuplicates: 0,
    });
    expect(await spool.overview()).toMatchObject({ leased: 0 });
    expect(clock.monotonicMs()).toBeLessThan(20 * SECOND);
    // The next one sends the rest.
    await scheduling.restart();
    exit.answer = () => OUTCOMES.delivered;
    await scheduling.drained();
    expect(exit.attempts.length).toBe(50);
  });

  scheduled('what takes longer than 30 s is cut off before the dot, without using up a try', async (scheduling) => {
    const { clock, spool } = scheduling;
    scheduling.exit('direct').answer = after(clock, HOUR);
    const { message } = await scheduling.accept();
    await clock.advance(SECOND);
    await stopped(scheduling);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(30 * SECOND);
    expect(clock.monotonicMs()).toBeLessThan(36 * SECOND);
    const story = await spool.story(message.id);
    expect(story?.queued).toMatchObject([{ delivery: { attempts: 0 }, leasedUntilMs: null }]);
  });

  scheduled('a second signal ends it at once, and what was under way is in doubt, not lost', async (scheduling) => {
    const { clock, spool } = scheduling;
    scheduling.exit('direct').answer = () => new Promise(() => undefined);
    await scheduling.accept();
    await clock.advance(SECOND);
    const second = new AbortController();
    const stop = scheduling.scheduler.stop(second.signal);
    await clock.advance(2 * SECOND);
    second.abort();
    await stop;
    expect(Math.floor(clock.monotonicMs())).toBe(3 * SECOND);
    expect(await spool.overview()).toMatchObject({ deliveries: 1, leased: 1 });
    await scheduling.restart();
    scheduling.exit('direct').answer = () => OUTCOMES.delivered;
    await scheduling.drained();
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 1 });
  });

  scheduled('nothing is taken in any more', async (scheduling) => {
    await stopped(scheduling);
    await scheduling.accept();
    expect(await scheduling.spool.overview()).toMatchObject({ deliveries: 1, leased: 0 });
    expect(scheduling.clock.pending).toBe(0);
  });

  scheduled('what was being accepted meanwhile is handed back', async (scheduling) => {
    const { clock, spool, scheduler } = scheduling;
    const plain = aSubmission({ atMs: clock.nowMs() });
    const { message, content } = plain;
    const leaseUntilMs = scheduler.handoff.reserve({
      id: deliveryOf(plain),
      domain: 'dest.test',
      client: message.client,
      priority: message.priority,
      sizeBytes: message.sizeBytes,
      dueAtMs: clock.nowMs(),
    });
    expect(leaseUntilMs).not.toBeNull();
    const deliveries = plain.deliveries.map((delivery) => ({ ...delivery, leaseUntilMs }));
    const result = await spool.accept({ ...plain, deliveries });
    await stopped(scheduling);
    scheduler.handoff.take(result.kind === 'accepted' ? result.leased : [], content);
    await clock.advanceUntil(async () => (await spool.overview()).leased === 0);
    expect(scheduler.stats().held).toBe(0);
    expect(await spool.overview()).toMatchObject({ deliveries: 1 });
    expect(scheduling.exit('direct').attempts).toEqual([]);
  });

  let claimed = 0;
  let slowClock: FakeClock | null = null;
  const slowClaims = (spool: Spool): Spool =>
    spoolWith(spool, {
      claim: async (request) => {
        const result = await spool.claim(request);
        claimed += result.leased.length;
        if (result.leased.length > 0) await slowClock?.sleep(5 * SECOND);
        return result;
      },
    });
  scheduled(
    'what was being claimed meanwhile is handed back',
    async (scheduling) => {
      const { clock, spool, scheduler } = scheduling;
      slowClock = clock;
      await scheduling.store();
      scheduler.wake();
      await clock.advanceUntil(() => claimed === 1);
      await stopped(scheduling);
      expect(await spool.overview()).toMatchObject({ deliveries: 1, leased: 0 });
      expect(scheduler.stats().held).toBe(0);
      expect(scheduling.exit('direct').attempts).toEqual([]);
    },
    { between: slowClaims },
  );
});
