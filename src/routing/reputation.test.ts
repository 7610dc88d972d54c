import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, NO_OUTCOMES, OUTCOME_KINDS, type Outcomes, type StretchOutcomes } from './outcome-figures.ts';
import { levelOf, probeTimeAt, PROBE_EVERY_MS, PROBE_FOR_MS, reputationOf, reputationText } from './reputation.ts';

const NOW_MS = Date.UTC(2026, 0, 20, 12);
const TERMS = { slowBelow: 80, pauseBelow: 70 };

function hour(outcomes: Partial<Outcomes>, agoMs = 0): StretchOutcomes {
  return { ...NO_OUTCOMES, ...outcomes, startsAtMs: NOW_MS - agoMs };
}

function score(outcomes: Partial<Outcomes>): number {
  return reputationOf([hour(outcomes)], NOW_MS).score;
}

const amount = fc.nat(20_000);
const anyHour: fc.Arbitrary<StretchOutcomes> = fc
  .record({
    delivered: amount,
    deferred: amount,
    bounced: amount,
    blocked: amount,
    complained: amount,
    agoHours: fc.nat(167),
  })
  .map(({ agoHours, ...outcomes }) => ({ ...outcomes, startsAtMs: NOW_MS - agoHours * HOUR_MS }));
const anyHours = fc.array(anyHour, { maxLength: 20 });

describe('the score of an exit', () => {
  test('is 100 where nothing is known, and where all was delivered', () => {
    expect(reputationOf([], NOW_MS)).toMatchObject({ score: 100, successRate: 1 });
    expect(score({ delivered: 500 })).toBe(100);
  });

  // The table of docs/reputation.md.
  test.each([
    [{ delivered: 475, bounced: 25 }, 91.7],
    [{ delivered: 450, bounced: 50 }, 83.3],
    [{ delivered: 400, bounced: 100 }, 66.7],
    [{ delivered: 475, blocked: 25 }, 83.3],
    [{ delivered: 450, blocked: 50 }, 66.7],
    [{ delivered: 500, complained: 1 }, 93.3],
    [{ delivered: 500, complained: 5 }, 66.8],
    [{ delivered: 400, deferred: 100 }, 91.7],
    [{ delivered: 250, deferred: 250 }, 79.2],
    [{ blocked: 500 }, 0],
  ] satisfies readonly [Partial<Outcomes>, number][])('of %j is %d', (outcomes, expected) => {
    expect(score(outcomes)).toBe(expected);
  });

  test('is not ruined by three messages', () => {
    expect(score({ bounced: 3 })).toBeGreaterThanOrEqual(85);
    expect(score({ blocked: 3 })).toBeGreaterThanOrEqual(85);
  });

  test('rests on what is a day older half as much', () => {
    const mixed = [hour({ delivered: 100 }), hour({ bounced: 100 }, DAY_MS)];
    expect(reputationOf(mixed, NOW_MS).weighted).toMatchObject({ delivered: 100, bounced: 50 });
  });

  test('is between 0 and 100, and the success rate between 0 and 1', () => {
    fc.assert(
      fc.property(anyHours, (hours) => {
        const reputation = reputationOf(hours, NOW_MS);
        expect(reputation.score).toBeGreaterThanOrEqual(0);
        expect(reputation.score).toBeLessThanOrEqual(100);
        expect(reputation.successRate).toBeGreaterThanOrEqual(0);
        expect(reputation.successRate).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('is never raised by more that went wrong, nor lowered by more that went well', () => {
    fc.assert(
      fc.property(anyHours, anyHour, fc.constantFrom(...OUTCOME_KINDS), (hours, { startsAtMs, ...more }, kind) => {
        const added = { ...NO_OUTCOMES, startsAtMs, [kind]: more[kind] };
        const before = reputationOf(hours, NOW_MS).score;
        const after = reputationOf([...hours, added], NOW_MS).score;
        if (kind === 'delivered') expect(after).toBeGreaterThanOrEqual(before);
        else expect(after).toBeLessThanOrEqual(before);
      }),
    );
  });

  test('only climbs while no mail goes out', () => {
    fc.assert(
      fc.property(anyHours, fc.nat(10 * DAY_MS), fc.nat(10 * DAY_MS), (hours, one, other) => {
        const [soonMs, lateMs] = [NOW_MS + Math.min(one, other), NOW_MS + Math.max(one, other)];
        expect(reputationOf(hours, lateMs).score).toBeGreaterThanOrEqual(reputationOf(hours, soonMs).score);
      }),
    );
  });

  test('does not rest on hours that lie far ahead', () => {
    expect(reputationOf([hour({ blocked: 500 }, -2 * HOUR_MS)], NOW_MS).score).toBe(100);
  });

  test('comes with the figures, the gravest first', () => {
    const reputation = reputationOf([hour({ delivered: 450, blocked: 45, bounced: 5 })], NOW_MS);
    expect(reputationText(reputation)).toBe('score 67.9 of 100 (blocked 9.1 % −30.3, bounced 1.1 % −1.8)');
  });
});

describe('the level of an exit', () => {
  test('goes down at its limits, and comes back a little above them', () => {
    expect(levelOf(80, 'good', TERMS)).toBe('good');
    expect(levelOf(79.9, 'good', TERMS)).toBe('slowed');
    expect(levelOf(81.9, 'slowed', TERMS)).toBe('slowed');
    expect(levelOf(82, 'slowed', TERMS)).toBe('good');
    expect(levelOf(69.9, 'slowed', TERMS)).toBe('paused');
    expect(levelOf(71.9, 'paused', TERMS)).toBe('paused');
    expect(levelOf(72, 'paused', TERMS)).toBe('slowed');
    expect(levelOf(82, 'paused', TERMS)).toBe('good');
  });

  test('can be reached again whatever the limits, and never is anything but good where they are 0', () => {
    expect(levelOf(100, 'paused', { slowBelow: 100, pauseBelow: 100 })).toBe('good');
    expect(levelOf(0, 'good', { slowBelow: 0, pauseBelow: 0 })).toBe('good');
  });
});

describe('a paused exit', () => {
  test('is tried for a moment, time and again', () => {
    expect(probeTimeAt(NOW_MS, NOW_MS)).toEqual({ probes: false, untilMs: NOW_MS + PROBE_EVERY_MS });
    const first = NOW_MS + PROBE_EVERY_MS;
    expect(probeTimeAt(NOW_MS, first - 1)).toMatchObject({ probes: false, untilMs: first });
    expect(probeTimeAt(NOW_MS, first)).toEqual({ probes: true, untilMs: first + PROBE_FOR_MS });
    expect(probeTimeAt(NOW_MS, first + PROBE_FOR_MS)).toEqual({ probes: false, untilMs: first + PROBE_EVERY_MS });
  });

  test('rests again where the clock was set back', () => {
    expect(probeTimeAt(NOW_MS, NOW_MS - DAY_MS)).toEqual({ probes: false, untilMs: NOW_MS - DAY_MS + PROBE_EVERY_MS });
  });
});
