import { describe, expect } from 'vitest';
import type { FakeClock } from '../../tests/fakes/clock.ts';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolThrough, spoolWith } from '../../tests/fakes/spool-between.ts';
import { aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import type { DeliveryId } from '../message/ids.ts';
import { SpoolError, type Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

describe('leases', () => {
  scheduled('are extended for as long as an attempt takes', async (scheduling) => {
    const { clock, spool } = scheduling;
    scheduling.exit('direct').answer = after(clock, 10 * MINUTE);
    await scheduling.accept();
    await clock.advanceUntil(() => clock.monotonicMs() > 9 * MINUTE, { stepMs: SECOND, withinMs: 10 * MINUTE });
    expect(await spool.reap(clock.nowMs())).toBe(0);
    await scheduling.drained(5 * MINUTE);
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 0 });
  });

  const lostOnes: DeliveryId[] = [];
  const losing = (spool: Spool): Spool =>
    spoolWith(spool, {
      extend: async (leases) => {
        const lost = leases.map(({ deliveryId }) => deliveryId);
        lostOnes.push(...lost);
        return lost;
      },
    });
  scheduled(
    'that are lost: what waits is dropped, what is being tried is cut off',
    async (scheduling) => {
      const { clock } = scheduling;
      const exit = scheduling.exit('direct');
      exit.concurrency = 1;
      const signals: AbortSignal[] = [];
      exit.answer = (attempt, signal) => {
        signals.push(signal);
        return after(clock, HOUR)(attempt, signal);
      };
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.accept({ to: ['a@two.test'] });
      lostOnes.length = 0;
      await clock.advanceUntil(() => lostOnes.length > 0, { stepMs: SECOND });
      // A second later the store, which has not lost it, hands it out anew.
      await clock.advance(SECOND / 2);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      await clock.advanceUntil(() => scheduling.scheduler.stats().held === 0, { stepMs: 10 });
      expect(exit.attempts.length).toBe(1);
    },
    { between: losing },
  );

  scheduled(
    'that are lost say nothing of the exit: an attempt that is cut off trips no circuit, whatever it came to',
    async (scheduling) => {
      const { clock } = scheduling;
      const exit = scheduling.exit('up');
      let cutOff = 0;
      exit.answer = async (_, signal) => {
        await clock.sleep(HOUR, signal).catch(() => (cutOff += 1));
        return OUTCOMES.signInRefused;
      };
      await scheduling.accept();
      await clock.advanceUntil(() => cutOff > 0, { stepMs: SECOND });
      // At rest it would be for half a minute; the store, which has not lost it, hands it out anew.
      await clock.advanceUntil(() => cutOff > 1, { stepMs: SECOND, withinMs: 10 * SECOND });
      expect(scheduling.events.filter(({ event }) => event === 'alert')).toEqual([]);
    },
    {
      between: losing,
      policy: { egress: { up: { type: 'smtp', host: 'up.test' } }, routes: [{ name: 'all', use: ['up'] }] },
    },
  );

  let frozen = false;
  const slow = (spool: Spool): Spool =>
    spoolWith(spool, { extend: (...args) => (frozen ? new Promise(() => undefined) : spool.extend(...args)) });
  scheduled(
    'of a process that was frozen begin no attempt until they are known to hold',
    async (scheduling) => {
      const { clock } = scheduling;
      const exit = scheduling.exit('direct');
      exit.concurrency = 1;
      exit.answer = after(clock, 5 * SECOND);
      for (let count = 0; count < 5; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await clock.advance(SECOND);
      frozen = true;
      await clock.advance(2 * MINUTE);
      const before = exit.attempts.length;
      await clock.advance(MINUTE);
      // The last began while the leases were still known to hold.
      expect(exit.attempts.length).toBe(before);
      expect(exit.attempts.every(({ atMs }) => atMs - (exit.attempts[0]?.atMs ?? 0) < 60 * SECOND)).toBe(true);
    },
    { between: slow },
  );

  scheduled('of a node that died are taken over, and said to be in doubt', async (scheduling) => {
    const { clock, spool } = scheduling;
    const { message } = await scheduling.store();
    const nowMs = clock.nowMs();
    await spool.claim({ nowMs, leaseUntilMs: nowMs + MINUTE, limit: 10, perLane: 10, exclude: [] });
    await clock.advanceUntil(() => scheduling.exit('direct').attempts.length === 1, {
      stepMs: SECOND,
      withinMs: 2 * MINUTE,
    });
    await scheduling.drained();
    const story = await spool.story(message.id);
    expect(story?.events.map(({ event }) => event)).toContain('in-doubt');
  });

  for (const stepMs of [-55_000, 2_500, 4_000, 9_000, 12_000, 15_000, 61_000]) {
    scheduled(`outlive a clock that is set by ${stepMs} ms: nothing is sent twice`, async (scheduling) => {
      const { clock } = scheduling;
      const exit = scheduling.exit('direct');
      exit.answer = after(clock, 5 * MINUTE);
      await scheduling.accept();
      // Between two looks for the leases of dead nodes.
      await scheduling.elapsed(29_500);
      clock.jumpMs(stepMs);
      await scheduling.drained();
      expect(exit.attempts.length).toBe(1);
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 0 });
    });
  }

  scheduled('that are handed out anew are taken over by what is under way', async (scheduling) => {
    const { clock, spool, scheduler } = scheduling;
    const exit = scheduling.exit('direct');
    exit.answer = after(clock, 30 * SECOND);
    await scheduling.accept();
    await clock.advance(SECOND);
    expect(await spool.reap(clock.nowMs() + HOUR)).toBe(1);
    scheduler.wake();
    await clock.advanceUntil(async () => (await spool.overview()).leased === 1, { stepMs: 10 });
    expect(scheduler.stats()).toMatchObject({ held: 1, inFlight: 1 });
    await scheduling.drained();
    expect(exit.attempts.length).toBe(1);
    expect(scheduler.stats()).toMatchObject({ held: 0, inFlight: 0 });
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 } });
  });

  /** What is left of its lease in the store when a delivery is tried. */
  const leftAtAttempts = (scheduling: Scheduling): number[] => {
    const { clock, spool } = scheduling;
    const leftMs: number[] = [];
    scheduling.exit('direct').answer = async () => {
      const [queued] = await spool.list({}, { limit: 1 });
      leftMs.push((queued?.leasedUntilMs ?? 0) - clock.nowMs());
      return OUTCOMES.delivered;
    };
    return leftMs;
  };

  scheduled('of fresh mail that the store took long to accept are extended before it is tried', async (scheduling) => {
    const { clock, spool, scheduler } = scheduling;
    const leftMs = leftAtAttempts(scheduling);
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
    await scheduling.elapsed(12 * SECOND);
    const deliveries = plain.deliveries.map((delivery) => ({ ...delivery, leaseUntilMs }));
    const result = await spool.accept({ ...plain, deliveries });
    scheduler.handoff.take(result.kind === 'accepted' ? result.leased : [], content);
    await scheduling.drained();
    expect(leftMs.map((left) => left >= 10 * SECOND)).toEqual([true]);
  });

  let clockOfSlow: FakeClock | null = null;
  const slowClaims = (spool: Spool): Spool =>
    spoolWith(spool, {
      claim: async (request) => {
        const result = await spool.claim(request);
        if (result.leased.length > 0) await clockOfSlow?.sleep(12 * SECOND);
        return result;
      },
    });
  scheduled(
    'of a claim that took long are extended before anything of it is tried',
    async (scheduling) => {
      const leftMs = leftAtAttempts(scheduling);
      clockOfSlow = scheduling.clock;
      await scheduling.store();
      await scheduling.drained();
      expect(leftMs.map((left) => left >= 10 * SECOND)).toEqual([true]);
    },
    { between: slowClaims },
  );

  let isAway = true;
  const away = (spool: Spool): Spool =>
    spoolThrough(spool, (name, call) =>
      name === 'extend' && isAway ? Promise.reject(new SpoolError('unavailable', 'away')) : call(),
    );
  scheduled(
    'that could not be extended are not freed as a dead node’s by ourselves',
    async (scheduling) => {
      scheduling.exit('direct').answer = after(scheduling.clock, 5 * MINUTE);
      await scheduling.accept();
      await scheduling.elapsed(2 * MINUTE);
      isAway = false;
      await scheduling.drained();
      expect(scheduling.exit('direct').attempts.length).toBe(1);
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 0 });
    },
    { between: away },
  );

  let isGone = false;
  const gone = (spool: Spool): Spool =>
    spoolThrough(spool, (_, call) => (isGone ? Promise.reject(new SpoolError('unavailable', 'away')) : call()));
  scheduled(
    'of others are not taken for a dead node’s because the store was away for all',
    async (scheduling) => {
      const { clock, spool } = scheduling;
      isGone = true;
      await scheduling.store();
      const nowMs = clock.nowMs();
      const request = { nowMs, leaseUntilMs: nowMs + 14 * SECOND, limit: 10, perLane: 10, exclude: [] };
      const { leased } = await spool.claim(request);
      const leases = leased.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token }));
      expect(leases).toHaveLength(1);
      await scheduling.elapsed(30 * SECOND);
      isGone = false;
      await clock.advanceUntil(() => clock.nowMs() > nowMs + 36 * SECOND, { stepMs: 100, withinMs: MINUTE });
      expect(await spool.extend(leases, clock.nowMs() + 14 * SECOND)).toEqual([]);
      // The other one dies now.
      await scheduling.drained(MINUTE);
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 1 });
    },
    { between: gone },
  );

  let settling: Scheduling | null = null;
  const reapedWhileSettling = (spool: Spool): Spool =>
    spoolWith(spool, {
      settle: async (settlement) => {
        const first = settling;
        settling = null;
        if (first !== null) {
          await spool.reap(Number.MAX_SAFE_INTEGER);
          first.scheduler.wake();
          await first.clock.sleep(5 * SECOND);
        }
        return spool.settle(settlement);
      },
    });
  scheduled(
    'that were handed out anew while what became of them was being written are settled by the new one',
    async (scheduling) => {
      settling = scheduling;
      await scheduling.accept();
      await scheduling.drained();
      expect(scheduling.exit('direct').attempts.length).toBe(1);
      expect(scheduling.events.filter(({ event }) => event === 'delivered')).toHaveLength(1);
      expect(scheduling.events.filter((event) => event.event === 'failed' && event.where === 'settle')).toEqual([]);
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 1 });
    },
    { between: reapedWhileSettling },
  );
});
