import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loaded, problemsIn, warningsIn } from '../../tests/fakes/policy-text.ts';
import { amountText, billed, budgetWindow, exemptStreams, priceOf, spendableOf, totalOf, usedText } from './money.ts';

const price = (micros: number, of: number, blocks = false) => ({ currency: 'USD', micros, of, blocks });

describe('a price', () => {
  test.each([
    { count: 1_000_000, price: price(1_060_000, 1_000), micros: 1_060_000_000 },
    { count: 1_000_000, price: price(1_000_000, 3), micros: 333_333_333_334 },
    { count: 1, price: price(100_000, 1_000), micros: 100 },
    { count: 0, price: price(100_000, 1_000, true), micros: 0 },
    { count: 1, price: price(100_000, 1_000, true), micros: 100_000 },
    { count: 1_000, price: price(100_000, 1_000, true), micros: 100_000 },
    { count: 1_001, price: price(100_000, 1_000, true), micros: 200_000 },
    { count: 9_000_000_000, price: price(999_999_999_999, 1_000), micros: 8_999_999_999_991_000_000 },
  ])('of $price.micros for $price.of makes $micros of $count', ({ count, price: of, micros }) => {
    expect(totalOf(count, of)).toBe(micros);
  });

  test('loses nothing by rounding, however many there are', () => {
    const prices = fc.record({ micros: fc.nat({ max: 50_000_000 }), of: fc.integer({ min: 1, max: 100_000 }) });
    fc.assert(
      fc.property(prices, fc.nat({ max: 10_000_000 }), ({ micros, of }, count) => {
        const exact = (count * micros) / of;
        const total = totalOf(count, price(micros, of));
        expect(total).toBeGreaterThanOrEqual(exact - 1e-3);
        expect(total - exact).toBeLessThan(1.001);
      }),
    );
  });

  test('counts what the exit bills', () => {
    expect(billed({ billing: { per: 'recipient', blocks: false } }, 7)).toBe(7);
    expect(billed({ billing: { per: 'message', blocks: false } }, 7)).toBe(1);
    expect(billed({ billing: { per: 'message', blocks: false } }, 0)).toBe(0);
  });

  test('of blocks leaves what buys none out of a budget', () => {
    expect(spendableOf({ micros: 100_000, currency: 'USD' }, price(40_000, 4, true))).toBe(80_000);
    expect(spendableOf({ micros: 100_000, currency: 'USD' }, price(40_000, 4))).toBe(100_000);
  });
});

test.each([
  [90_000_000, '90', '90.00'],
  [12_500_000, '12.50', '12.50'],
  [89_999_999, '89.99', '89.99'],
  [1_060, '0.00106', '0.00106'],
  [0, '0', '0.00'],
  [-23_500_000, '-23.50', '-23.50'],
])('%d millionths are shown as %s, or %s', (micros, amount, used) => {
  expect(amountText(micros)).toBe(amount);
  expect(usedText(micros)).toBe(used);
});

test('the account of a budget has one name and one window from the first to the last moment of its month', () => {
  const zones = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Pacific/Kiritimati',
    'America/Adak',
    'Africa/Cairo',
  );
  const moments = fc.integer({ min: Date.UTC(2024, 0, 2), max: Date.UTC(2032, 0, 1) });
  fc.assert(
    fc.property(zones, moments, (zone, atMs) => {
      const window = budgetWindow('a', atMs, zone);
      expect(window.turnsAtMs).toBeGreaterThan(atMs);
      expect(window.endsAtMs).toBeGreaterThanOrEqual(window.turnsAtMs);
      expect(window.startsAtMs).toBeLessThan(atMs);
      expect(budgetWindow('a', window.turnsAtMs - 1, zone)).toEqual(window);
      const next = budgetWindow('a', window.turnsAtMs, zone);
      expect(next.account > window.account).toBe(true);
      const wall = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit' }).format(atMs);
      expect(window.account).toBe(`budget:a:${wall}`);
    }),
    { numRuns: 200 },
  );
});

describe('in the policy', () => {
  const policy = (exit: string): string =>
    `hostname: a\nstreams: { reset: { priority: high }, news: {} }\nclients: { c: { networks: [10.0.0.1], senders: ["*"], stream: news } }\negress: { a: { type: smtp, host: h.test, ${exit} } }\n`;

  test('a budget is an amount a month, and says which streams go on', () => {
    const plain = loaded(policy('cost: 1.06 USD/1000, budget: 90 USD/month')).policy;
    expect(plain.egress['a']).toMatchObject({
      budget: { micros: 90_000_000, currency: 'USD', exempt: null },
      billing: { per: 'recipient', blocks: false },
    });
    expect([...exemptStreams(plain, 'a')]).toEqual(['reset']);
    const named = loaded(
      policy(
        'cost: 1.06 USD/1000, billing: { per: message, blocks: true }, budget: { amount: 90 USD/month, exempt: [news] }',
      ),
    ).policy;
    expect([...exemptStreams(named, 'a')]).toEqual(['news']);
    const { a } = named.egress;
    expect(a === undefined ? null : priceOf(a)).toEqual(price(1_060_000, 1_000, true));
    const none = loaded(policy('cost: 1.06 USD/1000, budget: { amount: 90 USD/month, exempt: [] }')).policy;
    expect([...exemptStreams(none, 'a')]).toEqual([]);
    expect(warningsIn(policy('cost: 1.06 USD/1000, budget: 90 USD/month')).join()).not.toContain('budget');
  });

  test.each([
    ['budget: 90 USD/month', /egress\.a\.budget: needs a cost/],
    ['cost: 1 EUR/1000, budget: 90 USD/month', /budget: is in USD, and the cost in EUR/],
    ['cost: 1 USD/1000, budget: 1 USD/1000', /budget: expected a budget such as/],
    ['cost: 1 USD/1000, budget: 0 USD/month', /budget: expected a budget such as/],
    ['cost: 1 USD/1000, budget: { amount: 9 USD/month, exempt: [nws] }', /exempt\[0\]: no stream is named "nws"/],
    ['cost: 1 USD/1000, billing: letter', /billing: expected recipient, message, or/],
  ])('%s is refused', (exit, problem) => {
    expect(problemsIn(policy(exit))).toEqual([expect.stringMatching(problem)]);
  });

  test('a rent above the budget is told of', () => {
    expect(warningsIn(policy('cost: 100 USD/month, budget: 90 USD/month'))).toContainEqual(
      expect.stringMatching(/budget: its month alone costs 100 USD/),
    );
  });
});
