import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';
import type { Rate } from '../../policy/units.ts';
import { paceOf } from '../../routing/pace.ts';
import { Pacer } from './pacer.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** The most of these times in any window of that length, wherever it begins. */
function mostWithin(times: readonly number[], windowMs: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  let from = 0;
  let most = 0;
  for (const [place, at] of sorted.entries()) {
    while (at - (sorted[from] ?? 0) >= windowMs) from += 1;
    most = Math.max(most, place - from + 1);
  }
  return most;
}

/** A process that always has mail for the exit; `sent` has the times at which it begins. */
function sender(clock: FakeClock, of: { quotas: FakeQuotas; holder: string; rate: Rate; sent: number[] }): Pacer {
  const failures: unknown[] = [];
  const pacer: Pacer = new Pacer(
    {
      quotas: of.quotas,
      clock,
      holder: of.holder,
      leaseMs: MINUTE,
      changed: () => send(),
      failed: (cause) => failures.push(cause),
    },
    { account: 'egress:one', pace: paceOf(of.rate) },
  );
  const send = (): void => {
    while (pacer.state().kind === 'open') {
      pacer.take();
      void pacer.begin().then((began) => {
        if (began) of.sent.push(clock.nowMs());
      });
    }
    pacer.want();
  };
  send();
  return pacer;
}

type Case = { readonly name: string; readonly rate: Rate; readonly forMs: number; readonly least: number };

const CASES: readonly Case[] = [
  { name: '5/s', rate: { count: 5, windowMs: SECOND }, forMs: 20 * SECOND, least: 95 },
  { name: '50/s', rate: { count: 50, windowMs: SECOND }, forMs: 10 * SECOND, least: 420 },
  { name: '100/m', rate: { count: 100, windowMs: MINUTE }, forMs: 5 * MINUTE, least: 480 },
  { name: '1000/h', rate: { count: 1_000, windowMs: HOUR }, forMs: 2 * HOUR, least: 1_900 },
  { name: '3/d', rate: { count: 3, windowMs: 24 * HOUR }, forMs: 72 * HOUR, least: 9 },
];

test.each(CASES)('one process keeps $name, and uses it', async ({ rate, forMs, least }) => {
  const clock = new FakeClock(undefined, { uneven: true });
  const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 3 });
  const sent: number[] = [];
  sender(clock, { quotas, holder: 'a', rate, sent });
  await clock.advance(forMs);
  expect(mostWithin(sent, rate.windowMs)).toBeLessThanOrEqual(rate.count);
  expect(sent.length).toBeGreaterThanOrEqual(least);
});

test.each(CASES)('four processes keep $name together, however slow the store is', async ({ rate, forMs, least }) => {
  const clock = new FakeClock(undefined, { uneven: true });
  let number = 0;
  const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 1 + ((number++ * 37) % 60) });
  const sent: number[] = [];
  const own = ['a', 'b', 'c', 'd'].map((holder) => {
    const times: number[] = [];
    sender(clock, { quotas, holder, rate, sent: times });
    return times;
  });
  await clock.advance(forMs);
  sent.push(...own.flat());
  expect(mostWithin(sent, rate.windowMs)).toBeLessThanOrEqual(rate.count);
  expect(sent.length).toBeGreaterThanOrEqual(least * 0.8);
});

test('a slower rate holds from the next message on, a faster one too', async () => {
  const clock = new FakeClock();
  const sent: number[] = [];
  const pacer = sender(clock, { quotas: fakeQuotas(clock), holder: 'a', rate: { count: 10, windowMs: SECOND }, sent });
  await clock.advance(5 * SECOND);
  const before = sent.length;
  expect(before).toBeGreaterThan(45);
  pacer.pace = paceOf({ count: 1, windowMs: MINUTE });
  pacer.want();
  await clock.advance(10 * MINUTE);
  expect(mostWithin(sent.slice(before), MINUTE)).toBe(1);
  expect(sent.length - before).toBeGreaterThanOrEqual(9);
  pacer.pace = paceOf({ count: 10, windowMs: SECOND });
  pacer.want();
  const then = sent.length;
  await clock.advance(5 * SECOND);
  expect(sent.length - then).toBeGreaterThan(45);
});

test('a store that is away is asked again in a while, and nothing goes meanwhile', async () => {
  const clock = new FakeClock();
  const quotas = fakeQuotas(clock);
  const sent: number[] = [];
  quotas.failing = 'undone';
  sender(clock, { quotas, holder: 'a', rate: { count: 1, windowMs: SECOND }, sent });
  await clock.advance(10 * SECOND);
  expect(sent).toEqual([]);
  quotas.failing = 'no';
  await clock.advance(10 * SECOND);
  expect(sent.length).toBeGreaterThanOrEqual(8);
});
