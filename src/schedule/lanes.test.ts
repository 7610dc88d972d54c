import { expect, test } from 'vitest';
import { scheduled } from '../../tests/fakes/scheduling.ts';
import { someSites } from '../../tests/fakes/sites.ts';
import { after } from '../../tests/fakes/scripted-egress.ts';
import { Lanes } from './lanes.ts';

function someLanes(): Lanes {
  return new Lanes({ sites: someSites(), monotonicMs: () => 0 });
}

test('a destination whose mail waits in the store is remembered without a lane', () => {
  const lanes = someLanes();
  lanes.fellBehind('a.test');
  expect([lanes.size, lanes.isBehind('a.test'), lanes.isBehind('b.test')]).toEqual([0, true, false]);
  expect(lanes.laneOf('a.test').behind).toBe(true);
  lanes.forget();
  expect([lanes.size, lanes.isBehind('a.test')]).toEqual([0, true]);
  lanes.caughtUp();
  expect(lanes.isBehind('a.test')).toBe(false);
});

test('of very many such destinations the oldest are forgotten', () => {
  const lanes = someLanes();
  for (let count = 0; count <= 20_000; count++) lanes.fellBehind(`d${count}.test`);
  expect(['d0.test', 'd1.test', 'd20000.test'].map((domain) => lanes.isBehind(domain))).toEqual([false, true, true]);
});

scheduled('mail for which there is no room makes no lane, however many its destinations', async (scheduling) => {
  const { clock, scheduler } = scheduling;
  scheduling.exit('direct').answer = after(clock, 30_000);
  const DOMAINS = 4_000;
  for (let start = 0; start < DOMAINS; start += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, place) =>
        scheduling.accept({ to: [`a@d${start + place}.test`], priority: 'low' }),
      ),
    );
  }
  await clock.advance(1_000);
  expect(scheduler.stats().lanes).toBeLessThanOrEqual(1_300);
});
