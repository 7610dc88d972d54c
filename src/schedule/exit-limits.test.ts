import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../tests/fakes/quotas.ts';
import { dayOf, hourOf } from '../policy/day.ts';
import type { Quotas } from '../spool/ledger.ts';
import { openEmbeddedSpool } from '../spool/embedded/spool.ts';
import { ExitLimits, type ExitTerms } from './exit-limits.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const ZONE = 'Europe/Berlin';

type Settings = {
  readonly daily?: number;
  readonly hourly?: number;
  readonly delayMs?: number;
  readonly rate?: { readonly count: number; readonly windowMs: number };
  readonly cap?: number;
  readonly part?: number;
};

function termsOf({ daily, hourly, delayMs, rate, cap, part }: Settings): ExitTerms {
  const warmup = cap === undefined ? null : { kind: 'warming' as const, day: 1, days: 6, cap };
  const regress = { deferred: 20, bounced: 5, complained: 0.3 };
  return {
    egress: {
      dailyLimit: daily ?? null,
      hourlyLimit: hourly ?? null,
      rate: rate ?? null,
      delay: delayMs ?? 0,
      warmup: cap === undefined ? null : { perProvider: false, regress },
    },
    zone: ZONE,
    part: part ?? 1,
    warmup,
    warmupFor: () => warmup,
  };
}

type Sender = {
  limits: ExitLimits;
  /** Wall times at which messages went. */
  readonly sent: number[];
  /** What left and never came to MAIL. */
  refund(): Promise<void>;
  /** As many as it may. */
  send(most?: number): void;
  die(): void;
};

let senders = 0;

function senderOn(clock: FakeClock, quotas: Quotas, settings: Settings): Sender {
  let isDead = false;
  let waiting = 0;
  const pump = (): void => {
    if (isDead) return;
    for (; waiting > 0 && sender.limits.state(null) === null; waiting--) {
      sender.limits.take(null);
      void sender.limits.book(null).then((booked) => {
        if (booked && !isDead) sender.sent.push(clock.nowMs());
      });
    }
    if (waiting > 0) sender.limits.want(null);
  };
  const sender: Sender = {
    limits: null as unknown as ExitLimits,
    sent: [],
    send(most = 1_000) {
      waiting = Math.min(1_000, waiting + most);
      pump();
    },
    async refund() {
      if (sender.sent.length === 0 || isDead) return;
      const last = sender.sent.at(-1) ?? 0;
      // What was counted for a window that is over is not handed back.
      if (hourOf(last).startsAtMs !== hourOf(clock.nowMs()).startsAtMs) return;
      sender.sent.pop();
      await sender.limits.refund(null);
    },
    die: () => void (isDead = true),
  };
  const needs = {
    quotas,
    clock,
    holder: `holder ${senders++}`,
    leaseMs: 14_000,
    changed: () => pump(),
    failed: () => {},
  };
  sender.limits = new ExitLimits(needs, 'one', termsOf(settings));
  return sender;
}

/** The most that any of these windows has of the times. */
function mostIn(times: readonly number[], nameOf: (atMs: number) => string): number {
  const counts = new Map<string, number>();
  for (const atMs of times) counts.set(nameOf(atMs), (counts.get(nameOf(atMs)) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

const dayName = (atMs: number): string => dayOf(atMs, ZONE).name;
const hourName = (atMs: number): string => String(hourOf(atMs).startsAtMs);

/** Each process has mail all the time, and is asked every so often. */
async function busy(
  clock: FakeClock,
  all: readonly Sender[],
  { forMs, stepMs }: { forMs: number; stepMs: number },
): Promise<void> {
  for (let past = 0; past < forMs; past += stepMs) {
    for (const one of all) {
      one.limits.tick();
      one.send();
    }
    await clock.advance(stepMs);
  }
}

describe('an hourly limit', () => {
  test('beside a daily one: both hold, and each hour begins anew', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 10, 30));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 130, hourly: 50 });
    await busy(clock, [one], { forMs: 4 * HOUR, stepMs: 20 * SECOND });
    const hours = [10, 11, 12, 13].map((hour) => one.sent.filter((at) => new Date(at).getUTCHours() === hour).length);
    expect(hours).toEqual([50, 50, 30, 0]);
    expect(one.limits.state(null)).toMatchObject({ kind: 'limited', cause: 'daily limit 130/130' });
  });

  test('that is used up beside the daily one is told with the time at which both are open', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 21, 30));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 50, hourly: 50 });
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    const state = one.limits.state(null);
    // Midnight in Berlin is at 22:00 UTC, as the next hour: the day is told, which ends no sooner.
    expect(state).toMatchObject({ kind: 'limited', cause: 'daily limit 50/50' });
    const hourly = senderOn(clock, fakeQuotas(clock), { daily: 500, hourly: 50 });
    await busy(clock, [hourly], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(hourly.limits.state(null)).toMatchObject({ kind: 'limited', cause: 'hourly limit 50/50' });
    const untilMs = hourly.limits.state(null)?.untilMs ?? 0;
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

describe('a warm-up', () => {
  test('holds on the same account as the daily limit, so that what was sent before it changed counts', async () => {
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
    const one = senderOn(clock, fakeQuotas(clock), { daily: 500, cap: 50 });
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(50);
    expect(one.limits.state(null)).toMatchObject({ cause: 'warm-up 50/50 today' });
    one.limits.adjust(termsOf({ daily: 500, cap: 100 }));
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(100);
    one.limits.adjust(termsOf({ daily: 500, cap: 60 }));
    await busy(clock, [one], { forMs: 10 * SECOND, stepMs: SECOND });
    expect(one.sent.length).toBe(100);
    expect(one.limits.state(null)).toMatchObject({ cause: 'warm-up 100/60 today' });
  });

  test('of which it is not known how far it is sends nothing', () => {
    const clock = new FakeClock();
    const one = senderOn(clock, fakeQuotas(clock), { cap: 50 });
    one.limits.adjust({ ...termsOf({ cap: 50 }), warmup: { kind: 'unknown' } });
    expect(one.limits.state(null)).toMatchObject({ kind: 'asking' });
    one.limits.adjust({ ...termsOf({ cap: 50 }), warmup: { kind: 'before', start: '2026-01-03' } });
    const state = one.limits.state(null);
    expect(state).toMatchObject({ kind: 'limited', cause: 'warm-up starts on 2026-01-03' });
    expect((state?.untilMs ?? 0) - clock.monotonicMs() + clock.nowMs()).toBe(Date.UTC(2026, 0, 2, 23));
  });
});

test('an exit at half its pace has half of every limit', async () => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
  const half = senderOn(clock, fakeQuotas(clock), { daily: 100, hourly: 80, part: 0.5 });
  await busy(clock, [half], { forMs: MINUTE, stepMs: SECOND });
  expect(half.sent.length).toBe(40);
  expect(half.limits.state(null)).toMatchObject({ cause: 'hourly limit 40/40, slowed to 50 %' });
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

/** What may happen, in any order. */
const happenings = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('send' as const), who: fc.nat(3), most: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 90 * MINUTE }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3 * SECOND }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refund' as const), who: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), who: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -3 * HOUR, max: 3 * HOUR }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), how: fc.constantFrom('no', 'undone', 'done') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('limits' as const),
      daily: fc.integer({ min: 1, max: 60 }),
      hourly: fc.integer({ min: 1, max: 30 }),
      part: fc.constantFrom(1, 1, 0.5, 0.1),
    }),
  },
);
type Happening = typeof happenings extends fc.Arbitrary<infer One> ? One : never;

