import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { reportedStatus } from '../../feedback/delivery-status.ts';
import type { MessageEvent } from '../../message/event.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';
import { deadlineOf, isLate, planWithin } from './deadline.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

const UPSTREAM: Partial<PolicyInput> = {
  egress: { up: { type: 'smtp', host: 'up.test' } },
  routes: [{ name: 'all', use: ['up'] }],
};
const DROPS: Partial<PolicyInput> = { streams: { transactional: { onLate: 'drop' } } };

function by(scheduling: Scheduling, inMs: number, mode: 'return' | 'notify' = 'return') {
  return { terms: { deliverBy: { atMs: scheduling.clock.nowMs() + inMs, mode, trace: false } } };
}

function ends({ events }: Scheduling): MessageEvent[] {
  return events.filter((event): event is MessageEvent => /^(?:delivered|bounced|expired|discarded)$/.test(event.event));
}

/** All attempts began before that time. */
function expectNoneAfter(scheduling: Scheduling, exit: string, atMs: number): void {
  for (const attempt of scheduling.exit(exit).attempts) expect(attempt.atMs).toBeLessThan(atMs);
}

/** It was returned, and its sender is told so in the words of RFC 3463. */
function expectReturned(scheduling: Scheduling): void {
  expect(ends(scheduling)).toMatchObject([{ event: 'expired', reply: { code: 554, detail: '4.7' } }]);
  const failures = scheduling.notices.filter(({ kind }) => kind !== 'delayed');
  expect(failures).toMatchObject([{ kind: 'expired' }]);
  const [told] = failures[0]?.recipients ?? [];
  if (told === undefined) throw new Error('nobody was told');
  expect(reportedStatus('expired', told)).toBe('5.4.7');
}

