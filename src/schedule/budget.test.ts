import { expect, test } from 'vitest';
import { settled } from '../../tests/fakes/clock.ts';
import { ByteBudget } from './budget.ts';

test('who comes when the budget is spent waits, in order, and a large one is not overtaken for ever', async () => {
  const budget = new ByteBudget(100);
  const got: string[] = [];
  const take = (name: string, bytes: number) => void budget.take(bytes).then(() => got.push(name));
  take('a', 60);
  take('b', 60);
  take('c', 10);
  await settled();
  expect(got).toEqual(['a']);
  budget.give(60);
  await settled();
  expect(got).toEqual(['a', 'b', 'c']);
  budget.give(60);
  budget.give(10);
  expect(budget.spent).toBe(0);
});

test('one that is larger than the budget gets it alone', async () => {
  const budget = new ByteBudget(100);
  const got: number[] = [];
  for (const bytes of [500, 1]) void budget.take(bytes).then(() => got.push(bytes));
  await settled();
  expect(got).toEqual([500]);
  budget.give(500);
  await settled();
  expect(got).toEqual([500, 1]);
});
