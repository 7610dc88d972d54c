import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hosts, policyOf as presetPolicy } from '../../tests/fakes/preset-policy.ts';
import { PRESETS, totalsOf } from '../policy/presets/presets.ts';
import { policySchema, type Policy, type PolicyInput } from '../policy/schema.ts';
import { type BudgetUse, costsOf, costsSince, type MonthCosts } from './cost-figures.ts';
import { costAccount, type CostKind, parseCostAccount } from './cost-names.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 21, 12);

type Exits = NonNullable<PolicyInput['egress']>;

function policyOf(egress: Exits, timeZone = 'UTC'): Policy {
  return policySchema.parse({ hostname: 'a', timeZone, egress });
}

const smtp = (more: object): Exits[string] => ({ type: 'smtp', host: 'a.test', ...more });
const CLOUD = { currency: 'USD', micros: 1_060_000, of: 1_000, blocks: false };

/** So many on the day that is so many days ago. */
function counted(
  daysAgo: number,
  amount: number,
  { name = 'cloud', kind = 'exit' as CostKind, price = CLOUD as typeof CLOUD | null } = {},
) {
  const startsAtMs = Math.floor(NOW / DAY_MS - daysAgo) * DAY_MS;
  return { account: costAccount({ kind, name, price }), startsAtMs, amount };
}

function costs(
  egress: Exits,
  counts: readonly ReturnType<typeof counted>[],
  { nowMs = NOW, budgets = {} }: { nowMs?: number; budgets?: Record<string, BudgetUse> } = {},
): MonthCosts {
  return costsOf({ policy: policyOf(egress), counts, budgets: new Map(Object.entries(budgets)), nowMs });
}

describe('a month', () => {
  test('costs what was taken at the prices that were in force then, and what is expected at the one of now', () => {
    const before = { ...CLOUD, micros: 2_000_000 };
    const { exits, totals } = costs({ cloud: smtp({ cost: '1.06 USD/1000' }) }, [
      counted(1, 700),
      counted(6, 700),
      counted(12, 1_000, { price: before }),
      // Of October.
      counted(25, 50_000),
    ]);
    // 1,400 in the 7 whole days before: 200 a day for nine days and a half.
    expect(exits).toEqual([
      { egress: 'cloud', currency: 'USD', count: 2_400, monthToDate: 3.484, forecast: 5.498, budget: null },
    ]);
    expect(totals).toEqual([{ currency: 'USD', monthToDate: 3.484, forecast: 5.498 }]);
  });

  test('has rents from its first day on, and no more at its end', () => {
    const nowMs = Date.UTC(2026, 10, 1, 0, 1);
    const { exits } = costs({ own: smtp({ cost: '25 USD/month' }), idle: smtp({}) }, [], { nowMs });
    expect(exits).toEqual([{ egress: 'own', currency: 'USD', count: 0, monthToDate: 25, forecast: 25, budget: null }]);
  });

  test('never adds currencies up', () => {
    const egress = {
      one: smtp({ cost: '10 USD/month' }),
      two: smtp({ cost: '9 EUR/month' }),
      three: smtp({ cost: '1 EUR/month' }),
    };
    expect(costs(egress, []).totals).toEqual([
      { currency: 'USD', monthToDate: 10, forecast: 10 },
      { currency: 'EUR', monthToDate: 10, forecast: 10 },
    ]);
  });

  test('of an exit that changed its currency has a line for each', () => {
    const euro = { ...CLOUD, currency: 'EUR' };
    const { exits } = costs({ cloud: smtp({ cost: '1.06 USD/1000' }) }, [
      counted(1, 1_000),
      counted(9, 1_000, { price: euro }),
    ]);
    expect(exits.map(({ currency, count, monthToDate }) => ({ currency, count, monthToDate }))).toEqual([
      { currency: 'USD', count: 1_000, monthToDate: 1.06 },
      { currency: 'EUR', count: 1_000, monthToDate: 1.06 },
    ]);
  });

  test('has what an exit cost that is gone', () => {
    expect(costs({}, [counted(2, 1_000, { name: 'gone' })]).exits).toEqual([
      { egress: 'gone', currency: 'USD', count: 1_000, monthToDate: 1.06, forecast: 1.06, budget: null },
    ]);
  });

  test('pays each begun block once', () => {
    const price = { ...CLOUD, blocks: true };
    const egress = { cloud: smtp({ cost: '1.06 USD/1000', billing: { blocks: true } }) };
    const of = (...counts: ReturnType<typeof counted>[]) => costs(egress, counts).exits[0]?.monthToDate;
    expect(of(counted(1, 1, { price }))).toBe(1.06);
    expect(of(counted(1, 600, { price }), counted(2, 400, { price }))).toBe(1.06);
    expect(of(counted(1, 600, { price }), counted(2, 401, { price }))).toBe(2.12);
  });

  test.each([
    { name: 'its first hour says nothing', hour: 0.5, forecast: null },
    { name: 'the first day is gone by, as far as it is over', hour: 6, forecast: 12.72 },
  ])('$name', ({ hour, forecast }) => {
    const nowMs = Date.UTC(2026, 10, 28, hour);
    const today = { ...counted(0, 1_000), startsAtMs: Date.UTC(2026, 10, 28) };
    const [exit] = costs({ cloud: smtp({ cost: '1.06 USD/1000' }) }, [today], { nowMs }).exits;
    expect(exit?.forecast).toBe(forecast);
  });

  test('is one of the time zone, whatever its clocks do', () => {
    const policy = policyOf({}, 'Europe/Berlin');
    const nowMs = Date.UTC(2026, 9, 31, 22, 30);
    expect(costsOf({ policy, counts: [], budgets: new Map(), nowMs })).toMatchObject({
      month: '2026-10',
      turnsAtMs: Date.UTC(2026, 9, 31, 23),
    });
    expect(costsSince(policy, nowMs)).toBe(Date.UTC(2026, 8, 30, 22));
  });
});

