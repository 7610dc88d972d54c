import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEVER = new AbortController().signal;

async function stopped(scheduling: Scheduling, signal = NEVER): Promise<void> {
  let over = false;
  const stop = scheduling.scheduler.stop(signal).then(() => (over = true));
  await scheduling.clock.advanceUntil(() => over, { stepMs: 500 });
  await stop;
}

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
      // After one extension of the leases, before the next, and before the next look for those of dead nodes.
      await scheduling.elapsed(25 * SECOND - clock.monotonicMs());
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
    const plain = aSubmission({ atMs: clock.nowMs(), dueAtMs: sendAtMs });
    await spool.accept({ ...plain, message: { ...plain.message, sendAtMs } });
    await stopped(scheduling);
    await clock.advance(10 * DAY - MINUTE);
    await scheduling.restart();
    scheduling.exit('direct').answer = ({ number }) => (number < 4 ? OUTCOMES.greylisted : OUTCOMES.delivered);
    await scheduling.drained(HOUR);
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1, expired: 0 } });
  });
});
