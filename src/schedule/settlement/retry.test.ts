import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policySchema } from '../../policy/schema.ts';
import { cutToDeadlines, deadlinesOf, delayAfter, looksGreylisted, retryDelayMs, slowedDelayMs } from './retry.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const { retry: plan } = policySchema.parse({ hostname: 'relay.test' });

/** Waits of a message that never gets through, in minutes, until its time is over. */
function scheduleOf(fraction: number): number[] {
  const waits: number[] = [];
  let ageMs = 0;
  for (let attempts = 1; ; attempts++) {
    const deadlines = deadlinesOf(plan, { ageMs, warned: ageMs >= 4 * HOUR });
    if (deadlines.expiresInMs <= 0) return waits;
    const delayMs = cutToDeadlines(retryDelayMs(plan, attempts, fraction), deadlines);
    waits.push(delayMs / MINUTE);
    ageMs += delayMs;
  }
}

test('a message is tried along the whole plan, when its sender is to be told of the delay, and when its time is over', () => {
  const waits = scheduleOf(0.5);
  // 1 + 5 + 15 + 30 + 60 minutes, then 2 h, cut at the age of 4 h; then every 4 h until 72 h.
  expect(waits).toEqual([1, 5, 15, 30, 60, 120, 9, ...Array.from({ length: 17 }, () => 240)]);
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(72 * 60);
});

test.each([
  [0, 0.85],
  [0.5, 1],
  [0.999_999, 1.15],
])('jitter: a fraction of %d makes %d of a delay', (fraction, share) => {
  expect(retryDelayMs(plan, 2, fraction)).toBeCloseTo(5 * MINUTE * share, -2);
});

test('no wait is ever shorter than a second, nor past the end of the time', () => {
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: -HOUR, max: 80 * HOUR }),
      (attempts, fraction, ageMs) => {
        const deadlines = deadlinesOf(plan, { ageMs, warned: false });
        const delayMs = cutToDeadlines(retryDelayMs(plan, attempts, fraction), deadlines);
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        if (deadlines.expiresInMs > 1_000) expect(delayMs).toBeLessThanOrEqual(deadlines.expiresInMs);
      },
    ),
  );
});

test('without warnAfter there is no such deadline', () => {
  expect(deadlinesOf({ ...plan, warnAfterMs: null }, { ageMs: 0, warned: false }).warnsInMs).toBeNull();
  expect(deadlinesOf(plan, { ageMs: 5 * HOUR, warned: true }).warnsInMs).toBeNull();
});

test.each([
  [{ code: 451, detail: '7.1', text: 'Greylisted, please try again in 300 seconds' }, true],
  [{ code: 450, detail: '7.1', text: 'Try again later' }, true],
  [{ code: 450, detail: '2.0', text: 'Recipient address rejected: Greylisted' }, true],
  [{ code: 451, detail: '4.2', text: 'graylisting in action' }, true],
  [{ code: 421, detail: '7.1', text: 'slow down' }, false],
  [{ code: 450, detail: '2.1', text: 'mailbox busy' }, false],
  [{ code: 550, detail: '7.1', text: 'Greylist: blocked for good' }, false],
])('%o: greylisting is %s', (reply, expected) => {
  expect(looksGreylisted(reply)).toBe(expected);
  expect(looksGreylisted(null)).toBe(false);
});

test.each<[string, number, number]>([
  ['Greylisted', 1, 5],
  ['Greylisted, please try again in 600 seconds', 1, 10],
  ['greylisted for 2 minutes', 1, 2],
  ['Greylisting in action, please come back in 00:04:30', 1, 4.5],
  ['greylisted: come back in 5 seconds', 1, 1],
  ['greylisted for 99999 minutes', 1, 60],
  ['greylisted', 3, 5],
  // It is always greylisted: the plan, and no less than what it says.
  ['greylisted', 5, 60],
  ['greylisted for 600 seconds', 5, 60],
])('“%s” after %d attempts is tried again after %d minutes and a little', (text, attempts, minutes) => {
  for (const fraction of [0, 0.5, 0.999]) {
    const delayMs = delayAfter(plan, { code: 451, detail: '7.1', text }, { attempts, fraction });
    const least = attempts > 3 ? 0.85 : 1;
    expect(delayMs / MINUTE).toBeGreaterThanOrEqual(minutes * least);
    expect(delayMs / MINUTE).toBeLessThanOrEqual(minutes * 1.15);
  }
});

test('a full mailbox is left alone for an hour, and later as the plan says', () => {
  const full = { code: 452, detail: '2.2', text: 'mailbox full' };
  expect(delayAfter(plan, full, { attempts: 1, fraction: 0.5 })).toBe(HOUR);
  expect(delayAfter(plan, full, { attempts: 7, fraction: 0.5 })).toBe(4 * HOUR);
  expect(delayAfter(plan, { code: 450, detail: '2.1', text: 'busy' }, { attempts: 1, fraction: 0.5 })).toBe(MINUTE);
  expect(delayAfter(plan, null, { attempts: 2, fraction: 0.5 })).toBe(5 * MINUTE);
});

test('what asked for less is tried again after a third of its age, within a minute and half an hour', () => {
  expect([0, 9 * MINUTE, 10 * HOUR].map((ageMs) => slowedDelayMs(ageMs, 0.5) / MINUTE)).toEqual([1, 3, 30]);
});
