import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { Policy } from '../../policy/schema.ts';
import { createTroubles } from '../../report/troubles.ts';
import type { PageAsk } from '../page.ts';
import { exitPage } from './exit.ts';
import { exitsPage, type ExitsNeeds } from './exits.ts';
import { overviewPage, type OverviewNeeds } from './overview.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const HOSTILE = '"><script>alert(1)</script>\'&amp;';
const MILLION = 1_000_000;

const flows = { accepted: 1, delivered: MILLION, deferred: 2, bounced: 3, expired: 4, suppressed: 5, discarded: 0 };
const outcomes = { delivered: MILLION, deferred: 1, bounced: 2, blocked: 3, complained: 4 };
const closures = [{ gate: 'down', cause: HOSTILE, untilMs: NOW + 60_000 }];
const names = Array.from({ length: 100 }, (_, at) => (at === 0 ? HOSTILE : `exit-${at}`));
const used = { limit: 5_000, used: 4_200, left: 800, resetsAtMs: NOW + 3_600_000 };

const REPORTED = {
  confirmed: 900_000,
  opened: 250_000,
  clicked: 31_000,
  'bounced-later': 4,
  complained: 2,
  unsubscribed: 1,
  'put-off': 0,
};

const stats = {
  atMs: NOW,
  today: flows,
  week: flows,
  month: flows,
  queue: { messages: MILLION, deliveries: MILLION, oldestCreatedAtMs: NOW - 7_200_000 },
  exits: names.map((egress, at) => ({
    egress,
    type: 'smtp',
    score: 97,
    level: 'good',
    closures: at === 0 ? closures : [],
    pace: 1,
    today: outcomes,
    week: outcomes,
    month: outcomes,
    successRate: 0.991,
    reported: at === 1 ? REPORTED : null,
    limit: null,
    cost: null,
  })),
  costs: {
    exits: [
      {
        egress: 'exit-1',
        count: 1,
        currency: 'USD',
        monthToDate: 12,
        forecast: 34.5,
        budget: { amount: 90, used: 81, left: 9, percent: 90, isUsedUp: false, usedUpAtMs: NOW + 86_400_000 },
      },
    ],
  },
  alerts: [{ name: 'a', text: HOSTILE, sinceMs: NOW - 1_000 }],
  advice: [{ kind: 'down', text: HOSTILE, figures: {} }],
};

/** All that pages ask for; anything else would be a walk over the queue. */
const operations = {
  status: async () => ({ version: '1', notReady: [], startedAtMs: NOW, alerts: stats.alerts, policyProblems: [] }),
  stats: async () => stats,
  overview: async () => ({
    deliveries: MILLION,
    byState: { queued: MILLION - 7, held: 0, quarantined: 7 },
    leased: 1_000,
    oldestCreatedAtMs: NOW - 7_200_000,
  }),
  shape: async () => ({
    agesMs: [300_000, 4_800_000],
    rows: Array.from({ length: 20_000 }, (_, at) => ({
      domain: at === 0 ? `${HOSTILE}.test` : `d${at}.test`,
      total: 20_000 - at,
      byAge: [1, 2, 3],
    })),
    isWhole: true,
  }),
  nodes: async () => [
    { name: HOSTILE, isUp: false, isStopping: false, version: '1', policyVersion: 'abc', seenAtMs: NOW - 90_000 },
  ],
  exits: async () =>
    names.map((egress, at) => ({
      egress,
      type: 'smtp',
      enabled: true,
      target: HOSTILE,
      isRunning: true,
      closures: at === 0 ? closures : [],
      score: 97.6,
      successRate: 0.99,
      limits: {
        part: 1,
        day: used,
        hour: null,
        rate: { used: 1, left: 9, count: 10, windowMs: 60_000 },
        delayMs: 0,
        nextAtMs: NOW + 2_000,
        connections: { limit: 10, used: 1, left: 9 },
        warmup: { kind: 'warming', day: 3, days: 20, cap: 900 },
        providers: [],
      },
      budget: null,
    })),
};

