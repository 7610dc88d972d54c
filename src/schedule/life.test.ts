import { describe, expect, test } from 'vitest';
import { openScheduling, type Scheduling, type SchedulingOptions } from '../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import type { DeliveryId } from '../message/ids.ts';
import type { Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEVER = new AbortController().signal;

function scheduled(
  name: string,
  run: (scheduling: Scheduling) => Promise<void>,
  options: SchedulingOptions = {},
): void {
  test(name, async () => {
    await using scheduling = await openScheduling(options);
    await run(scheduling);
    expect((await scheduling.audit()).violations).toEqual([]);
  });
}

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
    expect(clock.monotonicMs()).toBe(3 * SECOND);
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
});

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
    new Proxy(spool, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === 'extend') {
          return async (leases: readonly { deliveryId: DeliveryId }[]) => {
            lostOnes.push(...leases.map(({ deliveryId }) => deliveryId));
            return lostOnes;
          };
        }
        return typeof value === 'function' ? value.bind(target) : value;
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
      await clock.advanceUntil(() => lostOnes.length > 0, { stepMs: SECOND });
      await clock.advance(SECOND);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      await clock.advanceUntil(() => scheduling.scheduler.stats().held === 0, { stepMs: SECOND });
      expect(exit.attempts.length).toBe(1);
    },
    { between: losing },
  );

  let frozen = false;
  const slow = (spool: Spool): Spool =>
    new Proxy(spool, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === 'extend')
          return (...args: Parameters<Spool['extend']>) =>
            frozen ? new Promise(() => undefined) : target.extend(...args);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
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
});

describe('a clock that jumps', () => {
  for (const [what, jumpMs] of [
    ['an hour forward', HOUR],
    ['a month forward', 30 * DAY],
    ['an hour back', -HOUR],
    ['a month back', -30 * DAY],
  ] as const) {
    scheduled(`${what} expires nothing, loses no lease and leaves nothing stuck`, async (scheduling) => {
      const { clock } = scheduling;
      const exit = scheduling.exit('direct');
      exit.answer = () => OUTCOMES.greylisted;
      for (let count = 0; count < 20; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      exit.concurrency = 21;
      const hanging = after(clock, 5 * MINUTE);
      exit.answer = (attempt, signal) =>
        attempt.mail.domain === 'slow.test' ? hanging(attempt, signal) : OUTCOMES.greylisted;
      await scheduling.accept({ to: ['a@slow.test'] });
      await clock.advanceUntil(async () => (await scheduling.spool.overview()).leased === 1);
      await clock.advance(5 * SECOND);
      clock.jumpMs(jumpMs);
      await clock.advanceUntil(() =>
        scheduling.events.some((event) => event.event === 'failed' && event.where === 'clock'),
      );
      await clock.advanceUntil(() => exit.attempts.length >= 2 * 20 + 1, { stepMs: 500, withinMs: 90 * SECOND });
      exit.answer = () => OUTCOMES.delivered;
      await scheduling.drained(14 * MINUTE);
      expect(await scheduling.audit()).toMatchObject({
        finished: { delivered: 21, expired: 0, bounced: 0 },
        possibleDuplicates: 0,
      });
      expect(scheduling.notices).toEqual([]);
    });
  }
});

describe('after a long downtime', () => {
  scheduled('mail past its time gets a last try: it is delivered where that works', async (scheduling) => {
    const { clock } = scheduling;
    await stopped(scheduling);
    await scheduling.store({ to: ['a@good.test'] });
    await scheduling.store({ to: ['a@bad.test'] });
    await clock.advance(5 * DAY);
    scheduling.exit('direct').answer = ({ mail }) =>
      mail.domain === 'good.test' ? OUTCOMES.delivered : OUTCOMES.greylisted;
    await scheduling.restart();
    await scheduling.drained();
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1, expired: 1 } });
    expect(scheduling.exit('direct').attempts.length).toBe(2);
  });
});

describe('scheduled mail', () => {
  scheduled('ages from its time on, not from its submission', async (scheduling) => {
    const { clock, spool } = scheduling;
    const sendAtMs = clock.nowMs() + 10 * DAY;
    const plain = await import('../../tests/fakes/submission.ts').then(({ aSubmission }) =>
      aSubmission({ atMs: clock.nowMs(), dueAtMs: sendAtMs }),
    );
    await spool.accept({ ...plain, message: { ...plain.message, sendAtMs } });
    await stopped(scheduling);
    await clock.advance(10 * DAY - MINUTE);
    await scheduling.restart();
    scheduling.exit('direct').answer = ({ number }) => (number < 4 ? OUTCOMES.greylisted : OUTCOMES.delivered);
    await scheduling.drained(HOUR);
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1, expired: 0 } });
  });
});

