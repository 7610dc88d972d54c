import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { busy, dayName, mostIn, senderOn, termsOf } from '../../../tests/fakes/limit-sender.ts';
import { fakeQuotas } from '../../../tests/fakes/quotas.ts';
import { openEmbeddedSpool } from '../../spool/embedded/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

describe('an hourly limit', () => {
  test('beside a daily one: both hold, and each hour begins anew', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 10, 30));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 130, hourly: 50 });
    await busy(clock, [one], { forMs: 4 * HOUR, stepMs: 20 * SECOND });
    const hours = [10, 11, 12, 13].map((hour) => one.sent.filter((at) => new Date(at).getUTCHours() === hour).length);
    expect(hours).toEqual([50, 50, 30, 0]);
    expect(one.limits.state()).toMatchObject({ kind: 'limited', cause: 'daily limit 130/130' });
  });

  test('that is used up beside the daily one is told with the time at which both are open', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 21, 30));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 50, hourly: 50 });
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    const state = one.limits.state();
    // Midnight in Berlin is at 22:00 UTC, as the next hour: the day is told, which ends no sooner.
    expect(state).toMatchObject({ kind: 'limited', cause: 'daily limit 50/50' });
    const hourly = senderOn(clock, fakeQuotas(clock), { daily: 500, hourly: 50 });
    await busy(clock, [hourly], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(hourly.limits.state()).toMatchObject({ kind: 'limited', cause: 'hourly limit 50/50' });
    const untilMs = hourly.limits.state()?.untilMs ?? 0;
    expect(Math.round(clock.nowMs() + untilMs - clock.monotonicMs())).toBe(Date.UTC(2026, 5, 1, 22));
  });

  test('is shared by four processes on one store', async () => {
    const path = await mkdtemp(join(tmpdir(), 'relevo-limits-'));
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 10, 59, 30));
    {
      await using spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
      const all = ['a', 'b', 'c', 'd'].map(() => senderOn(clock, spool.ledger, { hourly: 200, daily: 1_000 }));
      for (let step = 0; step < 240; step++) {
        for (const one of all) {
          one.limits.tick();
          one.send(2);
        }
        // Whatever was asked is answered.
        await spool.overview();
        await clock.advance(250);
      }
      const sent = all.flatMap((one) => one.sent);
      expect(sent.filter((at) => at < Date.UTC(2026, 5, 1, 11)).length).toBe(200);
      expect(sent.filter((at) => at >= Date.UTC(2026, 5, 1, 11)).length).toBe(200);
      for (const one of all) expect(one.sent.length).toBeGreaterThan(20);
    }
    await rm(path, { recursive: true, force: true });
  });
});

describe('a day', () => {
  test.each([
    {
      name: 'of 23 hours',
      from: Date.UTC(2026, 2, 28, 22, 59),
      midnights: [Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)],
    },
    {
      name: 'of 25 hours',
      from: Date.UTC(2026, 9, 24, 21, 59),
      midnights: [Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23)],
    },
  ])(
    '$name has its limit once, from its midnight to the next',
    async ({ from, midnights: [first = 0, second = 0] }) => {
      const clock = new FakeClock(from);
      const one = senderOn(clock, fakeQuotas(clock), { daily: 20 });
      await busy(clock, [one], { forMs: 2 * MINUTE, stepMs: SECOND });
      await busy(clock, [one], { forMs: second - clock.nowMs() - MINUTE, stepMs: 10 * MINUTE });
      await busy(clock, [one], { forMs: 2 * MINUTE, stepMs: SECOND });
      const within = (startMs: number, endMs: number): number =>
        one.sent.filter((at) => at >= startMs && at < endMs).length;
      expect([within(0, first), within(first, second), within(second, Infinity)]).toEqual([20, 20, 20]);
      // The first of the day leaves with its first second.
      expect(one.sent[20]).toBeLessThan(first + 2 * SECOND);
      expect(one.sent[40]).toBeLessThan(second + 11 * MINUTE);
    },
  );

  test('whose last message had to wait for its turn until after midnight counts it to the next', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 21, 59, 50));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 3, delayMs: 4 * SECOND });
    await busy(clock, [one], { forMs: 2 * MINUTE, stepMs: 100 });
    expect(mostIn(one.sent, dayName)).toBe(3);
    expect(one.sent.length).toBe(6);
  });
});

