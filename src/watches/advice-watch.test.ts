import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { sharedFigures } from '../../tests/fakes/figures.ts';
import type { ExitLimit } from '../access/relay-advice.ts';
import { readExitStandings } from '../exits/standings.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import { logFields } from '../report/log-fields.ts';
import { costsOf } from '../routing/cost-figures.ts';
import { DAY_MS } from '../routing/outcome-figures.ts';
import { watchAdvice } from './advice-watch.ts';

const START_MS = Date.UTC(2026, 0, 20, 12);
const policy = policySchema.parse({
  hostname: 'relay.test',
  egress: { 'ip-1': { type: 'sandbox' }, off: { type: 'sandbox', enabled: false } },
});

type Recommended = Extract<Event, { event: 'recommended' }>;

async function watching(
  run: (rig: {
    readonly clock: FakeClock;
    readonly told: Recommended[];
    readonly limits: Map<string, ExitLimit>;
    readonly count: (day: number, amount: number) => Promise<void>;
    readonly store: { isAway: boolean };
  }) => Promise<void>,
  preset: 'basic-dual' | null = null,
): Promise<void> {
  const clock = new FakeClock(START_MS);
  const figures = sharedFigures();
  const inForce = () => ({ ...policy, preset });
  const standings = await readExitStandings({ policy: inForce, ...figures, clock, node: 'n1', judges: true });
  const limits = new Map<string, ExitLimit>();
  const told: Recommended[] = [];
  const stats = {
    policy: inForce,
    clock,
    standings,
    spool: { ledger: figures.tallies, overview: () => Promise.reject(new Error('not asked')) },
    limits: async () => limits,
    costs: async () => costsOf({ policy: inForce(), counts: [], budgets: new Map(), nowMs: clock.nowMs() }),
    midnightMs: () => 0,
  };
  const emit = (event: Event): void => void (event.event === 'recommended' && told.push(event));
  const watch = watchAdvice({ stats, clock, emit });
  const count = (day: number, amount: number) => {
    const startsAtMs = Math.floor(START_MS / DAY_MS) * DAY_MS - day * DAY_MS;
    const account = 'outcome-day:ip-1:other:delivered';
    return figures.tallies.count([{ account, startsAtMs, amount, keepUntilMs: startsAtMs + 40 * DAY_MS }]);
  };
  await run({ clock, told, limits, count, store: figures });
  await watch[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
}

test('what might be done is told once when it comes and once when it goes, with its figures', async () => {
  await watching(async ({ clock, told, limits }) => {
    await clock.advance(120_000);
    expect(told).toEqual([]);
    limits.set('ip-1', { limit: 500, used: 450, warmup: null });
    await clock.advance(60_000);
    expect(told).toMatchObject([{ kind: 'capacity', raised: true, figures: { used: 450, limit: 500, percent: 90 } }]);
    limits.set('ip-1', { limit: 500, used: 460, warmup: null });
    await clock.advance(600_000);
    expect(told).toHaveLength(1);
    limits.set('ip-1', { limit: 1_000, used: 460, warmup: null });
    await clock.advance(60_000);
    expect(told.slice(1)).toMatchObject([{ kind: 'capacity', raised: false, figures: { used: 460 } }]);
    const [first] = told;
    if (first === undefined) throw new Error('nothing was told');
    expect(logFields(first, { subjects: false })).toEqual({
      kind: 'capacity',
      text: "90 % of today's capacity used (450 of 500), over 80 %: consider more servers",
      figures: { used: 450, limit: 500, percent: 90 },
      raised: true,
    });
  });
});

test('a store that is away neither raises nor ends it', async () => {
  await watching(async ({ clock, told, limits, store }) => {
    limits.set('ip-1', { limit: 500, used: 450, warmup: null });
    await clock.advance(60_000);
    store.isAway = true;
    await clock.advance(600_000);
    store.isAway = false;
    await clock.advance(60_000);
    expect(told.map(({ raised }) => raised)).toEqual([true]);
  });
});

test('a preset that days of the last week filled is to be the next one, by what was sent', async () => {
  await watching(async ({ clock, told, limits, count }) => {
    limits.set('ip-1', { limit: 1_000, used: 0, warmup: null });
    await count(0, 5_000);
    await count(1, 900);
    await count(2, 300);
    await clock.advance(60_000);
    expect(told).toEqual([]);
    await count(3, 950);
    await clock.advance(60_000);
    expect(told).toMatchObject([
      { kind: 'preset-up', figures: { now: 'basic-dual', preset: 'starter-triple', busyDays: 2, busiest: 950 } },
    ]);
  }, 'basic-dual');
});