describe('nothing waits silently', () => {
  scheduled('a lane with work and no progress for ten minutes is an alert, until it moves', async (scheduling) => {
    const { clock } = scheduling;
    scheduling.exit('direct').answer = after(clock, 12 * MINUTE);
    await scheduling.accept();
    const alerts = () =>
      scheduling.events.flatMap((event) => (event.event === 'alert' ? [[event.name, event.raised]] : []));
    await clock.advanceUntil(() => clock.monotonicMs() > 9.9 * MINUTE, { stepMs: 5 * SECOND, withinMs: HOUR });
    expect(alerts()).toEqual([]);
    await clock.advanceUntil(() => alerts().length === 1, { stepMs: 5 * SECOND, withinMs: MINUTE });
    await clock.advanceUntil(() => alerts().length === 2, { stepMs: 5 * SECOND, withinMs: 3 * MINUTE });
    expect(alerts()).toEqual([
      ['lane-stalled', true],
      ['lane-stalled', false],
    ]);
  });

  scheduled('each queued delivery says why, wherever it is', async (scheduling) => {
    const { clock, scheduler, spool } = scheduling;
    const exit = scheduling.exit('direct');
    exit.concurrency = 2;
    exit.answer = ({ mail }, signal) => {
      if (mail.domain === 'grey.test') return OUTCOMES.greylisted;
      if (mail.domain === 'dead.test') return OUTCOMES.unreachable;
      return after(clock, HOUR)({ mail, atMs: 0, number: 0 }, signal);
    };
    const grey = await scheduling.accept({ to: ['a@grey.test'] });
    const dead = [];
    for (let count = 0; count < 12; count++) dead.push(await scheduling.accept({ to: ['a@dead.test'] }));
    await clock.advanceUntil(() => scheduler.stats().held === 0);
    const flying = await scheduling.accept({ to: ['a@busy.test'] });
    const waiting = await scheduling.accept({ to: ['b@busy.test'] });
    const blocked = await scheduling.accept({ to: ['b@other.test', 'b@third.test'] });
    const later = await scheduling.store({ dueAtMs: clock.nowMs() + DAY });
    const held = await scheduling.store();
    await spool.hold({ ids: [held.message.id] }, clock.nowMs());
    await clock.advance(10);
    const whyOf = async (of: { message: { id: typeof grey.message.id } }) => {
      const [first] = await scheduler.explain(of.message.id);
      return [first?.state, first?.why[0]];
    };
    expect(await whyOf(grey)).toEqual(['queued', 'waits for its next try, in 60 s']);
    expect(await whyOf(dead.at(-1) ?? grey)).toEqual([
      'queued',
      expect.stringMatching(/^dead\.test did not answer several times: its lane rests for \d+ s more$/),
    ]);
    expect(await whyOf(flying)).toEqual(['in flight', 'being tried for 1 s']);
    expect(await whyOf(waiting)).toEqual([
      'waiting in its lane',
      'its lane has 1 of 1 connections open, and 1 deliveries wait',
    ]);
    expect(await whyOf(later)).toEqual(['queued', 'not to be sent before its time, in 24 h']);
    expect(await whyOf(held)).toEqual(['held', 'held until an operator releases it']);
    const [, third] = await scheduler.explain(blocked.message.id);
    expect(third).toMatchObject({ state: 'waiting in its lane', exits: [{ egress: 'direct', gate: 'busy' }] });
    expect(third?.why).toContain('direct has no free connection');
    expect(await scheduler.explain(third?.deliveryId ?? grey.message.id)).toEqual([third]);
    const facts = {
      client: 'shop',
      stream: 'x',
      priority: 'low',
      senderDomain: 'a',
      recipientDomain: 'b',
      tag: null,
      sizeBytes: 1,
    } as const;
    expect(scheduler.explainRoute(facts)).toMatchObject({
      route: 'default',
      exits: [{ egress: 'direct', gate: 'busy' }],
    });
  });
});
