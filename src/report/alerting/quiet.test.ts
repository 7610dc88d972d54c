import { expect, test } from 'vitest';
import { isQuiet } from './quiet.ts';
import { wallClockOf } from './wall-clock.ts';

const nights = [{ from: '22:00', to: '07:00', days: ['fri' as const], except: [] }];
const warning = { name: 'queue-age', severity: 'warning' } as const;
const at = (text: string, zone = 'Europe/Madrid') => ({ nowMs: Date.parse(text), zone });

test.each([
  ['Friday evening', '2026-11-20T21:30:00Z', true],
  ['Saturday morning, which is Friday’s night', '2026-11-21T05:59:00Z', true],
  ['Saturday after seven', '2026-11-21T06:00:00Z', false],
  ['Saturday evening', '2026-11-21T22:30:00Z', false],
  ['Friday morning, which is Thursday’s night', '2026-11-20T03:00:00Z', false],
])('%s', (_, time, quiet) => expect(isQuiet(nights, warning, at(time))).toBe(quiet));

test('what is critical goes through where that is excepted', () => {
  const but = nights.map((night) => ({ ...night, except: ['critical' as const] }));
  const time = at('2026-11-20T23:00:00Z');
  expect([isQuiet(but, warning, time), isQuiet(but, { name: 'no-exit', severity: 'critical' }, time)]).toEqual([
    true,
    false,
  ]);
});

test('the clock on the wall follows summer time', () => {
  expect(wallClockOf(Date.parse('2026-07-01T22:30:00Z'), 'Europe/Madrid')).toEqual({
    minute: 30,
    weekday: 3,
    text: '2026-07-02 00:30',
  });
});
