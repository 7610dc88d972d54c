import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../tests/fakes/scripted-egress.ts';

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
});