describe('mail that is too late', () => {
  scheduled(
    'is returned when its time is over, with what was said last, and not tried once more',
    async (scheduling) => {
      scheduling.exit('direct').answer = () => OUTCOMES.notNow;
      const endMs = scheduling.clock.nowMs() + 3 * MINUTE;
      await scheduling.accept(by(scheduling, 3 * MINUTE));
      await scheduling.drained(4 * MINUTE);
      expect(scheduling.exit('direct').attempts.length).toBeGreaterThan(1);
      expectNoneAfter(scheduling, 'direct', endMs);
      expect(scheduling.clock.nowMs() - endMs).toBeLessThan(5 * SECOND);
      expectReturned(scheduling);
      expect(ends(scheduling)[0]).toMatchObject({ reply: { text: expect.stringContaining('mailbox busy') } });
    },
  );

  scheduled(
    'is dropped where its stream says so: an event tells, and nobody is written to',
    async (scheduling) => {
      scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
      await scheduling.accept({ terms: { expiresAfterMs: 3 * MINUTE } });
      await scheduling.drained(4 * MINUTE);
      expect(ends(scheduling)).toMatchObject([{ event: 'discarded', reply: { code: 554, detail: '4.7' } }]);
      expect(scheduling.notices).toEqual([]);
    },
    { policy: DROPS },
  );

  scheduled(
    'is returned all the same where its client asked for it by SMTP',
    async (scheduling) => {
      scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
      const { deliverBy } = by(scheduling, 2 * MINUTE).terms;
      await scheduling.accept({ terms: { deliverBy, expiresAfterMs: 10 * MINUTE } });
      await scheduling.drained(4 * MINUTE);
      expectReturned(scheduling);
    },
    { policy: DROPS },
  );

  scheduled('is not sent when it comes to its turn in its lane', async (scheduling) => {
    const { clock } = scheduling;
    scheduling.exit('direct').concurrency = 1;
    scheduling.exit('direct').answer = after(clock, 5 * MINUTE);
    await scheduling.accept();
    await clock.advanceUntil(() => scheduling.exit('direct').attempts.length === 1);
    await scheduling.accept(by(scheduling, 30 * SECOND));
    await clock.advanceUntil(() => ends(scheduling).length === 1, { withinMs: 33 * SECOND });
    expectReturned(scheduling);
    await scheduling.drained();
    expect(scheduling.exit('direct').attempts).toHaveLength(1);
  });

  scheduled('is not sent by the connection that becomes free a moment after its time', async (scheduling) => {
    const { clock } = scheduling;
    scheduling.exit('direct').concurrency = 1;
    scheduling.exit('direct').answer = after(clock, 10_450);
    await scheduling.accept();
    await clock.advanceUntil(() => scheduling.exit('direct').attempts.length === 1);
    const [first] = scheduling.exit('direct').attempts;
    const leftMs = (first?.atMs ?? 0) + 10_450 - clock.nowMs();
    await scheduling.accept(by(scheduling, leftMs - 20));
    await scheduling.drained();
    expect(scheduling.exit('direct').attempts).toHaveLength(1);
    expect(
      ends(scheduling)
        .map(({ event }) => event)
        .toSorted(),
    ).toEqual(['delivered', 'expired']);
  });

  scheduled('that was cut off before the final dot is returned, and held against nobody', async (scheduling) => {
    const { clock } = scheduling;
    const exit = scheduling.exit('direct');
    exit.answer = async ({ mail }, signal) => {
      await clock.sleep(10 * SECOND);
      return mail.mayGo?.() === false && signal.aborted ? OUTCOMES.refused : OUTCOMES.delivered;
    };
    await scheduling.accept(by(scheduling, 5 * SECOND));
    await scheduling.drained();
    expect(exit.attempts).toHaveLength(1);
    expectReturned(scheduling);
    await scheduling.accept(by(scheduling, MINUTE));
    await scheduling.drained();
    expect(ends(scheduling).at(-1)).toMatchObject({ event: 'delivered' });
  });

  scheduled(
    'ends while every exit rests, the last of a long queue too, and is never sent when one works again',
    async (scheduling) => {
      const { clock } = scheduling;
      scheduling.exit('up').answer = () => OUTCOMES.exitDown;
      await scheduling.accept();
      await scheduling.elapsed(15 * SECOND);
      const endMs = clock.nowMs() + 2 * MINUTE;
      for (let n = 0; n < 120; n++)
        await scheduling.store({ to: [`a${n}@d${n % 3}.test`], ...by(scheduling, 2 * MINUTE) });
      await clock.advanceUntil(() => ends(scheduling).length === 120, { stepMs: 5_000, withinMs: 4 * MINUTE });
      expect(new Set(ends(scheduling).map(({ event }) => event))).toEqual(new Set(['expired']));
      scheduling.exit('up').answer = () => OUTCOMES.delivered;
      await scheduling.drained(30 * MINUTE);
      const sent = scheduling.exit('up').attempts.filter(({ atMs }) => atMs >= endMs);
      expect(new Set(sent.map(({ mail }) => mail.domain))).toEqual(new Set(['dest.test']));
    },
    { policy: UPSTREAM },
  );

  scheduled('that was held is returned once it is released, and not before', async (scheduling) => {
    const { clock, spool } = scheduling;
    await scheduling.store({ dueAtMs: clock.nowMs() + MINUTE, terms: { expiresAfterMs: 5 * MINUTE } });
    expect(await spool.hold({}, clock.nowMs())).toBe(1);
    await scheduling.elapsed(10 * MINUTE);
    expect(ends(scheduling)).toEqual([]);
    await spool.release({}, clock.nowMs());
    scheduling.scheduler.wake();
    await scheduling.drained();
    expectReturned(scheduling);
    expect(scheduling.exit('direct').attempts).toEqual([]);
  });

  scheduled('is not sent by the relay that starts after the one that died', async (scheduling) => {
    scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
    await scheduling.accept({ terms: { expiresAfterMs: 2 * MINUTE } });
    await scheduling.clock.advanceUntil(() => scheduling.exit('direct').attempts.length === 1);
    scheduling.clock.jumpMs(HOUR);
    await scheduling.restart();
    await scheduling.drained();
    expect(scheduling.exit('direct').attempts).toHaveLength(1);
    expectReturned(scheduling);
  });

  scheduled('is late by its age where the clock was set back', async (scheduling) => {
    scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
    await scheduling.accept({ terms: { expiresAfterMs: 10 * MINUTE } });
    await scheduling.elapsed(5 * MINUTE);
    scheduling.clock.jumpMs(-3 * MINUTE);
    await scheduling.elapsed(5.5 * MINUTE);
    const tried = scheduling.exit('direct').attempts.length;
    scheduling.exit('direct').answer = () => OUTCOMES.delivered;
    await scheduling.spool.retry({}, scheduling.clock.nowMs());
    scheduling.scheduler.wake();
    await scheduling.drained(10 * SECOND);
    expect(scheduling.exit('direct').attempts).toHaveLength(tried);
    expectReturned(scheduling);
  });

  scheduled('counts from the time at which it was to be sent', async (scheduling) => {
    const { clock } = scheduling;
    const sendAtMs = clock.nowMs() + HOUR;
    await scheduling.accept({ dueAtMs: sendAtMs, terms: { sendAtMs, expiresAfterMs: MINUTE } });
    await scheduling.drained(2 * HOUR);
    expect(ends(scheduling)).toMatchObject([{ event: 'delivered' }]);
  });
});

