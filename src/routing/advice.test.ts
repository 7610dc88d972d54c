import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adviceFrom, type AdviceFigures, type ExitFigures } from './advice.ts';

function exit(egress: string, more: Partial<ExitFigures> = {}): ExitFigures {
  return { egress, score: 100, gates: [], warmup: null, ...more };
}

const SIZES = [
  { name: 'starter', perDay: 500, usdPerMonth: 25 },
  { name: 'basic-dual', perDay: 1_000, usdPerMonth: 50 },
  { name: 'starter-triple', perDay: 1_500, usdPerMonth: 75 },
];
const DUAL = { name: 'basic-dual', perDay: 1_000, usdPerMonth: 50 };

const QUIET: AdviceFigures = {
  exits: [exit('smtp-1'), exit('smtp-2')],
  slowBelow: 80,
  todayLimit: 1_000,
  todayUsed: 700,
  days: [650, 700, 640, 700, 690, 701, 699],
  presets: SIZES,
  preset: DUAL,
};

function told(figures: Partial<AdviceFigures>): string[] {
  return adviceFrom({ ...QUIET, ...figures }).map(({ kind, text }) => `${kind}: ${text}`);
}

test('nothing is advised where all is well', () => {
  expect(told({})).toEqual([]);
  expect(told({ exits: [], todayLimit: null, days: [], presets: [], preset: null })).toEqual([]);
});

describe('exits', () => {
  test('with an average reputation below 80: slow down', () => {
    const exits = [exit('smtp-1', { score: 60 }), exit('smtp-2', { score: 91.8 }), exit('smtp-3', { score: 85 })];
    expect(told({ exits })).toEqual([
      'reputation: average reputation 78.9 %, below 80 %: slow down, and look at who is written to (the worst: smtp-1 60, smtp-3 85, smtp-2 91.8)',
    ]);
  });

  test('that are warming up are named, with the day of each', () => {
    const exits = [1, 2, 3].map((day) => exit(`smtp-${day}`, { warmup: { day, days: 6 } }));
    expect(told({ exits })).toEqual([
      'warming-up: 3 servers warming up: smtp-1 on day 1 of 6, smtp-2 on day 2 of 6, smtp-3 on day 3 of 6; leave them their time',
    ]);
  });

  test('that are down or listed are named; one that an operator paused is not down', () => {
    const exits = [
      exit('smtp-1', { gates: ['down'] }),
      exit('smtp-2', { gates: ['paused'] }),
      exit('smtp-3', { gates: ['listed'] }),
    ];
    expect(told({ exits })).toEqual([
      'down: 2 servers down: smtp-1, smtp-3 (listed); the others carry the mail meanwhile',
    ]);
    const [advice] = adviceFrom({ ...QUIET, exits });
    expect(advice?.figures).toEqual({ down: 2, of: 3, exits: ['smtp-1', 'smtp-3 (listed)'] });
  });
});

describe('capacity', () => {
  test('of which over 80 % is used: the next preset', () => {
    expect(told({ todayUsed: 800 })).toEqual([]);
    expect(told({ todayUsed: 850 })).toEqual([
      "capacity: 85 % of today's capacity used (850 of 1000), over 80 %: consider the next preset, starter-triple (1500 messages a day, 75 USD a month)",
    ]);
  });

  test('of which over 80 % is used without a preset, or by the largest: more servers', () => {
    const more = "capacity: 100 % of today's capacity used (1000 of 1000), over 80 %: consider more servers";
    expect(told({ todayUsed: 1_000, preset: null, presets: [] })).toEqual([more]);
    expect(told({ todayUsed: 1_000, preset: SIZES[2] ?? null })).toContain(more);
  });

  test('is not known where an exit takes what comes', () => {
    expect(told({ todayLimit: null, todayUsed: 10_000 })).toEqual([]);
  });
});

describe('the preset', () => {
  test('is too small where several days of a week took over 80 % of it', () => {
    const days = [300, 820, 400, 900, 400, 300, 990];
    expect(told({ days })).toEqual([
      'preset-up: 3 of the last 7 days took over 80 % of what basic-dual (1000 messages a day, 50 USD a month) carries (the busiest: 990): go up to starter-triple (1500 messages a day, 75 USD a month)',
    ]);
    expect(told({ days: [300, 400, 810] })).toEqual([]);
  });

  test('is too large where the busiest day of a whole week leaves room in a smaller one', () => {
    const days = [100, 200, 290, 100, 30, 0, 0];
    expect(told({ days })).toEqual([
      'preset-down: the busiest of the last 7 days took 290 messages, 29 % of what basic-dual (1000 messages a day, 50 USD a month) carries: starter (500 messages a day, 25 USD a month) would do',
    ]);
    expect(told({ days: days.slice(1) })).toEqual([]);
    expect(told({ days: [...days, 310] })).toEqual([]);
  });

  test('is never both too small and too large', () => {
    const anyDays = fc.array(fc.nat(2_000), { maxLength: 30 });
    fc.assert(
      fc.property(anyDays, fc.constantFrom(...SIZES), fc.nat(3_000), (days, preset, todayUsed) => {
        const kinds = adviceFrom({ ...QUIET, days, preset, todayUsed }).map(({ kind }) => kind);
        expect(new Set(kinds).size).toBe(kinds.length);
        expect(kinds.includes('preset-up') && kinds.includes('preset-down')).toBe(false);
      }),
    );
  });
});
