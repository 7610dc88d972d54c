import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterMessage, earliestMs, nextStart, paceOf, UNPACED } from './pace.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** The most of these times in any window of that length, wherever it begins. */
function mostWithin(times: readonly number[], windowMs: number): number {
  let from = 0;
  let most = 0;
  for (const [place, at] of times.entries()) {
    while (at - (times[from] ?? 0) >= windowMs) from += 1;
    most = Math.max(most, place - from + 1);
  }
  return most;
}

describe('a rate', () => {
  test.each([
    ['5/s', { count: 5, windowMs: SECOND }, 1, 200],
    ['100/m', { count: 100, windowMs: MINUTE }, 1, 600],
    ['1000/h', { count: 1_000, windowMs: HOUR }, 1, 3_600],
    ['1/d', { count: 1, windowMs: 24 * HOUR }, 1, 24 * HOUR],
    ['10/s', { count: 10, windowMs: SECOND }, 1, 100],
    ['11/s', { count: 11, windowMs: SECOND }, 2, 200],
    ['20/s', { count: 20, windowMs: SECOND }, 5, 250],
    ['1000/s', { count: 1_000, windowMs: SECOND }, 250, 250],
    ['600/m', { count: 600, windowMs: MINUTE }, 1, 100],
    ['1000000/s', { count: 1_000_000, windowMs: SECOND }, 250_000, 250],
  ])('%s is spread evenly', (_, rate, perGroup, distanceMs) => {
    const pace = paceOf(rate);
    expect(pace.perGroup).toBe(perGroup);
    expect(pace.distanceMs).toBeGreaterThan(distanceMs);
    expect(pace.distanceMs).toBeLessThan(distanceMs * 1.01 + 1);
  });

  test('is in no window exceeded, however mail comes', () => {
    const rates = fc.record({
      count: fc.integer({ min: 1, max: 3_000 }),
      windowMs: fc.constantFrom(SECOND, MINUTE, HOUR),
    });
    fc.assert(
      fc.property(rates, fc.array(fc.nat(2_000), { maxLength: 400 }), (rate, waits) => {
        const pace = paceOf(rate);
        let paced = UNPACED;
        let nowMs = 0;
        const times: number[] = [];
        for (const waitMs of waits) {
          nowMs = Math.max(nowMs + waitMs * (rate.windowMs / rate.count / 1_000), earliestMs(paced, pace));
          paced = afterMessage(paced, pace, nowMs);
          times.push(nowMs);
        }
        expect(mostWithin(times, rate.windowMs)).toBeLessThanOrEqual(rate.count);
      }),
    );
  });

  test('leaves the end of a slot to the distance from who comes next', () => {
    const pace = { perGroup: 1, distanceMs: 100 };
    const slot = { fromMs: 1_000, toMs: 1_500 };
    const at = (nowMs: number, lastMs = Number.NEGATIVE_INFINITY): unknown =>
      nextStart({ ...UNPACED, lastMs, inGroup: lastMs > 0 ? 1 : 0 }, { pace, slot, nowMs });
    expect(at(900)).toEqual({ kind: 'at', atMs: 1_000 });
    expect(at(1_400)).toEqual({ kind: 'at', atMs: 1_400 });
    expect(at(1_401)).toEqual({ kind: 'none' });
    expect(at(1_250, 1_200)).toEqual({ kind: 'at', atMs: 1_300 });
    expect(at(1_350, 1_310)).toEqual({ kind: 'none' });
  });
});
