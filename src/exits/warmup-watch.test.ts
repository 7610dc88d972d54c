import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import { policySchema, type Policy } from '../policy/schema.ts';
import { outcomeName, OUTCOMES, type OutcomeKind } from '../routing/outcome-figures.ts';
import { Warmups } from '../schedule/limits/warmups.ts';
import type { Mark } from '../spool/marks.ts';
import type { Count } from '../spool/tallies.ts';
import { watchWarmups } from './warmup-watch.ts';

const HOUR = 3_600_000;
const DAY = 86_400_000;
/** Midnight in Berlin. */
const MIDNIGHT = Date.UTC(2026, 10, 19, 23);

function records() {
  const counts: Count[] = [];
  const marks = new Map<string, Mark>();
  return {
    counts,
    tallies: {
      counts: async (prefix: string, sinceMs: number) =>
        counts.filter(({ account, startsAtMs }) => account.startsWith(prefix) && startsAtMs >= sinceMs),
    },
    marks: {
      marks: async (prefix: string) => [...marks.values()].filter(({ name }) => name.startsWith(prefix)),
      mark: async (some: readonly Mark[]) => some.forEach((one) => marks.set(one.name, one)),
      unmark: async (names: readonly string[]) => names.forEach((name) => marks.delete(name)),
    },
    sent: (account: string, daysAgo: readonly number[]) =>
      counts.push(...daysAgo.map((days) => ({ account, startsAtMs: MIDNIGHT - days * DAY, amount: 1 }))),
    outcome: (egress: string, provider: string, of: { kind: OutcomeKind; amount: number; atMs: number }) => {
      const account = OUTCOMES + outcomeName({ egress, provider, kind: of.kind });
      counts.push({ account, startsAtMs: Math.floor(of.atMs / HOUR) * HOUR, amount: of.amount });
    },
  };
}

function policyWith(warmup: Record<string, unknown>): Policy {
  const egress = { 'ip-1': { type: 'mx' as const, dailyLimit: 500, warmup } };
  return policySchema.parse({ hostname: 'a.test', timeZone: 'Europe/Berlin', egress });
}

test('a day with too much that was deferred takes a step back, is told with its figures, and is over with the next', async () => {
  const clock = new FakeClock(MIDNIGHT + 2 * HOUR);
  const kept = records();
  const policy = policyWith({});
  const events: Event[] = [];
  kept.sent('sent:ip-1', [3, 2, 1]);
  const needs = { ...kept, policy: () => policy, clock, emit: (event: Event) => void events.push(event) };
  await using _ = watchWarmups(needs);
  const capNow = async (): Promise<unknown> => {
    const warmups = new Warmups(needs);
    await warmups.read();
    return warmups.of({ egress: 'ip-1', provider: null });
  };
  kept.outcome('ip-1', 'google', { kind: 'delivered', amount: 90, atMs: MIDNIGHT + HOUR });
  await clock.advance(20_000);
  expect(await capNow()).toMatchObject({ day: 4, cap: 300 });
  kept.outcome('ip-1', 'other', { kind: 'deferred', amount: 30, atMs: MIDNIGHT + HOUR });
  await clock.advance(20_000);
  expect(await capNow()).toMatchObject({ day: 3, cap: 200 });
  await clock.advance(10 * 60_000);
  expect(events).toEqual([
    {
      event: 'alert',
      atMs: expect.any(Number),
      name: 'warmup:ip-1',
      text:
        'ip-1: today 30 of 120 (25 %) deferred, more than 20 %: its warm-up is back at day 3 of 6, 200 messages; ' +
        'today does not count, tomorrow has the same again',
      raised: true,
    },
  ]);
  // Another node finds it, and says the same once.
  const others: Event[] = [];
  await using other = watchWarmups({ ...needs, emit: (event) => void others.push(event) });
  await clock.advance(20_000);
  expect(others).toMatchObject([{ name: 'warmup:ip-1', raised: true, text: expect.stringContaining('30 of 120') }]);
  kept.sent('sent:ip-1', [0]);
  clock.jumpMs(DAY);
  await clock.advance(40_000);
  expect(await capNow()).toMatchObject({ day: 3, cap: 200 });
  expect(events.slice(1)).toMatchObject([
    { name: 'warmup:ip-1', raised: false, text: 'ip-1: its warm-up goes on with day 3 of 6, 200 messages' },
  ]);
  await other[Symbol.asyncDispose]();
});

test('what came late of yesterday is held against today, once', async () => {
  const clock = new FakeClock(MIDNIGHT + 60_000);
  const kept = records();
  const policy = policyWith({});
  const events: Event[] = [];
  kept.sent('sent:ip-1', [2, 1]);
  kept.outcome('ip-1', 'google', { kind: 'delivered', amount: 90, atMs: MIDNIGHT - HOUR });
  kept.outcome('ip-1', 'google', { kind: 'complained', amount: 2, atMs: MIDNIGHT - HOUR });
  await using _ = watchWarmups({ ...kept, policy: () => policy, clock, emit: (event) => void events.push(event) });
  await clock.advance(10 * 60_000);
  expect(events).toMatchObject([
    { raised: true, text: expect.stringContaining('yesterday 2 of 90 (2.2 %) complaints') },
  ]);
});

test('each provider goes back by itself, where each has a warm-up of its own', async () => {
  const clock = new FakeClock(MIDNIGHT + 2 * HOUR);
  const kept = records();
  const policy = policyWith({ perProvider: true });
  const events: Event[] = [];
  kept.sent('sent-to:ip-1:google', [2, 1]);
  kept.sent('sent-to:ip-1:microsoft', [2, 1]);
  kept.outcome('ip-1', 'google', { kind: 'delivered', amount: 90, atMs: MIDNIGHT + HOUR });
  kept.outcome('ip-1', 'microsoft', { kind: 'blocked', amount: 30, atMs: MIDNIGHT + HOUR });
  const needs = { ...kept, policy: () => policy, clock, emit: (event: Event) => void events.push(event) };
  await using _ = watchWarmups(needs);
  await clock.advance(20_000);
  expect(events).toMatchObject([{ name: 'warmup:ip-1:microsoft', raised: true }]);
  const warmups = new Warmups(needs);
  await warmups.read();
  expect(warmups.of({ egress: 'ip-1', provider: 'google' })).toMatchObject({ cap: 200 });
  expect(warmups.of({ egress: 'ip-1', provider: 'microsoft' })).toMatchObject({ cap: 100 });
  expect(warmups.of({ egress: 'ip-1', provider: 'yahoo' })).toMatchObject({ cap: 50 });
});
