import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { PassedOver } from './passed-over.ts';

test('destinations are looked past for 5 s after the first of them, however many follow', async () => {
  const clock = new FakeClock();
  const passedOver = new PassedOver(() => clock.monotonicMs());
  expect(passedOver.domains()).toEqual([]);
  passedOver.add(['a.test', 'b.test']);
  await clock.advance(4_000);
  passedOver.add(['b.test', 'c.test']);
  expect(passedOver.domains()).toEqual(['a.test', 'b.test', 'c.test']);
  await clock.advance(1_000);
  expect(passedOver.domains()).toEqual([]);
  passedOver.add(['d.test']);
  await clock.advance(4_000);
  expect(passedOver.domains()).toEqual(['d.test']);
  passedOver.clear();
  expect(passedOver.domains()).toEqual([]);
});

test('no more than a thousand are named to the store', () => {
  const passedOver = new PassedOver(() => 0);
  passedOver.add(Array.from({ length: 1_000 }, (_, place) => `d${place}.test`));
  expect(passedOver.domains()).toHaveLength(1_000);
  passedOver.add(['one-more.test']);
  expect(passedOver.domains()).toEqual(['one-more.test']);
});
