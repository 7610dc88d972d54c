import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testPolicy } from '../../tests/fakes/exits.ts';
import { afterCheck, parseHealth, SOON_MS, type Health } from './health.ts';

const { health } = testPolicy();
const EVERY_MS = 300_000;

/** What a row of checks comes to: each is made when it is due. `delivered`: mail went out before each of them. */
function course(
  checks: readonly ('ok' | 'bad')[],
  {
    delivered = false,
    refused = false,
    ...more
  }: Partial<typeof health> & { delivered?: boolean; refused?: boolean } = {},
) {
  let nowMs = 1_000_000;
  let state: Health | null = null;
  return checks.map((check) => {
    const at = nowMs;
    state = afterCheck(state, check === 'ok' ? null : { cause: 'refused', refused }, {
      nowMs,
      health: { ...health, ...more },
      delivered,
    });
    nowMs = state.nextAtMs;
    return { state, waitMs: nowMs - at };
  });
}

const isDown = ({ state }: { readonly state: Health }): boolean => state.downSinceMs !== null;

describe('an exit', () => {
  test('that works is checked every 5 minutes', () => {
    expect(course(['ok', 'ok', 'ok']).map(({ waitMs }) => waitMs)).toEqual([EVERY_MS, EVERY_MS, EVERY_MS]);
  });

  test('is down with the second check in a row that fails, half a minute after the first', () => {
    const [first, second] = course(['bad', 'bad']);
    expect(first).toMatchObject({ waitMs: SOON_MS, state: { failures: 1, downSinceMs: null } });
    expect(second).toMatchObject({ state: { failures: 2, downSinceMs: 1_000_000 + SOON_MS, cause: 'refused' } });
  });

  test('that failed now and then is not down', () => {
    expect(course(['bad', 'ok', 'bad', 'ok', 'bad']).some(isDown)).toBe(false);
  });

  const waits = (refused: boolean): number[] =>
    course(
      Array.from({ length: 8 }, () => 'bad' as const),
      { refused },
    ).map(({ waitMs }) => waitMs / 1_000);

  test('that is down is checked so often that mail goes by it within a minute of its return', () => {
    expect(waits(false)).toEqual([30, 30, 50, 50, 50, 50, 50, 50]);
  });

  test('that refuses the sign-in is checked at distances that double up to the usual one', () => {
    expect(waits(true)).toEqual([30, 30, 60, 120, 240, 300, 300, 300]);
  });

  test('is up again with the first check that works', () => {
    const last = course(['bad', 'bad', 'bad', 'ok']).at(-1);
    expect(last).toMatchObject({ state: { failures: 0, downSinceMs: null, cause: '' }, waitMs: EVERY_MS });
  });

  test('that delivers mail between the checks is not down, whatever they say', () => {
    expect(course(['bad', 'bad', 'bad', 'bad'], { delivered: true }).some(isDown)).toBe(false);
  });

  test('is down at once where one check decides', () => {
    expect(course(['bad'], { downAfter: 1 }).map(isDown)).toEqual([true]);
  });

  test('goes down after exactly so many failures in a row, up with a success, and is never left for longer than usual', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('ok' as const, 'bad' as const), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1_000, max: 3_600_000 }),
        (checks, downAfter, every) => {
          let row = 0;
          for (const [at, step] of course(checks, { downAfter, every }).entries()) {
            row = checks[at] === 'ok' ? 0 : row + 1;
            expect(isDown(step)).toBe(row >= downAfter);
            expect(step.waitMs).toBeGreaterThan(0);
            expect(step.waitMs).toBeLessThanOrEqual(every);
          }
        },
      ),
    );
  });
});

test.each(['', 'null', '[]', '{', '{"failures":"2"}'])('a mark that says %s says nothing', (text) => {
  expect(parseHealth(text)).toBeNull();
});