const troubles = createTroubles();
const clock = new FakeClock();
const needs = {
  operations,
  clock,
  policy: () => ({ timeZone: 'Europe/Madrid' }) as Policy,
  troubles,
} as unknown as OverviewNeeds & ExitsNeeds;

const ask = (of: Partial<PageAsk> = {}): PageAsk => ({
  principal: { kind: 'user', name: 'ana', scopes: ['read', 'operate'], peer: '' },
  params: {},
  query: new URLSearchParams(),
  language: 'en',
  nowMs: NOW,
  csrf: null,
  ...of,
});

const PAGES = [
  ['Overview', overviewPage(needs), {}],
  ['Exits', exitsPage(needs), {}],
  ['one exit', exitPage(needs), { params: { name: HOSTILE } }],
] as const;

test.each(PAGES)('%s of a hundred exits and a million queued is rendered within 50 ms', async (_, page, of) => {
  const tookMs: number[] = [];
  for (let round = 0; round < 8; round++) {
    const startedAtMs = performance.now();
    const { main } = await page.render(ask(of));
    const text = String(await main);
    tookMs.push(performance.now() - startedAtMs);
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&quot;&gt;&lt;script&gt;');
  }
  // The machine may do something else at any one time.
  expect(Math.min(...tookMs)).toBeLessThan(50);
});

test('the overview says what waits and why, and what is amiss, in each language', async () => {
  troubles.sink({
    event: 'deferred',
    atMs: NOW - 60_000,
    dueAtMs: NOW,
    reason: '450 4.2.0 greylisted',
    messageId: 'M' as never,
    deliveryId: 'M.1' as never,
    domain: 'd1.test',
    recipients: [],
  });
  const english = String(await (await overviewPage(needs).render(ask())).main);
  expect(english).toMatch(/data-verdict="slow"/);
  expect(english).toContain('1,000,000 waiting');
  expect(english).toContain('99 of 100 exits open');
  // A reply that turns the direction of writing turns nothing that is ours.
  expect(english).toMatch(/<bdi>450 4\.2\.0 greylisted<\/bdi> \(<time[^>]*>60 s ago/);
  const spanish = String(await (await overviewPage(needs).render(ask({ language: 'es' }))).main);
  expect(spanish).toContain('1.000.000 en espera');
  expect(spanish).toContain('hace 60 s');
});

test('an exit has its limits, costs and budget in words, and who may not act has no buttons', async () => {
  const page = exitPage(needs);
  const text = String(await (await page.render(ask({ params: { name: 'exit-1' } }))).main);
  for (const words of [
    '4,200 of 5,000',
    'day 3 of 20',
    '99.1 %',
    '12.00 USD this month',
    'comes to 34.50 USD',
    '81.00 USD of 90.00 USD',
  ])
    expect(text).toContain(words);
  const rows = text.replaceAll(/<[^>]*>|\s+/g, ' ').replaceAll(/ +/g, ' ');
  expect(rows).toContain('opened 250,000 25 % clicked 31,000 3.1 %');
  const silent = String(await (await page.render(ask({ params: { name: 'exit-2' } }))).main);
  expect(silent).not.toContain('data-live="reported"');
  expect(text).toContain('data-api="POST /api/v1/egress/exit-1/pause"');
  const reader = { kind: 'user', name: 'eva', scopes: ['read'], peer: '' } as const;
  expect(String(await (await page.render(ask({ params: { name: 'exit-1' }, principal: reader }))).main)).not.toContain(
    'data-api',
  );
  expect((await page.render(ask({ params: { name: 'nobody' } }))).status).toBe(404);
});

test('a queue that takes long to count is not waited for', async () => {
  const counting = { ...needs, operations: { ...operations, shape: () => new Promise<never>(() => {}) } };
  const body = overviewPage(counting as unknown as OverviewNeeds).render(ask());
  await clock.advance(50);
  expect(String(await (await body).main)).toContain('Being counted');
});
