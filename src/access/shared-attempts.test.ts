import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { memoryLedger } from '../../tests/fakes/memory-ledger.ts';
import { sharedAttempts } from './shared-attempts.ts';

const LIMIT = { count: 5, windowMs: 600_000 };

function world({ isShared = true, isAway = false } = {}) {
  const clock = new FakeClock(1_700_000_000_000);
  const books = memoryLedger();
  const ledger: typeof books = { draw: (ask) => (isAway ? Promise.reject(new Error('away')) : books.draw(ask)) };
  const node = () => sharedAttempts({ limit: () => LIMIT, clock, ledger, isShared: () => isShared, what: 'pages' });
  /** Tries, as long as that is let, so often. @returns how often it was */
  const tries = async (at: ReturnType<typeof node>, key: string, most = 20): Promise<number> => {
    for (let count = 0; count < most; count++) {
      if (at.isBarred(key)) return count;
      at.failed(key);
      await turn();
    }
    return most;
  };
  return { clock, node, tries };
}

test('who goes from node to node has one more try at each, and not all of them again', async () => {
  const { node, tries } = world();
  const [one, other, third] = [node(), node(), node()];
  expect(await tries(one, '192.0.2.1')).toBe(5);
  expect(await tries(other, '192.0.2.1')).toBe(1);
  expect(await tries(third, '192.0.2.1')).toBe(1);
  expect(await tries(other, '192.0.2.2')).toBe(5);
});

test('tries are counted together also where each node sees few, and by the /64 of IPv6', async () => {
  const { node, tries } = world();
  const [one, other] = [node(), node()];
  expect(await tries(one, '2001:db8::1', 3)).toBe(3);
  expect(await tries(other, '2001:db8::2')).toBe(2);
  expect(await tries(one, '2001:db8::3')).toBe(1);
});

test('after its time the bar is over on all of them', async () => {
  const { clock, node, tries } = world();
  const [one, other] = [node(), node()];
  await tries(one, 'user ana');
  await tries(other, 'user ana');
  await clock.advance(LIMIT.windowMs);
  expect(await tries(other, 'user ana', 3)).toBe(3);
});

test('a node by itself, or without its store, counts for itself', async () => {
  for (const given of [{ isShared: false }, { isAway: true }]) {
    const { node, tries } = world(given);
    expect(await tries(node(), '192.0.2.1')).toBe(5);
    expect(await tries(node(), '192.0.2.1')).toBe(5);
  }
});