describe('streams, clients and tags', () => {
  test('have their part, the dearest first', () => {
    const counts = [
      counted(1, 100, { kind: 'stream', name: 'transactional' }),
      counted(2, 300, { kind: 'stream', name: 'marketing' }),
      counted(1, 400, { kind: 'client', name: 'shop' }),
      counted(1, 10, { kind: 'tag', name: 'a:b/ü' }),
      counted(25, 10_000, { kind: 'tag', name: 'october' }),
    ];
    expect(costs({}, counts)).toMatchObject({
      streams: [
        { name: 'marketing', count: 300, currency: 'USD', monthToDate: 0.318 },
        { name: 'transactional', count: 100, currency: 'USD', monthToDate: 0.106 },
      ],
      clients: [{ name: 'shop', monthToDate: 0.424 }],
      tags: [{ name: 'a:b/ü', monthToDate: 0.0106 }],
    });
  });
});

describe('a budget', () => {
  const use = (used: number, isUsedUp = false): BudgetUse => ({
    micros: 10_000_000,
    currency: 'USD',
    used,
    isUsedUp,
    closes: true,
    turnsAtMs: Date.UTC(2026, 11, 1),
  });
  const egress = { cloud: smtp({ cost: '1 USD/1000', budget: '10 USD/month' }) };
  const price = { ...CLOUD, micros: 1_000_000 };

  test('that will not last says until when it does', () => {
    const counts = [counted(1, 7_000, { price }), counted(6, 0, { price })];
    const [exit] = costs(egress, counts, { budgets: { cloud: use(7_000_000) } }).exits;
    expect(exit?.budget).toMatchObject({ amount: 10, used: 7, left: 3, percent: 70, isUsedUp: false });
    // 7,000 in 6 days.
    const hours = Math.floor((3_000 / (7_000 / 6)) * 24);
    expect(exit?.budget?.usedUpAtMs).toBe(NOW + hours * 3_600_000);
  });

  test.each([
    { name: 'that lasts', used: 100_000, isUsedUp: false },
    { name: 'that is used up already', used: 10_000_000, isUsedUp: true },
  ])('$name says none', ({ used, isUsedUp }) => {
    const counts = [counted(1, 100, { price }), counted(6, 0, { price })];
    const [exit] = costs(egress, counts, { budgets: { cloud: use(used, isUsedUp) } }).exits;
    expect(exit?.budget?.usedUpAtMs).toBeNull();
  });
});

