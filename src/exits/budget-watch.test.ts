import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { fakeQuotas } from '../../tests/fakes/quotas.ts';
import type { Event } from '../message/event.ts';
import { budgetWindow } from '../policy/money.ts';
import { policySchema, type PolicyInput } from '../policy/schema.ts';
import { watchBudgets } from './budget-watch.ts';

const LOOK_MS = 5_000;
const DAY_MS = 86_400_000;

type Told = { readonly name: string; readonly raised: boolean; readonly text: string };

async function watching(
  egress: NonNullable<PolicyInput['egress']>,
  run: (world: {
    readonly clock: FakeClock;
    readonly told: Told[];
    readonly spend: (amount: number) => Promise<void>;
    readonly follow: (next: NonNullable<PolicyInput['egress']>) => void;
  }) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const quotas = fakeQuotas(clock);
  const policyOf = (exits: PolicyInput['egress']) =>
    policySchema.parse({ hostname: 'a', egress: exits, streams: { urgent: { priority: 'high' }, news: {} } });
  let policy = policyOf(egress);
  const told: Told[] = [];
  const emit = (event: Event): void => void (event.event === 'alert' && told.push(event));
  const watch = watchBudgets({ policy: () => policy, ledger: quotas, clock, emit });
  const spend = async (amount: number): Promise<void> => {
    const nowMs = clock.nowMs();
    const { account, startsAtMs, endsAtMs } = budgetWindow('cloud', nowMs, 'UTC');
    const of = { account, startsAtMs, endsAtMs, holder: 'a' };
    await quotas.takeBlock({ ...of, wanted: amount, limit: 2 ** 52, nowMs, untilMs: nowMs + 1 });
    await quotas.spend({ ...of, amount });
    await clock.advance(LOOK_MS);
  };
  await run({ clock, told, spend, follow: (next) => void (policy = policyOf(next)) });
  await watch[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
}

const cloud = (more: object = {}): PolicyInput['egress'] => ({
  cloud: { type: 'smtp', host: 'a.test', cost: '10 USD/1000', budget: '90 USD/month', ...more },
});

test('a budget is told of at 80 and at 100 per cent, once each, and over with the new month', async () => {
  await watching(cloud() ?? {}, async ({ clock, told, spend }) => {
    await spend(71_990_000);
    expect(told).toEqual([]);
    await spend(10_000);
    await spend(10_000);
    expect(told).toMatchObject([
      {
        name: 'budget:cloud',
        raised: true,
        text: '80 % of the budget of cloud is used (72.00 of 90 USD): at 100 % its mail takes the next exit of its route, or waits; the month turns at 2026-12-01T00:00:00.000Z',
      },
    ]);
    await spend(17_980_000);
    expect(told).toHaveLength(1);
    await spend(10_000);
    // Of streams that are exempt.
    await spend(500_000);
    expect(told.slice(1)).toMatchObject([
      {
        raised: true,
        text: 'the budget of cloud is used up (90.00 of 90 USD): it is closed for all mail but the streams urgent, and opens by itself as the month turns at 2026-12-01T00:00:00.000Z',
      },
    ]);
    clock.jumpMs(8 * DAY_MS);
    await clock.advance(LOOK_MS);
    expect(told).toHaveLength(2);
    clock.jumpMs(DAY_MS);
    await clock.advance(LOOK_MS);
    expect(told.slice(2)).toMatchObject([{ name: 'budget:cloud', raised: false }]);
    await spend(80_000_000);
    expect(told.slice(3)).toMatchObject([{ raised: true, text: expect.stringMatching(/^88 % of the budget/) }]);
  });
});

test('a higher budget is told of, with what is used of it', async () => {
  await watching(cloud() ?? {}, async ({ clock, told, spend, follow }) => {
    await spend(90_000_000);
    expect(told).toHaveLength(1);
    follow(cloud({ budget: '100 USD/month' }) ?? {});
    await clock.advance(LOOK_MS);
    expect(told.slice(1)).toMatchObject([{ raised: true, text: expect.stringMatching(/^90 % .*90\.00 of 100 USD/) }]);
    follow(cloud({ budget: '200 USD/month' }) ?? {});
    await clock.advance(LOOK_MS);
    expect(told.slice(2)).toMatchObject([{ raised: false, text: expect.stringContaining('90.00 of 200 USD') }]);
    await spend(110_000_000);
    follow(cloud({ budget: undefined }) ?? {});
    await clock.advance(LOOK_MS);
    expect(told.slice(3)).toMatchObject([{ raised: true }, { raised: false, text: 'cloud has no budget any more' }]);
  });
});

test('a rent is told of only where it is more than the budget', async () => {
  await watching(cloud({ cost: '85 USD/month' }) ?? {}, async ({ clock, told, follow }) => {
    await clock.advance(LOOK_MS);
    expect(told).toEqual([]);
    follow(cloud({ cost: '91 USD/month' }) ?? {});
    await clock.advance(10 * LOOK_MS);
    expect(told).toMatchObject([{ raised: true, text: expect.stringContaining('it goes on sending') }]);
  });
});