describe('whatever happens', () => {
  const most = { daily: 60, hourly: 30 };

  async function played(script: readonly Happening[], fixed: Settings): Promise<{ all: Sender[]; clock: FakeClock }> {
    // The night before a day of 25 hours.
    const clock = new FakeClock(Date.UTC(2026, 9, 24, 20), { uneven: true });
    let latencyMs = 0;
    const quotas: FakeQuotas = Object.assign(fakeQuotas(clock), { latencyMs: () => latencyMs });
    let settings: Settings = { ...most, ...fixed };
    const all = Array.from({ length: 4 }, () => senderOn(clock, quotas, settings));
    const living = [...all];
    for (const one of script) {
      const who = 'who' in one ? living[one.who] : undefined;
      if (one.kind === 'send') who?.send(one.most);
      else if (one.kind === 'refund') void who?.refund();
      else if (one.kind === 'jump') clock.jumpMs(one.ms);
      else if (one.kind === 'slow') latencyMs = one.ms;
      else if (one.kind === 'fail') quotas.failing = one.how as FakeQuotas['failing'];
      else if (one.kind === 'die') {
        who?.die();
        living[one.who] = senderOn(clock, quotas, settings);
        all.push(living[one.who] as Sender);
      } else if (one.kind === 'limits') {
        settings = { ...one, ...fixed };
        for (const each of living) each.limits.adjust(termsOf(settings));
      } else {
        for (const each of living) each.limits.tick();
        await clock.advance(one.ms);
      }
    }
    await clock.advance(SECOND);
    return { all, clock };
  }

  test('no day and no hour has more than its limit', async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happenings, { minLength: 20, maxLength: 60 }), async (script) => {
        const { all } = await played(script, {});
        const times = all.flatMap((one) => one.sent);
        sent += times.length;
        expect(mostIn(times, dayName)).toBeLessThanOrEqual(most.daily);
        expect(mostIn(times, hourName)).toBeLessThanOrEqual(most.hourly);
      }),
      { numRuns: 150 },
    );
    // It was about something.
    expect(sent).toBeGreaterThan(500);
  });

  test('no two messages are closer than the delay, and no window has more than the rate', async () => {
    let sent = 0;
    const calm = happenings
      .filter(({ kind }) => kind !== 'jump' && kind !== 'limits')
      .map((one) => (one.kind === 'pass' ? { ...one, ms: one.ms % (20 * SECOND) } : one));
    const paces = fc.record({
      delayMs: fc.integer({ min: 50, max: 3 * SECOND }),
      count: fc.integer({ min: 1, max: 90 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(calm, { minLength: 20, maxLength: 50 }), paces, async (script, { delayMs, count }) => {
        const rate = { count, windowMs: MINUTE };
        const { all } = await played(script, { daily: 5_000, hourly: 5_000, delayMs, rate });
        const times = all.flatMap((one) => one.sent).sort((a, b) => a - b);
        sent += times.length;
        for (const [place, at] of times.slice(1).entries())
          expect(at - (times[place] ?? 0)).toBeGreaterThanOrEqual(delayMs);
        for (const [place, at] of times.entries()) {
          const after = times[place + count];
          if (after !== undefined) expect(after - at).toBeGreaterThanOrEqual(MINUTE);
        }
      }),
      { numRuns: 30 },
    );
    expect(sent).toBeGreaterThan(200);
  });
});
