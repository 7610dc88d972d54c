import { describe, expect, test } from 'vitest';
import {
  CLIENTS,
  DAY_MS,
  every,
  EXITS,
  HOUR_MS,
  passed,
  policyWith,
  simulated,
  START_MS,
} from '../../tests/fakes/passed-mail.ts';
import type { PassedMessage } from '../spool/traffic.ts';
import { NO_PAST } from './exit-past.ts';
import { simulate } from './simulate.ts';
import { FULL_STANDING } from './standing.ts';

describe('a simulation', () => {
  test('of a lower daily limit has what is beyond it overflow to the next exit, day by day', () => {
    const candidate = policyWith({ egress: { ...EXITS, 'ip-1': { type: 'mx', dailyLimit: 40 } } });
    const { inForce: now, candidate: then } = simulated(every(HOUR_MS / 4, 192), candidate, { days: 2 });
    expect(now.exits.map(({ count }) => count)).toEqual([192, 0]);
    expect(then.exits.map(({ count }) => count)).toEqual([80, 112]);
    expect(then.limits).toEqual([
      {
        egress: 'ip-1',
        what: 'daily limit',
        provider: null,
        limit: 40,
        firstAtMs: START_MS + 40 * (HOUR_MS / 4),
        times: 2,
        overflowed: 112,
        waited: 0,
      },
    ]);
    expect(then.delay).toEqual({ meanMs: 0, p95Ms: 0, mostMs: 0, waited: 0 });
  });

  test('of a budget has what is beyond it overflow to the next exit, but for streams that are exempt', () => {
    const cost = '10 USD/1000';
    const egress = { ...EXITS, 'ip-1': { type: 'mx' as const, cost, budget: '0.50 USD/month' } };
    const streams = { transactional: { priority: 'high' as const }, news: { priority: 'low' as const } };
    const candidate = policyWith({ egress, streams });
    const inForce = policyWith({ egress: EXITS, streams });
    const spent = [
      { day: '2026-05-30', micros: 90_000, currency: 'USD' },
      { day: '2026-05-30', micros: 900_000, currency: 'EUR' },
      { day: '2026-04-30', micros: 900_000, currency: 'USD' },
    ];
    const news = { stream: 'news', priority: 'low' as const };
    // The last day of May: the month turns with the second.
    const mail = [
      ...every(HOUR_MS / 2, 96, news).map((one) => ({ ...one, receivedAtMs: one.receivedAtMs - DAY_MS })),
      passed(START_MS - HOUR_MS / 4),
    ];
    const { candidate: then } = simulate({
      messages: mail,
      sinceMs: START_MS - DAY_MS,
      untilMs: START_MS + DAY_MS,
      inForce,
      candidate,
      pasts: new Map([['ip-1', { ...NO_PAST, spent }]]),
    });
    // 41 of May, the password reset, and 48 of June.
    expect(then.exits.map(({ count }) => count)).toEqual([41 + 1 + 48, 7]);
    expect(then.costs).toEqual([{ amount: 0.9, currency: 'USD' }]);
    expect(then.limits).toMatchObject([
      { egress: 'ip-1', what: 'budget', limit: 0.5, times: 1, overflowed: 7, waited: 0 },
    ]);
  });

  test('has mail wait for midnight where no other exit is left', () => {
    const candidate = policyWith({
      egress: { ...EXITS, 'ip-1': { type: 'mx', dailyLimit: 10 } },
      routes: [{ name: 'all', use: ['ip-1'] }],
    });
    const { candidate: then } = simulated(every(HOUR_MS, 12), candidate);
    expect(then.delay).toEqual({
      meanMs: (14 * HOUR_MS + 13 * HOUR_MS) / 12,
      p95Ms: 14 * HOUR_MS,
      mostMs: 14 * HOUR_MS,
      waited: 2,
    });
    expect(then.limits).toMatchObject([{ what: 'daily limit', waited: 2, overflowed: 0, times: 1 }]);
    expect(then).toMatchObject({ waiting: 2, never: 0 });
  });

  test('keeps rates and delays, the urgent first', () => {
    const candidate = policyWith({
      egress: { ...EXITS, 'ip-1': { type: 'mx', delay: '10s' } },
      routes: [{ name: 'all', use: ['ip-1'] }],
    });
    const burst = [
      passed(START_MS, { priority: 'normal' }),
      passed(START_MS, { priority: 'low' }),
      passed(START_MS, { priority: 'normal' }),
      passed(START_MS, { priority: 'high' }),
    ];
    const { candidate: then } = simulated(burst, candidate);
    expect(then.delay.mostMs).toBeGreaterThanOrEqual(30_000);
    expect(then.delay.mostMs).toBeLessThan(30_100);
    expect(then.limits).toMatchObject([{ egress: 'ip-1', what: 'rate', waited: 3, times: 0 }]);
  });

  test('warms up by the days that were, and those that it replays', () => {
    const egress = { ...EXITS, 'ip-2': { type: 'mx' as const, warmup: { schedule: [5, 10, 20] } } };
    const candidate = policyWith({ egress, routes: [{ name: 'all', use: ['ip-2', 'ip-1'] }] });
    const pasts = new Map([['ip-2', { ...NO_PAST, days: { sent: ['2026-05-30', '2026-06-01'], regressed: [] } }]]);
    const { candidate: then } = simulated(every(HOUR_MS, 48), candidate, { pasts, days: 2 });
    expect(then.exits.map(({ count }) => count)).toEqual([48 - 10 - 20, 30]);
    expect(then.limits).toMatchObject([{ egress: 'ip-2', what: 'warm-up', limit: 10, times: 2, overflowed: 18 }]);
  });

  test('warms up by provider, each with a cap of its own', () => {
    const egress = { ...EXITS, 'ip-2': { type: 'mx' as const, warmup: { schedule: [3, 6], perProvider: true } } };
    const candidate = policyWith({ egress, routes: [{ name: 'all', use: ['ip-2', 'ip-1'] }] });
    const at = (host: string): PassedMessage[] =>
      every(HOUR_MS, 20).map((message) => ({
        ...message,
        deliveries: message.deliveries.map((one) => ({ ...one, host })),
      }));
    const sent = { sent: ['2026-05-31'], regressed: [] };
    const pasts = new Map([['ip-2', { ...NO_PAST, providers: { google: sent } }]]);
    const messages = [...at('gmail-smtp-in.l.google.com'), ...at('mx.dest.test')];
    const { candidate: then } = simulated(messages, candidate, { pasts });
    expect(then.exits.map(({ count }) => count)).toEqual([31, 9]);
    expect(then.limits).toMatchObject([
      { egress: 'ip-2', what: 'warm-up', provider: 'other', limit: 3, overflowed: 17 },
      { egress: 'ip-2', what: 'warm-up', provider: 'google', limit: 6, overflowed: 14 },
    ]);
  });

  test('gives each member of a pool its turn, or its weight of the lots', () => {
    const exits = { a: { type: 'mx' as const }, b: { type: 'mx' as const }, c: { type: 'mx' as const } };
    const under = (strategy: 'round-robin' | 'random' | 'least-used'): number[] => {
      const members = [
        { egress: 'a', weight: 2 },
        { egress: 'b', weight: 1 },
        { egress: 'c', weight: 1 },
      ];
      const pools = { own: { members, strategy } };
      const candidate = policyWith({ egress: exits, pools, routes: [{ name: 'all', use: ['own'] }] });
      const { candidate: then } = simulated(every(60_000, 1_200), candidate);
      return then.exits.map(({ count }) => count);
    };
    expect(under('round-robin')).toEqual([600, 300, 300]);
    for (const [place, count] of under('random').entries()) {
      expect(Math.abs(count - (place === 0 ? 600 : 300))).toBeLessThan(60);
    }
  });

  test('leaves out exits that are closed now, and slows those that are slowed', () => {
    const closed = { ...FULL_STANDING, closures: [{ gate: 'listed', untilMs: START_MS, cause: 'in zen' }] } as const;
    const slowed = { ...FULL_STANDING, pace: 0.5 };
    const pasts = new Map([
      ['ip-1', { ...NO_PAST, standing: closed }],
      ['ip-2', { ...NO_PAST, standing: slowed }],
    ]);
    const candidate = policyWith({ egress: { ...EXITS, 'ip-2': { type: 'mx', dailyLimit: 10 } } });
    const { inForce: now, candidate: then } = simulated(every(HOUR_MS, 24), candidate, { pasts });
    expect(now.exits.map(({ count }) => count)).toEqual([0, 24]);
    expect(then.limits).toMatchObject([{ egress: 'ip-2', limit: 5 }]);
    expect(then.waiting).toBe(19);
    expect(then.never).toBe(0);
  });

  test('says what would be refused, routed and handled otherwise', () => {
    const messages = [
      ...every(HOUR_MS, 4),
      ...every(HOUR_MS, 3, { sender: 'app@example.net', client: 'app' }),
      ...every(HOUR_MS, 2, { domain: 'casa.mx' }),
    ];
    const clients = { ...CLIENTS, app: { senders: ['*@example.net'], networks: ['198.51.100.0/24'] } };
    const inForce = policyWith({ clients, egress: EXITS });
    const candidate = policyWith({
      clients: { shop: { ...CLIENTS.shop, priority: 'low' } },
      egress: EXITS,
      routes: [
        { name: 'mexico', match: { tld: ['mx'] }, use: ['ip-2'] },
        { name: 'all', use: ['ip-1'] },
      ],
    });
    const { changes, ...figures } = simulated(messages, candidate, { inForce });
    const { candidate: then, inForce: now } = figures;
    expect(changes.refused).toEqual([{ name: 'there is no client app', count: 3 }]);
    expect(changes.routes).toEqual([{ from: 'all', to: 'mexico', count: 2 }]);
    expect(changes.priorities).toEqual([{ from: 'high', to: 'low', count: 6 }]);
    expect(changes.streams).toEqual([]);
    expect(then).toMatchObject({ refused: 3, unrouted: 0 });
    expect(then.routes).toEqual([
      { name: 'mexico', count: 2 },
      { name: 'all', count: 4 },
    ]);
    expect(now).toMatchObject({ refused: 0 });
  });

  test('adds up rents for the time, and prices of what was sent', () => {
    const egress = {
      'ip-1': { type: 'mx', cost: '30 USD/month', dailyLimit: 10 },
      'ip-2': { type: 'mx', cost: '2 USD/1000' },
    } as const;
    const { candidate: then } = simulated(every(HOUR_MS / 10, 200), policyWith({ egress }));
    expect(then.costs).toEqual([{ currency: 'USD', amount: expect.closeTo(1 + 190 * 0.002, 9) }]);
  });

  test('has the recorded facts beside it', () => {
    const messages = [...every(HOUR_MS, 3), passed(START_MS, { sendAtMs: START_MS + 3 * DAY_MS })];
    const { recorded, deliveries } = simulated(messages, policyWith({ egress: EXITS }));
    expect(deliveries).toBe(3);
    expect(recorded).toEqual({
      exits: [{ name: 'ip-1', count: 3 }],
      delay: { meanMs: 500, p95Ms: 500, mostMs: 500, waited: 3 },
      unsent: 0,
    });
  });

  test('counts a message once that came on two pages', () => {
    const [one] = every(HOUR_MS, 1);
    if (one === undefined) throw new Error('one message');
    expect(simulated([one, { ...one }], policyWith({ egress: EXITS })).deliveries).toBe(1);
  });
});
