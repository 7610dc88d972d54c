import { expect, test } from 'vitest';
import { ago, bytes, count, decimal, duration, moment, money, percent } from './format.ts';

test.each([
  [0, '0', '0'],
  [999, '999', '999'],
  [1234, '1,234', '1234'],
  [12_345, '12,345', '12.345'],
  [1_234_567, '1,234,567', '1.234.567'],
  [-12_345, '-12,345', '-12.345'],
])('%d is written as each language groups it', (value, english, spanish) => {
  expect([count(value, 'en'), count(value, 'es')]).toEqual([english, spanish]);
});

test.each([
  [1, '100 %'],
  [0, '0 %'],
  [0.5, '50 %'],
  [0.985, '98.5 %'],
  [0.999999, '99.9 %'],
])('a share of %d is %s: nearly all is not all', (share, text) => {
  expect(percent(share, 'en')).toBe(text);
});

test('sums of money show what small ones come to', () => {
  const usd = (amount: number) => money({ amount, currency: 'USD' }, 'en');
  expect([usd(0), usd(0.0015), usd(0.12), usd(1234.5)]).toEqual(['0.00 USD', '0.0015 USD', '0.12 USD', '1,234.50 USD']);
  expect(money({ amount: -24.82, currency: 'EUR' }, 'es')).toBe('-24,82 EUR');
  expect(decimal(-0.5, 1, 'en')).toBe('-0.5');
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [123_456, '123 kB'],
  [4_200_000, '4.2 MB'],
])('%d bytes are %s', (sizeBytes, text) => {
  expect(bytes(sizeBytes, 'en')).toBe(text);
});

test.each([
  [0, '0 s'],
  [99_000, '99 s'],
  [100_000, '1 min'],
  [99 * 60_000, '99 min'],
  [3 * 3_600_000 + 5 * 60_000, '3 h 5 min'],
  [11.5 * 3_600_000, '11 h'],
  [49 * 3_600_000, '2 d'],
])('%d ms are %s', (lengthMs, text) => {
  expect(duration(lengthMs)).toBe(text);
});

test('a moment is told as far away, and as the policy’s zone has it', async () => {
  const atMs = Date.UTC(2026, 10, 22, 23, 30, 5);
  expect(moment(atMs, 'Europe/Madrid')).toBe('2026-11-23 00:30:05');
  const told = { nowMs: atMs + 5_000, zone: 'UTC', language: 'es' } as const;
  expect(String(await ago(atMs, told))).toBe(
    '<time datetime="2026-11-22T23:30:05.000Z" title="2026-11-22 23:30:05 UTC">hace 5 s</time>',
  );
  expect(String(await ago(atMs + 65_000, { ...told, language: 'en' }))).toContain('>in 60 s<');
});
