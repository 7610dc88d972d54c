import { expect, test } from 'vitest';
import { expiryOf, timeOf } from './times.ts';

test.each([
  ['2026-02-28T09:00:00Z', Date.UTC(2026, 1, 28, 9)],
  ['2028-02-29T23:59:59+02:00', Date.UTC(2028, 1, 29, 21, 59, 59)],
  [' 2026-12-31t23:30:00.5-05:00 ', Date.UTC(2027, 0, 1, 4, 30, 0, 500)],
])('%j is a time', (text, atMs) => {
  expect(timeOf(text)).toBe(atMs);
  expect(expiryOf(text)).toEqual({ kind: 'at', atMs });
});

test.each([
  '2026-02-29T09:00:00Z',
  '2026-02-30T09:00:00Z',
  '2026-02-31t09:00:00+01:00',
  '2026-04-31T09:00:00Z',
  '2026-13-01T09:00:00Z',
  '2026-00-10T09:00:00Z',
  '2026-01-00T09:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T24:00:01Z',
  '2026-01-01T23:59:60Z',
  '2026-01-01T09:60:00Z',
  '2026-01-01T09:00:00',
  '2026-01-01T09:00Z',
  '2026-01-01',
  'tomorrow',
  '',
])('%j is none: a day or an hour that there is not is no other one', (text) => {
  expect(timeOf(text)).toBeNull();
  expect(expiryOf(text)).toBeNull();
});
