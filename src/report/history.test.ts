import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import { startHistory } from './history.ts';

const policy = policySchema.parse({ hostname: 'relay.example.com', history: '1h' });

test('finished messages are forgotten once they are older than the history, step by step', async () => {
  const clock = new FakeClock();
  const asked: number[] = [];
  const left = [500, 500, 20, 0, 0];
  await using _ = startHistory({
    clock,
    policy: () => policy,
    emit: () => {},
    spool: { prune: async (beforeMs) => (asked.push(clock.nowMs() - beforeMs), left.shift() ?? 0) },
  });
  await clock.advance(9 * 60_000);
  expect(asked).toEqual([]);
  await clock.advance(2 * 60_000);
  expect(asked).toEqual([3_600_000, 3_600_000, 3_600_000, 3_600_000]);
  await clock.advance(10 * 60_000);
  expect(asked).toHaveLength(5);
});

test('a store that fails is reported and tried again in the next round', async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  let calls = 0;
  const history = startHistory({
    clock,
    policy: () => policy,
    emit: (event) => events.push(event),
    spool: {
      prune: async () => {
        calls += 1;
        throw new Error('no space');
      },
    },
  });
  await clock.advance(21 * 60_000);
  expect(calls).toBe(2);
  expect(events).toMatchObject([{ event: 'failed', where: 'history' }, { event: 'failed' }]);
  await history[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});

test('while the spool is full the oldest are forgotten early, and told of until it had room for ten minutes', async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  let left = 30_000;
  const asked = new Set<number>();
  await using _ = startHistory({
    clock,
    policy: () => policy,
    emit: (event) => events.push(event),
    spool: {
      prune: async (beforeMs) => {
        asked.add(clock.nowMs() - beforeMs);
        const some = beforeMs < clock.nowMs() ? 0 : Math.min(left, 500);
        left -= some;
        return some;
      },
      isFull: () => left > 25_000,
    },
  });
  await clock.advance(9 * 60_000);
  // More than was needed: else mail would be refused again at once.
  expect([left, ...asked]).toEqual([20_000, 0]);
  expect(events).toMatchObject([{ event: 'alert', name: 'history-cut', raised: true }]);
  await clock.advance(2 * 60_000);
  expect(events.slice(1)).toMatchObject([{ event: 'alert', name: 'history-cut', raised: false }]);
});

test('a spool that is full of waiting mail has no history to cut, and no alert of it', async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  let calls = 0;
  await using _ = startHistory({
    clock,
    policy: () => policy,
    emit: (event) => events.push(event),
    spool: { prune: async () => ((calls += 1), 0), isFull: () => true },
  });
  await clock.advance(60_000);
  expect(calls).toBe(30);
  expect(events).toEqual([]);
});
