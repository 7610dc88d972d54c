import { expect, test } from 'vitest';
import { parseCost, parseDurationMs, parseRate, parseSharePercent, parseSizeBytes } from './units.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['3d', 259_200_000],
  ['1w', 604_800_000],
  ['1.5h', 5_400_000],
  ['0s', 0],
  [' 5 m ', 300_000],
  ['5', null],
  ['-5m', null],
  ['5M', null],
  ['5m 3s', null],
  ['1e3s', null],
  ['', null],
])('a duration %j is %j ms', (text, wanted) => expect(parseDurationMs(text)).toBe(wanted));

test.each([
  ['512B', 512],
  ['64KB', 65_536],
  ['25MB', 26_214_400],
  ['25 mb', 26_214_400],
  ['1GB', 1024 ** 3],
  ['1.5KB', 1536],
  ['25', null],
  ['25M', null],
  ['-1MB', null],
])('a size %j is %j bytes', (text, wanted) => expect(parseSizeBytes(text)).toBe(wanted));

test.each([
  ['1000/h', { count: 1000, windowMs: 3_600_000 }],
  ['20/s', { count: 20, windowMs: 1000 }],
  ['5/10m', { count: 5, windowMs: 600_000 }],
  ['5 / 10 m', { count: 5, windowMs: 600_000 }],
  ['500/d', { count: 500, windowMs: 86_400_000 }],
  ['5/0m', null],
  ['5', null],
  ['5/month', null],
  ['/h', null],
])('a rate %j is %j', (text, wanted) => expect(parseRate(text)).toEqual(wanted));

test.each([
  ['10%', 10],
  ['0.5%', 0.5],
  ['100 %', 100],
  ['101%', null],
  ['10', null],
])('a share %j is %j percent', (text, wanted) => expect(parseSharePercent(text)).toBe(wanted));

test.each([
  ['25 USD/month', { amount: 25, currency: 'USD', per: 'month', micros: 25_000_000, of: 1 }],
  ['1.06 USD/1000', { amount: 0.00106, currency: 'USD', per: 'message', micros: 1_060_000, of: 1_000 }],
  ['0.80EUR/1', { amount: 0.8, currency: 'EUR', per: 'message', micros: 800_000, of: 1 }],
  ['0.0005 USD/1', { amount: 0.0005, currency: 'USD', per: 'message', micros: 500, of: 1 }],
  ['25 USD', null],
  ['25 USD/0', null],
  ['25 usd/month', null],
  ['25 USD/year', null],
])('a cost %j is %j', (text, wanted) => expect(parseCost(text)).toEqual(wanted));
