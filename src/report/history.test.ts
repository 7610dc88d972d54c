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
