import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { repeated } from './repeated.ts';

test('looks after the first wait, and again when so long has passed since a look ended', async () => {
  const clock = new FakeClock();
  const looks: number[] = [];
  const start = clock.nowMs();
  const look = async (signal: AbortSignal): Promise<void> => {
    looks.push(clock.nowMs() - start);
    await clock.sleep(500, signal);
  };
  await using _ = repeated(look, { clock, everyMs: 1_000, firstMs: 10 });
  for (let step = 0; step < 400; step++) await clock.advance(10);
  expect(looks).toEqual([10, 1_510, 3_010]);
});

test('begins at once where it is not to wait, even before it returns', async () => {
  const clock = new FakeClock();
  let looks = 0;
  await using _ = repeated(() => void looks++, { clock, everyMs: 1_000, firstMs: 0 });
  expect(looks).toBe(1);
  await clock.advance(1_000);
  expect(looks).toBe(2);
});

test('what is disposed of ends its wait, waits for a look under way, and looks no more', async () => {
  const clock = new FakeClock();
  const done = Promise.withResolvers<void>();
  let looks = 0;
  const look = (): Promise<void> => {
    looks += 1;
    return done.promise;
  };
  const one = repeated(look, { clock, everyMs: 1_000 });
  await clock.advance(1_000);
  let isOver = false;
  const over = Promise.resolve(one[Symbol.asyncDispose]()).then(() => (isOver = true));
  await clock.advance(5_000);
  expect([looks, isOver]).toEqual([1, false]);
  done.resolve();
  await over;
  const waiting = repeated(look, { clock, everyMs: 1_000 });
  await waiting[Symbol.asyncDispose]();
  expect(looks).toBe(1);
});
