import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas } from '../../../tests/fakes/quotas.ts';
import { budgetWindow } from '../../policy/money.ts';
import { Purse } from './purse.ts';

const DAY = 86_400_000;

test('what is handed back of a month that is over is nothing to the next', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 31));
  const silent = { changed: () => {}, reopened: () => {}, failed: () => {} };
  const needs = { quotas: fakeQuotas(clock), clock, holder: 'one', leaseMs: 14_000, ...silent };
  const windowAt = (nowMs: number) => budgetWindow('cloud', nowMs, 'UTC');
  const purse = new Purse(needs, { limit: 100, least: 10, windowAt });
  const january = await purse.book(30);
  await clock.advance(DAY);
  const february = await purse.book(20);
  expect([january !== null, february !== null, purse.used]).toEqual([true, true, 20]);
  await january?.back(30);
  expect(purse.used).toBe(20);
  await february?.back(20);
  expect(purse.used).toBe(0);
});