test.each([
  { name: 'a delay', pace: { delayMs: 4 * SECOND } },
  { name: 'a rate', pace: { rate: { count: 3, windowMs: MINUTE } } },
])(
  'what waits for its turn in $name until after midnight is one of the new day, which has no more for it',
  async ({ pace }) => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 21, 59, 40), { uneven: true });
    // As long as the store takes to answer, several processes have booked and wait for their turn.
    const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 300 });
    const all = [0, 1, 2, 3].map(() => senderOn(clock, quotas, { daily: 8, ...pace }));
    await busy(clock, all, { forMs: 6 * MINUTE, stepMs: 100 });
    const times = all.flatMap((one) => one.sent);
    expect(mostIn(times, dayName)).toBe(8);
  },
);

test('providers of a warm-up have their caps in four processes on one store, beside a day and a delay', async () => {
  const path = await mkdtemp(join(tmpdir(), 'relevo-limits-'));
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 21, 59, 30), { uneven: true });
  {
    await using spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
    clock.standsWhile(() => spool.underWay > 0);
    const settings = { cap: 20, perProvider: true, daily: 55, delayMs: 50 };
    const all = [0, 1, 2, 3].map(() => senderOn(clock, spool.ledger, settings));
    // Half of the mail, and two quarters.
    const mail = ['google', 'outlook', 'google', 'other'];
    for (let step = 0; step < 240; step++) {
      for (const [place, one] of all.entries()) {
        one.limits.tick();
        one.send(2, mail[(step + place) % 4] ?? null);
      }
      await clock.advance(250);
    }
    expect(
      mostIn(
        all.flatMap((one) => one.sent),
        dayName,
      ),
    ).toBe(55);
    const [google, ...others] = ['google', 'outlook', 'other'].map((name) =>
      mostIn(
        all.flatMap((one) => one.sent.filter((_, place) => one.sentTo[place] === name)),
        dayName,
      ),
    );
    expect(google).toBe(20);
    for (const most of others) expect(most).toBeGreaterThan(5);
    expect(Math.max(...others)).toBeLessThanOrEqual(20);
    for (const one of all) expect(one.sent.length).toBeGreaterThan(3);
  }
  await rm(path, { recursive: true, force: true });
});

describe('a warm-up', () => {
  test('holds on the same account as the daily limit, so that what was sent before it changed counts', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 500, cap: 50 });
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(50);
    expect(one.limits.state()).toMatchObject({ cause: 'warm-up 50/50 today' });
    one.limits.adjust(termsOf({ daily: 500, cap: 100 }));
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(100);
    one.limits.adjust(termsOf({ daily: 500, cap: 60 }));
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(100);
    expect(one.limits.state()).toMatchObject({ cause: 'warm-up 100/60 today' });
  });

  test('of which it is not known how far it is sends nothing', () => {
    const clock = new FakeClock();
    const one = senderOn(clock, fakeQuotas(clock), { cap: 50 });
    one.limits.adjust({ ...termsOf({ cap: 50 }), warmup: { kind: 'unknown' } });
    expect(one.limits.state()).toMatchObject({ kind: 'asking' });
    one.limits.adjust({ ...termsOf({ cap: 50 }), warmup: { kind: 'before', start: '2026-01-03' } });
    const state = one.limits.state();
    expect(state).toMatchObject({ kind: 'limited', cause: 'warm-up starts on 2026-01-03' });
    expect((state?.untilMs ?? 0) - clock.monotonicMs() + clock.nowMs()).toBe(Date.UTC(2026, 0, 2, 23));
  });
});

test('an exit at half its pace has half of every limit', async () => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
  const half = senderOn(clock, fakeQuotas(clock), { daily: 100, hourly: 80, part: 0.5 });
  await busy(clock, [half], { forMs: MINUTE, stepMs: SECOND });
  expect(half.sent.length).toBe(40);
  expect(half.limits.state()).toMatchObject({ cause: 'hourly limit 40/40, slowed to 50 %' });
  const slow = senderOn(clock, fakeQuotas(clock), { rate: { count: 60, windowMs: MINUTE }, part: 0.5 });
  await busy(clock, [slow], { forMs: 10 * MINUTE, stepMs: 100 });
  expect(slow.sent.length).toBeGreaterThan(280);
  expect(slow.sent.length).toBeLessThanOrEqual(300);
});

test('a part of a limit that is used is what was sent, without what a process has set aside', async () => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
  const one = senderOn(clock, fakeQuotas(clock), { daily: 1_000 });
  expect(one.limits.share).toBe(0);
  one.send(7);
  await clock.advance(SECOND);
  expect(one.limits.share).toBeCloseTo(0.007);
  // Handed back after a while, and known all the same.
  for (let tick = 0; tick < 20; tick++) {
    one.limits.tick();
    await clock.advance(SECOND);
  }
  expect(one.limits.share).toBeCloseTo(0.007);
});
