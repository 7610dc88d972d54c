import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_OUTCOMES } from './outcome-figures.ts';
import { regressionCause, stepsOf, warmupOf } from './warmup.ts';

/** Days 1, 2, … of a month. */
function day(number: number): string {
  return `2026-11-${String(number).padStart(2, '0')}`;
}

function days(...numbers: readonly number[]): Set<string> {
  return new Set(numbers.map(day));
}

type Case = {
  readonly sent?: Set<string>;
  readonly regressed?: Set<string>;
  readonly today: number;
  readonly start?: string;
  readonly dailyLimit?: number | null;
  readonly schedule?: number[];
};

function capOf({ sent = days(), regressed = days(), today, dailyLimit = 500, ...terms }: Case): number | string {
  const warmup = warmupOf({ terms, dailyLimit, days: { sent, regressed }, today: day(today) });
  return warmup.kind === 'warming' ? warmup.cap : warmup.kind;
}

describe('the standard warm-up', () => {
  test.each([
    { dailyLimit: 500, steps: [50, 100, 200, 300, 400, 500] },
    { dailyLimit: 200, steps: [20, 40, 80, 120, 160, 200] },
    { dailyLimit: 3, steps: [1, 1, 1, 1, 2, 3] },
    { dailyLimit: null, steps: [50, 100, 200, 300, 400, 500] },
  ])('of $dailyLimit a day is $steps', ({ dailyLimit, steps }) => {
    expect(stepsOf({}, dailyLimit)).toEqual(steps);
  });

  test('goes up with each day on which it sent, until the daily limit alone holds', () => {
    const caps = [0, 1, 2, 3, 4, 5, 6, 7].map((before) =>
      capOf({ sent: days(...Array.from({ length: before }, (_, place) => place + 1)), today: before + 1 }),
    );
    expect(caps).toEqual([50, 100, 200, 300, 400, 500, 'done', 'done']);
  });

  test('counts days on which it sent, and no others', () => {
    expect(capOf({ sent: days(1, 5), today: 20 })).toBe(200);
    // Today is not over.
    expect(capOf({ sent: days(1, 5, 20), today: 20 })).toBe(200);
  });
});

describe('a warm-up with a start', () => {
  test('sends nothing before it, and does not count what was before', () => {
    const terms = { sent: days(1, 2, 3), start: day(10) };
    expect(capOf({ ...terms, today: 9 })).toBe('before');
    expect(capOf({ ...terms, today: 10 })).toBe(50);
    expect(capOf({ ...terms, sent: days(1, 2, 3, 10), today: 11 })).toBe(100);
  });
});

describe('an own schedule', () => {
  test('is kept, below the daily limit', () => {
    const terms = { schedule: [5, 10, 1_000] };
    expect([capOf({ ...terms, today: 1 }), capOf({ ...terms, sent: days(1), today: 2 })]).toEqual([5, 10]);
    expect(capOf({ ...terms, sent: days(1, 2), today: 3 })).toBe(500);
    expect(capOf({ ...terms, sent: days(1, 2), today: 3, dailyLimit: null })).toBe(1_000);
    expect(capOf({ ...terms, sent: days(1, 2, 3), today: 4, dailyLimit: null })).toBe('done');
  });
});

describe('a warm-up that regressed', () => {
  test('has a step less at once, and the same again tomorrow', () => {
    const sent = days(1, 2, 3, 4);
    expect(capOf({ sent: days(1, 2, 3), today: 4 })).toBe(300);
    expect(capOf({ sent, regressed: days(4), today: 4 })).toBe(200);
    expect(capOf({ sent, regressed: days(4), today: 5 })).toBe(200);
    expect(capOf({ sent: days(1, 2, 3, 4, 5), regressed: days(4), today: 6 })).toBe(300);
  });

  test('day after day is back where it began, and not below', () => {
    expect(capOf({ sent: days(1, 2, 3, 4, 5, 6, 7, 8), regressed: days(4, 5, 6, 7), today: 8 })).toBe(50);
  });

  test('is not taken up again once it is over', () => {
    expect(capOf({ sent: days(1, 2, 3, 4, 5, 6), regressed: days(7), today: 7 })).toBe('done');
  });
});

test('a cap is never above the daily limit, nor above the step that days of sending can have reached', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 28 }), { maxLength: 28 });
  const schedules = fc.option(
    fc
      .array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 10 })
      .map((steps) => steps.sort((a, b) => a - b)),
  );
  fc.assert(
    fc.property(
      numbers,
      numbers,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 1_000 }),
      schedules,
      (sent, regressed, today, dailyLimit, schedule) => {
        const terms = schedule === null ? {} : { schedule };
        const ask = {
          terms,
          dailyLimit,
          days: { sent: days(...sent), regressed: days(...regressed) },
          today: day(today),
        };
        const steps = stepsOf(terms, dailyLimit);
        const before = sent.filter((number) => number < today).length;
        const now = warmupOf(ask);
        if (now.kind === 'done') expect(before).toBeGreaterThanOrEqual(steps.length);
        if (now.kind !== 'warming') return;
        expect(now.cap).toBeLessThanOrEqual(Math.min(dailyLimit, steps[Math.min(before, steps.length - 1)] ?? 0));
        const worse = warmupOf({ ...ask, days: { sent: ask.days.sent, regressed: days(...regressed, today) } });
        expect(worse.kind === 'warming' && worse.cap <= now.cap).toBe(true);
      },
    ),
  );
});

describe('a day’s outcomes', () => {
  const regress = { deferred: 20, bounced: 5, complained: 0.3 };
  test.each([
    { name: 'all is well', outcomes: { delivered: 100 }, cause: null },
    { name: 'at the threshold', outcomes: { delivered: 75, deferred: 20, bounced: 5 }, cause: null },
    { name: 'deferred', outcomes: { delivered: 79, deferred: 21 }, cause: '21 of 100 (21 %) deferred, more than 20 %' },
    {
      name: 'blocked',
      outcomes: { delivered: 94, bounced: 3, blocked: 3 },
      cause: '6 of 100 (6 %) bounced or blocked, more than 5 %',
    },
    { name: 'one complaint', outcomes: { delivered: 30, complained: 1 }, cause: null },
    {
      name: 'two complaints',
      outcomes: { delivered: 400, complained: 2 },
      cause: '2 of 400 (0.5 %) complaints, more than 0.3 %',
    },
    { name: 'two unknown users of 34', outcomes: { delivered: 32, bounced: 2 }, cause: null },
    { name: 'four unknown users of 20', outcomes: { delivered: 16, bounced: 4 }, cause: null },
    {
      name: 'five unknown users of 34',
      outcomes: { delivered: 29, bounced: 5 },
      cause: '5 of 34 (14.7 %) bounced or blocked, more than 5 %',
    },
    { name: 'nine deferred of 20', outcomes: { delivered: 11, deferred: 9 }, cause: null },
    {
      name: 'ten deferred of 20',
      outcomes: { delivered: 10, deferred: 10 },
      cause: '10 of 20 (50 %) deferred, more than 20 %',
    },
    { name: 'too few to say', outcomes: { delivered: 1, deferred: 18 }, cause: null },
    {
      name: 'both',
      outcomes: { delivered: 10, deferred: 20, bounced: 10 },
      cause: '20 of 40 (50 %) deferred, more than 20 %, 10 of 40 (25 %) bounced or blocked, more than 5 %',
    },
  ])('$name', ({ outcomes, cause }) => {
    expect(regressionCause(regress, { ...NO_OUTCOMES, ...outcomes })).toBe(cause);
  });
});