describe('what own servers saved', () => {
  test('is their mail at the price of the cheapest provider, less their rents', () => {
    const egress: Exits = {
      own: smtp({ cost: '25 USD/month' }),
      old: smtp({ cost: '20 USD/month', enabled: false }),
      dear: smtp({ cost: '2 USD/1000' }),
      cheap: { type: 'sendgrid', apiKeys: ['k'], cost: '1 USD/1000', enabled: false },
      kept: { type: 'sandbox', cost: '0.01 USD/1000' },
    };
    const counts = [
      counted(1, 70_000, { name: 'own', price: null }),
      counted(7, 0, { name: 'own', price: null }),
      counted(8, 5_000, { name: 'old', price: null }),
      counted(1, 9_000, { name: 'dear' }),
    ];
    const [savings] = costs(egress, counts).savings;
    expect(savings).toMatchObject({ cloud: 'cheap', per1000: 1, count: 75_000, cloudCost: 75, ownCost: 25, saved: 50 });
    // 10,000 a day, for nine days and a half.
    expect(savings?.forecast).toBeCloseTo(145, 6);
  });

  test('is at the price of a plan that is paid by the month, at full use of its dailyLimit', () => {
    const egress: Exits = {
      own: smtp({ cost: '25 USD/month' }),
      sendgrid: { type: 'sendgrid', apiKeys: ['k'], cost: '20 USD/month', dailyLimit: 1_500 },
    };
    const [savings] = costs(egress, [counted(1, 45_000, { name: 'own', price: null })]).savings;
    expect(savings).toMatchObject({ cloud: 'sendgrid', cloudCost: 20, ownCost: 25, saved: -5 });
  });

  test.each([
    ['no provider has a price', { own: smtp({ cost: '25 USD/month' }) }],
    ['there is no own server', { cloud: smtp({ cost: '1 USD/1000' }) }],
    [
      'own servers are paid in another currency',
      { own: smtp({ cost: '25 EUR/month' }), cloud: smtp({ cost: '1 USD/1000' }) },
    ],
  ] as const)('is nothing where %s', (_, egress) => {
    expect(costs(egress, []).savings).toEqual([]);
  });
});

test.each(PRESETS.map((preset) => ({ preset: preset.name, usd: totalsOf(preset).usdPerMonth })))(
  'the month of the preset $preset costs $usd USD, as its table says',
  ({ preset, usd }) => {
    const policy = presetPolicy(`preset: ${preset}\n`, hosts(25));
    const { totals, savings } = costsOf({ policy, counts: [], budgets: new Map(), nowMs: NOW });
    expect(totals).toEqual([{ currency: 'USD', monthToDate: usd, forecast: usd }]);
    expect(savings.map(({ cloud }) => cloud)).toEqual(Object.hasOwn(policy.egress, 'sendgrid') ? ['sendgrid'] : []);
  },
);

test('what is counted is named so that its price can be read again', () => {
  const price = fc.record({
    currency: fc.stringMatching(/^[A-Z]{3}$/),
    micros: fc.nat({ max: 999_999_999_999_999 }),
    of: fc.integer({ min: 1, max: 9_999_999 }),
    blocks: fc.boolean(),
  });
  const names = fc.record({
    kind: fc.constantFrom<CostKind>('exit', 'stream', 'client', 'tag'),
    name: fc.string({ unit: 'binary', minLength: 1 }).filter((text) => text.isWellFormed()),
    price: fc.option(price),
  });
  fc.assert(
    fc.property(names, (name) => {
      expect(parseCostAccount(costAccount(name))).toEqual(name);
    }),
  );
  for (const account of ['cost:exit:a', 'cost:exit:a:USD.1.0', 'cost:what:a:free', 'cost:exit:%:free', 'sent:a'])
    expect(parseCostAccount(account)).toBeNull();
});
