import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { Operations } from '../../operations/operations.ts';
import { recentOperations } from './recent.ts';

function rig() {
  const clock = new FakeClock();
  const state = { reads: 0, pauses: 0, fails: false };
  const operations = {
    stats: async () => {
      state.reads += 1;
      if (state.fails) throw new Error('away');
      return state.reads;
    },
    shape: async (ask: unknown) => ({ ask, at: (state.reads += 1) }),
    pause: async () => ({ changed: (state.pauses += 1) > 0 }),
  } as unknown as Operations;
  return { clock, state, ...recentOperations(operations, clock) };
}

test('who asks at the same time, or for what is recent, has the same answer', async () => {
  const { clock, fresh, recent } = rig();
  expect(await Promise.all([fresh.stats(), fresh.stats(), recent.stats()])).toEqual([1, 1, 1]);
  expect(await recent.stats()).toBe(1);
  expect(await fresh.stats()).toBe(2);
  // What was read afresh is what others see next: nobody is shown the past again.
  expect(await recent.stats()).toBe(2);
  await clock.advance(2_000);
  expect(await recent.stats()).toBe(3);
});

test('another question is another answer', async () => {
  const { recent } = rig();
  const one = await recent.shape({ filter: { domain: 'a.test' } });
  expect(await recent.shape({ filter: {} })).not.toEqual(one);
  expect(await recent.shape({ filter: { domain: 'a.test' } })).toBe(one);
});

test('what failed is asked for again at once, and what changes something is done each time', async () => {
  const { state, recent } = rig();
  state.fails = true;
  await expect(recent.stats()).rejects.toThrow('away');
  state.fails = false;
  expect(await recent.stats()).toBe(2);
  await recent.pause({ egress: 'one', reason: '' });
  await recent.pause({ egress: 'one', reason: '' });
  expect(state.pauses).toBe(2);
});
