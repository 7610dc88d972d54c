import { expect, test } from 'vitest';
import { ContentBudget, weightOf } from './content-budget.ts';

const MB = 1024 ** 2;

test('mail of one weight that spent its share keeps no other weight waiting', () => {
  const budget = new ContentBudget();
  while (budget.hasRoomFor('heavy')) budget.take('heavy', 25 * MB);
  expect(budget.spent).toBe(100 * MB);
  expect([budget.hasRoomFor('medium'), budget.hasRoomFor('light')]).toEqual([true, true]);
  while (budget.hasRoomFor('medium')) budget.take('medium', MB);
  expect(budget.spent).toBe(132 * MB);
  expect(budget.hasRoomFor('light')).toBe(true);
  budget.give('heavy', 25 * MB);
  expect([budget.hasRoomFor('heavy'), budget.hasRoomFor('medium')]).toEqual([true, false]);
});

test('one that is larger than the whole share goes all the same', () => {
  const budget = new ContentBudget();
  expect(budget.hasRoomFor(weightOf(500 * MB))).toBe(true);
});
