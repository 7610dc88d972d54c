import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import {
  dayName,
  hourName,
  type LimitSender,
  type LimitSettings,
  mostIn,
  senderOn,
  termsOf,
} from '../../../tests/fakes/limit-sender.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Shortly before midnight. */
const LATE = Date.UTC(2026, 9, 24, 21, 59, 40);

/** What may happen, in any order. */
const happenings = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      who: fc.nat(3),
      most: fc.integer({ min: 1, max: 40 }),
      provider: fc.constantFrom('google', 'outlook', 'other'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 90 * MINUTE }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3 * SECOND }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refund' as const), who: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), who: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -HOUR / 2, max: 3 * HOUR }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), how: fc.constantFrom('no', 'undone', 'done') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('limits' as const),
      daily: fc.integer({ min: 1, max: 60 }),
      hourly: fc.integer({ min: 1, max: 30 }),
      part: fc.constantFrom(1, 1, 0.5, 0.1),
    }),
  },
);
type Happening = typeof happenings extends fc.Arbitrary<infer One> ? One : never;

/** Nothing that changes what holds, and no long waits. */
const calm = happenings
  .filter(({ kind }) => kind !== 'jump' && kind !== 'limits')
  .map((one) => (one.kind === 'pass' ? { ...one, ms: one.ms % (20 * SECOND) } : one));

describe('whatever happens', () => {
  const most = { daily: 60, hourly: 30 };

  async function played(
    script: readonly Happening[],
    fixed: LimitSettings,
    startMs = Date.UTC(2026, 9, 24, 20),
  ): Promise<{ all: LimitSender[]; clock: FakeClock }> {
    // The night before a day of 25 hours.
    const clock = new FakeClock(startMs, { uneven: true });
    let latencyMs = 0;
    const quotas: FakeQuotas = Object.assign(fakeQuotas(clock), { latencyMs: () => latencyMs });
    let settings: LimitSettings = { ...most, ...fixed };
    const all = Array.from({ length: 4 }, () => senderOn(clock, quotas, settings));
    const living = [...all];
    for (const one of script) {
      const who = 'who' in one ? living[one.who] : undefined;
      if (one.kind === 'send') who?.send(one.most, one.provider);
      else if (one.kind === 'refund') void who?.refund();
      else if (one.kind === 'jump') clock.jumpMs(one.ms);
      else if (one.kind === 'slow') latencyMs = one.ms;
      else if (one.kind === 'fail') quotas.failing = one.how as FakeQuotas['failing'];
      else if (one.kind === 'die') {
        who?.die();
        living[one.who] = senderOn(clock, quotas, settings);
        all.push(living[one.who] as LimitSender);
      } else if (one.kind === 'limits') {
        settings = { ...one, ...fixed };
        for (const each of living) each.limits.adjust(termsOf(settings));
      } else {
        for (const each of living) each.limits.tick();
        await clock.advance(one.ms);
      }
    }
    await clock.advance(SECOND);
    return { all, clock };
  }

  test('no day and no hour has more than its limit', async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happenings, { minLength: 20, maxLength: 60 }), async (script) => {
        const { all } = await played(script, {});
        const times = all.flatMap((one) => one.sent);
        sent += times.length;
        expect(mostIn(times, dayName)).toBeLessThanOrEqual(most.daily);
        expect(mostIn(times, hourName)).toBeLessThanOrEqual(most.hourly);
      }),
      { numRuns: 100 },
    );
    // It was about something.
    expect(sent).toBeGreaterThan(500);
  });

  test('no provider has more in a day than its part of a warm-up, and the day no more than its limit', async () => {
    let sent = 0;
    const caps = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(happenings, { minLength: 20, maxLength: 60 }), caps, async (script, cap) => {
        const { all } = await played(script, { cap, perProvider: true });
        sent += all.flatMap((one) => one.sent).length;
        for (const provider of ['google', 'outlook', 'other']) {
          const times = all.flatMap((one) => one.sent.filter((_, place) => one.sentTo[place] === provider));
          expect(mostIn(times, dayName)).toBeLessThanOrEqual(cap);
        }
        const times = all.flatMap((one) => one.sent);
        expect(mostIn(times, dayName)).toBeLessThanOrEqual(most.daily);
        expect(mostIn(times, hourName)).toBeLessThanOrEqual(most.hourly);
      }),
      { numRuns: 60 },
    );
    expect(sent).toBeGreaterThan(300);
  });

  test('a rate that has mail wait beyond midnight breaks no day', async () => {
    let sent = 0;
    const pace = fc.record({
      daily: fc.integer({ min: 1, max: 20 }),
      delayMs: fc.integer({ min: 50, max: 20 * SECOND }),
      rate: fc.option(fc.constant({ count: 20, windowMs: MINUTE })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(calm, { minLength: 20, maxLength: 50 }), pace, async (script, { rate, ...fixed }) => {
        const { all } = await played(
          [{ kind: 'slow', ms: 300 }, ...script],
          { ...fixed, hourly: 5_000, ...(rate === null ? {} : { rate }) },
          LATE,
        );
        const times = all.flatMap((one) => one.sent);
        sent += times.length;
        expect(mostIn(times, dayName)).toBeLessThanOrEqual(fixed.daily);
      }),
      { numRuns: 40 },
    );
    expect(sent).toBeGreaterThan(100);
  });

  test('no two messages are closer than the delay, and no window has more than the rate', async () => {
    let sent = 0;
    const paces = fc.record({
      delayMs: fc.integer({ min: 50, max: 3 * SECOND }),
      count: fc.integer({ min: 1, max: 90 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(calm, { minLength: 20, maxLength: 50 }), paces, async (script, { delayMs, count }) => {
        const rate = { count, windowMs: MINUTE };
        const { all } = await played(script, { daily: 5_000, hourly: 5_000, delayMs, rate });
        const times = all.flatMap((one) => one.sent).sort((a, b) => a - b);
        sent += times.length;
        for (const [place, at] of times.slice(1).entries())
          expect(at - (times[place] ?? 0)).toBeGreaterThanOrEqual(delayMs);
        for (const [place, at] of times.entries()) {
          const after = times[place + count];
          if (after !== undefined) expect(after - at).toBeGreaterThanOrEqual(MINUTE);
        }
      }),
      { numRuns: 30 },
    );
    expect(sent).toBeGreaterThan(200);
  });
});
