import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolWith } from '../../tests/fakes/spool-between.ts';
import type { Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
/** Fewer than a lease has, and more than it may have left when mail goes out. */
const MOST_OF_A_LEASE_MS = 11 * SECOND;

/** What attempts heard when they asked, at the moment of MAIL, whether they may go. */
function mailAfter(scheduling: Scheduling, before: () => Promise<void>): boolean[] {
  const heard: boolean[] = [];
  scheduling.exit('direct').answer = async ({ mail }, signal) => {
    await before();
    heard.push(mail.mayGo?.() ?? true);
    expect(signal.aborted).toBe(heard.at(-1) === false);
    return signal.aborted ? OUTCOMES.refused : OUTCOMES.delivered;
  };
  return heard;
}

describe('an attempt that has a connection', () => {
  let silent = false;
  const extendingNothing = (spool: Spool): Spool =>
    spoolWith(spool, { extend: (...args) => (silent ? new Promise(() => undefined) : spool.extend(...args)) });
  scheduled(
    'sends no MAIL once its lease may be over and nobody could extend it',
    async (scheduling) => {
      silent = true;
      const heard = mailAfter(scheduling, () => scheduling.clock.sleep(MOST_OF_A_LEASE_MS));
      await scheduling.accept();
      await scheduling.clock.advanceUntil(() => heard.length > 0, { stepMs: SECOND, withinMs: MINUTE });
      expect(heard).toEqual([false]);
    },
    { between: extendingNothing },
  );

  scheduled('sends its MAIL after as long where the lease was extended', async (scheduling) => {
    const heard = mailAfter(scheduling, () => scheduling.clock.sleep(MOST_OF_A_LEASE_MS));
    await scheduling.accept();
    await scheduling.drained();
    expect(heard).toEqual([true]);
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 0 });
  });

  scheduled('sends no MAIL right after its machine was suspended, and goes again soon', async (scheduling) => {
    const { clock } = scheduling;
    let isFirst = true;
    const heard = mailAfter(scheduling, async () => {
      // Monotonic time stands still meanwhile.
      if (isFirst) clock.jumpMs(MOST_OF_A_LEASE_MS);
      isFirst = false;
    });
    await scheduling.accept();
    await scheduling.drained(MINUTE);
    expect(heard).toEqual([false, true]);
    const [first, second] = scheduling.exit('direct').attempts.map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBeLessThan(MOST_OF_A_LEASE_MS + 3 * SECOND);
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1 }, possibleDuplicates: 0 });
  });

  scheduled('is not kept long by a clock that is set', async (scheduling) => {
    const { clock } = scheduling;
    for (const byMs of [MINUTE, -MINUTE, MOST_OF_A_LEASE_MS]) {
      clock.jumpMs(byMs);
      await clock.advance(1_500);
      const before = scheduling.exit('direct').attempts.length;
      await scheduling.accept();
      // The store answers in real time: small steps.
      const isTried = (): boolean => scheduling.exit('direct').attempts.length > before;
      await clock.advanceUntil(isTried, { stepMs: 10, withinMs: 10 * SECOND });
    }
    await scheduling.drained();
    expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 3 }, possibleDuplicates: 0 });
  });
});
