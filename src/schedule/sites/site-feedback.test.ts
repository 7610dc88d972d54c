import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterSiteSignal,
  freshSiteFeedback,
  isNarrowed,
  isShut,
  siteConnections,
  withSiteMost,
  type SiteFeedback,
  type SiteSignal,
} from './site-feedback.ts';

const MINUTE = 60_000;

/** One attempt after the other, each ended before the next begins, so many ms apart. */
function after(
  signals: readonly SiteSignal[],
  { most = 8, stepMs = 1_000, from = freshSiteFeedback(most, null) } = {},
): SiteFeedback {
  let number = 1;
  let nowMs = 0;
  let feedback = from;
  for (const signal of signals) {
    nowMs += stepMs;
    feedback = afterSiteSignal(feedback, signal, { number, next: number + 1, nowMs });
    number += 1;
  }
  return feedback;
}

const times = (count: number, signal: SiteSignal): SiteSignal[] => Array.from({ length: count }, () => signal);

describe('a site that asks for less', () => {
  test('gets half the connections at once, then fewer messages, each time with a longer pause', () => {
    const steps = [1, 2, 3, 4, 5].map((count) => after(times(count, 'slower'), { stepMs: 0 }));
    expect(steps.map(({ limit, everyMs, shutUntilMs }) => [limit, everyMs, shutUntilMs])).toEqual([
      [4, 0, 10_000],
      [2, 0, 20_000],
      [1, 0, 40_000],
      [1, 1_000, 80_000],
      [1, 2_000, 160_000],
    ]);
  });

  test('is given no more than 5 minutes of pause, and a message a minute', () => {
    const feedback = after(times(40, 'slower'), { stepMs: 0 });
    expect(feedback).toMatchObject({ limit: 1, everyMs: MINUTE, shutUntilMs: 5 * MINUTE });
  });

  test('is heard once of what was under way together', () => {
    let feedback = freshSiteFeedback(8, null);
    for (let number = 1; number <= 8; number++)
      feedback = afterSiteSignal(feedback, 'slower', { number, next: 9, nowMs: 0 });
    expect(feedback).toMatchObject({ limit: 4, setbacks: 1 });
  });

  test('gets more again step by step, first messages, then connections', () => {
    const low = after(times(5, 'slower'), { most: 4, stepMs: 0 });
    expect(low).toMatchObject({ limit: 1, everyMs: 4_000 });
    const steps = [5, 10, 15, 20, 25, 30].map((count) => after(times(count, 'success'), { from: low, stepMs: MINUTE }));
    expect(steps.map(({ limit, everyMs }) => [limit, everyMs])).toEqual([
      [1, 2_000],
      [1, 1_000],
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
    ]);
    expect(isNarrowed(steps.at(-1) ?? low)).toBe(false);
  });
});

describe('a site that refuses the address of an exit', () => {
  test('once or twice stops nothing: a text may have been read wrongly', () => {
    expect(isNarrowed(after(times(2, 'blocked')))).toBe(false);
    expect(isNarrowed(after(['blocked', 'blocked', 'success', 'blocked', 'blocked']))).toBe(false);
  });

  test('three times in a row is left alone for half an hour, then ever longer, up to 4 hours', () => {
    let feedback = after(times(3, 'blocked'), { stepMs: 0 });
    const rests = [];
    for (let count = 0; count < 5; count++) {
      const untilMs = feedback.shutUntilMs ?? 0;
      expect(feedback.why).toBe('blocked');
      expect(isShut(feedback, untilMs)).toBe(false);
      expect(siteConnections(feedback)).toBe(1);
      feedback = afterSiteSignal(feedback, 'blocked', { number: 9, next: 10, nowMs: untilMs });
      rests.push((feedback.shutUntilMs ?? 0) - untilMs);
    }
    expect(rests.map((ms) => ms / MINUTE)).toEqual([60, 120, 240, 240, 240]);
    expect(after(['success'], { from: feedback, stepMs: 1e9 })).toMatchObject({
      rests: 0,
      blocks: 0,
      shutUntilMs: null,
    });
  });

  test('is not left alone for longer by what was under way', () => {
    const feedback = after(times(8, 'blocked'), { stepMs: 1_000 });
    expect(feedback.shutUntilMs).toBe(3_000 + 30 * MINUTE);
  });
});

test('what was learnt stays within another limit of the policy', () => {
  const slowed = after(['slower'], { most: 8 });
  expect(withSiteMost(slowed, 20)).toMatchObject({ limit: 4, most: 20 });
  expect(withSiteMost(slowed, 3)).toMatchObject({ limit: 3, most: 3 });
  expect(withSiteMost(freshSiteFeedback(8, null), 20)).toMatchObject({ limit: 20, most: 20 });
});

test('what was learnt before is where it begins, within the policy', () => {
  expect(freshSiteFeedback(8, { limit: 3, everyMs: 2_000, rests: 0, shutUntilMs: null })).toMatchObject({
    limit: 3,
    everyMs: 2_000,
  });
  expect(freshSiteFeedback(2, { limit: 3, everyMs: 1e9, rests: 0, shutUntilMs: null })).toMatchObject({
    limit: 2,
    everyMs: MINUTE,
  });
});

test('whatever a site says, something may go there one day, and never more than the policy allows', () => {
  const signal = fc.constantFrom<SiteSignal>('success', 'slower', 'blocked', 'none');
  fc.assert(
    fc.property(fc.array(fc.tuple(signal, fc.nat(100_000))), fc.integer({ min: 1, max: 50 }), (heard, most) => {
      let feedback = freshSiteFeedback(most, null);
      let nowMs = 0;
      for (const [at, [said, stepMs]] of heard.entries()) {
        nowMs += stepMs;
        feedback = afterSiteSignal(feedback, said, { number: at + 1, next: at + 2, nowMs });
        expect(feedback.limit).toBeGreaterThanOrEqual(1);
        expect(feedback.limit).toBeLessThanOrEqual(most);
        expect(feedback.everyMs).toBeLessThanOrEqual(MINUTE);
        expect((feedback.shutUntilMs ?? nowMs) - nowMs).toBeLessThanOrEqual(240 * MINUTE);
      }
    }),
  );
});