describe('mail whose sender wants to hear of it', () => {
  scheduled('is told of when it is late, once, and goes on', async (scheduling) => {
    const exit = scheduling.exit('direct');
    exit.answer = ({ number }) => (number < 5 ? OUTCOMES.greylisted : OUTCOMES.delivered);
    const lateMs = scheduling.clock.nowMs() + 3 * MINUTE;
    await scheduling.accept(by(scheduling, 3 * MINUTE, 'notify'));
    await scheduling.clock.advanceUntil(() => scheduling.notices.length === 1, { withinMs: 4 * MINUTE });
    expect(scheduling.notices).toMatchObject([{ kind: 'delayed' }]);
    expect(scheduling.clock.nowMs()).toBeGreaterThanOrEqual(lateMs);
    await scheduling.drained(2 * HOUR);
    expect(ends(scheduling)).toMatchObject([{ event: 'delivered' }]);
    expect(scheduling.notices).toHaveLength(1);
  });

  scheduled('is told of whom it was handed to where the sender asked for a trace', async (scheduling) => {
    const deliverBy = { atMs: scheduling.clock.nowMs() + MINUTE, mode: 'notify', trace: true } as const;
    await scheduling.accept({ terms: { deliverBy } });
    await scheduling.drained();
    expect(scheduling.notices).toMatchObject([{ kind: 'relayed', recipients: [{ host: 'mx.dest.test' }] }]);
  });

  scheduled('is not told of when it is in time', async (scheduling) => {
    await scheduling.accept(by(scheduling, MINUTE, 'notify'));
    await scheduling.drained();
    await scheduling.elapsed(2 * MINUTE);
    expect(scheduling.notices).toEqual([]);
  });
});

test('a deadline is the first of those that a message has, and never leaves more time than the plan', () => {
  const policy = policySchema.parse({ hostname: 'relay.test' });
  const at = fc.option(fc.integer({ min: 0, max: 10_000_000 }), { nil: undefined });
  fc.assert(
    fc.property(at, at, at, fc.nat(9_000_000), (byMs, expiresAtMs, expiresAfterMs, nowMs) => {
      const { message: plain } = aSubmission({ atMs: 0 });
      const message = {
        ...plain,
        ...(byMs === undefined ? {} : { deliverBy: { atMs: byMs, mode: 'return' as const, trace: false } }),
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
        ...(expiresAfterMs === undefined ? {} : { expiresAfterMs }),
      };
      const now = { nowMs, ageMs: nowMs };
      const deadline = deadlineOf(message, policy, now);
      const given = [byMs, expiresAtMs, expiresAfterMs].filter((one) => one !== undefined);
      expect(deadline?.atMs).toBe(given.length === 0 ? undefined : Math.min(...given));
      expect(isLate(message, policy, () => now)).toBe(given.some((one) => one <= nowMs));
      const plan = planWithin(policy.retry, { message, deadline, now });
      expect(plan.expireMs).toBeLessThanOrEqual(policy.retry.expireMs);
      if (deadline !== null) expect(plan.expireMs - now.ageMs).toBeLessThanOrEqual(deadline.leftMs);
    }),
  );
});
