import { expect, test } from 'vitest';
import { ContentCollector } from './content-collector.ts';
import { MemoryBudget } from './memory-budget.ts';

const MB = 1024 * 1024;

function collectorOf(budget: MemoryBudget, limitBytes = 100 * MB): ContentCollector {
  return new ContentCollector({ budget, limitBytes, reservedBytes: 0 });
}

test('a message is counted against the budget until it is released, once', () => {
  const budget = new MemoryBudget(() => 10 * MB);
  const collector = collectorOf(budget);
  for (let i = 0; i < 16; i++) collector.take(Buffer.alloc(65_536, i), 0, 65_536);
  expect(budget.usedBytes).toBeGreaterThanOrEqual(MB);
  expect(budget.usedBytes).toBeLessThan(1.2 * MB);
  expect(collector.finish().length).toBe(MB);
  collector.release();
  collector.release();
  expect(budget.usedBytes).toBe(0);
});

test('beyond the budget a message is let go of, and the others keep theirs', () => {
  const budget = new MemoryBudget(() => 2 * MB);
  const [first, second] = [collectorOf(budget), collectorOf(budget)];
  const chunk = Buffer.alloc(65_536);
  for (let i = 0; i < 16; i++) first.take(chunk, 0, chunk.length);
  for (let i = 0; i < 64; i++) second.take(chunk, 0, chunk.length);
  expect(second.overflow).toBe('memory');
  expect(second.lengthBytes).toBe(4 * MB);
  expect(second.finish().length).toBe(0);
  expect(first.overflow).toBeNull();
  expect(first.finish().length).toBe(MB);
  first.release();
  expect(budget.usedBytes).toBe(0);
});

test('one message always may, however small the budget', () => {
  const budget = new MemoryBudget(() => 10);
  const collector = collectorOf(budget);
  collector.take(Buffer.alloc(2000), 0, 2000);
  expect(collector.overflow).toBeNull();
  expect(budget.hasRoomFor(1)).toBe(false);
});

test('over the size limit nothing is held', () => {
  const budget = new MemoryBudget(() => 10 * MB);
  const collector = collectorOf(budget, 1000);
  collector.take(Buffer.alloc(1000), 0, 1000);
  expect(collector.overflow).toBeNull();
  collector.take(Buffer.alloc(1), 0, 1);
  expect(collector.overflow).toBe('size');
  expect(budget.usedBytes).toBe(0);
});

test('one-byte packets hold no more memory than the message is long', () => {
  const budget = new MemoryBudget(() => 10 * MB);
  const collector = collectorOf(budget);
  for (let i = 0; i < 300_000; i++) collector.take(Buffer.from([i & 0xff]), 0, 1);
  expect(budget.usedBytes).toBeLessThan(MB);
  const content = collector.finish();
  expect(content.length).toBe(300_000);
  expect(content.every((byte, i) => byte === (i & 0xff))).toBe(true);
});

test('large and tiny pieces in turn keep their order and waste nothing', () => {
  const budget = new MemoryBudget(() => 10 * MB);
  const collector = collectorOf(budget);
  const expected: Buffer[] = [];
  for (let i = 0; i < 500; i++) {
    const large = Buffer.alloc(1100, i & 0xff);
    const tiny = Buffer.from(`<${i}>`);
    collector.take(large, 0, large.length);
    collector.take(tiny, 0, tiny.length);
    expected.push(large, tiny);
  }
  expect(budget.usedBytes).toBeLessThan(700 * 1024);
  expect(collector.finish().equals(Buffer.concat(expected))).toBe(true);
});
