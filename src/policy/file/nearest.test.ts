import { expect, test } from 'vitest';
import { nearest, suggestion } from './nearest.ts';

const KNOWN = ['dailyLimit', 'hourlyLimit', 'delay', 'ip-1', 'ip-2', 'warn', 'tls'];

test.each([
  ['dailylimit', 'dailyLimit'],
  ['dailyLimt', 'dailyLimit'],
  ['dialyLimit', 'dailyLimit'],
  ['daily_limit', 'dailyLimit'],
  ['daily', 'dailyLimit'],
  ['warning', 'warn'],
  ['dely', 'delay'],
  ['ip1', 'ip-1'],
  ['ip-3', 'ip-1'],
  ['tsl', 'tls'],
  ['spool', null],
  ['x', null],
  ['', null],
  ['dailyLimit'.repeat(20), null],
])('%s: %s', (misspelt, meant) => {
  expect(nearest(misspelt, KNOWN)).toBe(meant);
});

test('is offered as a question, or not at all', () => {
  expect(suggestion('dely', KNOWN)).toBe(', did you mean "delay"?');
  expect(suggestion('zzzz', KNOWN)).toBe('');
});
