import { expect, test } from 'vitest';
import { workersFor } from './start.ts';

test('auto is one worker for each two cores, and at least one', () => {
  const counts = [1, 2, 3, 4, 8, 32].map((cores) => workersFor('auto', { cores, balancesPorts: true }));
  expect(counts).toEqual([1, 1, 1, 2, 4, 16]);
  expect(workersFor(5, { cores: 1, balancesPorts: true })).toBe(5);
});

test('where the system does not divide the connections there is one', () => {
  expect(workersFor(4, { cores: 8, balancesPorts: false })).toBe(1);
  expect(workersFor('auto', { cores: 8, balancesPorts: false })).toBe(1);
});
