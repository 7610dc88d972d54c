import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { AgeKeeper } from './age.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Ticks once a second, as the scheduler does. */
async function run(clock: FakeClock, ages: AgeKeeper, forMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < forMs; passedMs += 1_000) {
    await clock.advance(1_000);
    ages.look();
  }
}

test('mail ages with time', async () => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  const bornMs = clock.nowMs();
  await run(clock, ages, 60_000);
  expect(ages.ageMs(bornMs)).toBe(60_000);
});

test.each([
  ['an hour forward', HOUR],
  ['a month forward', 30 * DAY],
  ['an hour back', -HOUR],
])('a clock that jumps %s ages nothing', async (_, jumpMs) => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  const bornMs = clock.nowMs() - 2 * HOUR;
  await run(clock, ages, 10_000);
  clock.jumpMs(jumpMs);
  expect(ages.look()).not.toBeNull();
  const laterMs = clock.nowMs();
  await run(clock, ages, 10_000);
  expect([ages.ageMs(bornMs), ages.ageMs(laterMs)]).toEqual([2 * HOUR + 20_000, 10_000]);
  // And back to the right time.
  clock.jumpMs(-jumpMs);
  ages.look();
  const lastMs = clock.nowMs();
  await run(clock, ages, 5_000);
  expect([ages.ageMs(bornMs), ages.ageMs(lastMs)]).toEqual([2 * HOUR + 25_000, 5_000]);
});

test('what came in during the hour that the clock then went back by is taken as younger, never as older', async () => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  const bornMs = clock.nowMs();
  await run(clock, ages, 10_000);
  clock.jumpMs(-HOUR);
  ages.look();
  await run(clock, ages, 10_000);
  expect(ages.ageMs(bornMs)).toBeLessThanOrEqual(20_000);
});

test('what came in while the clock was wrong by an hour ages from then on', async () => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  clock.jumpMs(HOUR);
  ages.look();
  const bornMs = clock.nowMs();
  await run(clock, ages, 10_000);
  clock.jumpMs(-HOUR);
  ages.look();
  await run(clock, ages, 10_000);
  // It was born in what is the future now: at least it is not old.
  expect(ages.ageMs(bornMs)).toBeLessThanOrEqual(20_000);
});

test('a process that was frozen for a week ages nothing: it could not send', async () => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  const bornMs = clock.nowMs();
  await run(clock, ages, 10_000);
  await clock.advance(7 * DAY);
  expect(ages.look()).not.toBeNull();
  expect(ages.ageMs(bornMs)).toBe(10_000);
});

test('a clock that is set right by seconds is no jump', async () => {
  const clock = new FakeClock();
  const ages = new AgeKeeper(clock);
  for (const byMs of [2_000, -2_900, 2_900]) {
    await clock.advance(1_000);
    clock.jumpMs(byMs);
    expect(ages.look()).toBeNull();
  }
});
