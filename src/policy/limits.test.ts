import { describe, expect, test } from 'vitest';
import { loadPolicy } from './file/load.ts';
import { formatProblem } from './file/problem.ts';
import { problemsIn, warningsIn } from '../../tests/fakes/policy-text.ts';

function withExit(terms: string): string {
  return `hostname: a\negress:\n  out: { type: mx, ${terms} }\n`;
}

describe('a warm-up', () => {
  test('that falls is refused, with the step', () => {
    expect(problemsIn(withExit('warmup: { schedule: [50, 100, 80, 200] }'))).toEqual([
      '3:50 egress.out.warmup.schedule[2]: step 3 is less than step 2 (100): a warm-up never falls',
    ]);
    expect(problemsIn(withExit('warmup: { schedule: [] }'))[0]).toContain('expected at least one step');
    expect(problemsIn(withExit('warmup: { schedule: [50, 50, 60] }'))).toEqual([]);
  });

  test.each(['2026-02-30', '2026-13-01', 'tomorrow', '20261120'])('does not start on %s', (start) => {
    expect(problemsIn(withExit(`warmup: { start: "${start}" }`))[0]).toContain('expected a date such as 2026-11-20');
  });

  test('has thresholds that are shares', () => {
    expect(problemsIn(withExit('warmup: { regress: { deferred: 0.2 } }'))[0]).toContain('expected a share such as 10%');
    expect(
      warningsIn(withExit('warmup: { start: 2026-11-20, perProvider: true, regress: { complained: 0.1% } }')),
    ).toEqual([]);
  });
});

test('steps of a warm-up above the daily limit are told of: they are cut to it', () => {
  expect(warningsIn(withExit('dailyLimit: 100, warmup: { schedule: [50, 400] }'))[0]).toContain(
    'egress.out.warmup.schedule[1]: step 2 (400) is above the dailyLimit (100): no more than that leaves in a day',
  );
  expect(warningsIn(withExit('dailyLimit: 400, warmup: { schedule: [50, 400] }'))).toEqual([]);
});

test('a custom preset whose warm-up begins with next to nothing is told of', () => {
  const warningsOf = (custom: string): readonly string[] => {
    const env = { SMTP_HOST_1: 'one.example' };
    const text = `hostname: a\ncustom: ${custom}\n`;
    const loaded = loadPolicy({ file: 'relevo.yaml', text, env, readFile: () => '' });
    return loaded.kind === 'loaded' ? loaded.warnings : loaded.problems.map(formatProblem);
  };
  expect(warningsOf('{ servers: 1, dailyLimit: 20 }')[0]).toMatch(
    /^relevo\.yaml:2:35 custom\.dailyLimit: the first day of the warm-up is 2 of 20 messages a server/,
  );
  expect(warningsOf('{ servers: 1, dailyLimit: 50 }')).toEqual([]);
  expect(warningsOf('{ servers: 1, dailyLimit: 20, warmup: false }')).toEqual([]);
});

test('hourly limits and delays take effect: nothing is said of them', () => {
  expect(warningsIn(withExit('hourlyLimit: 50, delay: 2s'))).toEqual([]);
  expect(problemsIn(withExit('hourlyLimit: 0'))[0]).toContain('egress.out.hourlyLimit: expected a positive number');
  expect(problemsIn(withExit('delay: 2d'))[0]).toContain('expected at most 1d');
});

describe('a time zone', () => {
  test.each([
    ['Europe/Berln', 'expected a time zone (is it Europe/Berlin'],
    ['Berlin', 'expected a time zone (is it Europe/Berlin'],
    ['"+02:00"', 'expected a time zone'],
  ])('%s is refused, with the names that are near', (zone, text) => {
    expect(problemsIn(`hostname: a\ntimeZone: ${zone}\n`)[0]).toContain(`2:11 timeZone: ${text}`);
  });

  test('is one by name', () => {
    expect(problemsIn('hostname: a\ntimeZone: America/Mexico_City\n')).toEqual([]);
  });
});
