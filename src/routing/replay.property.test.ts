import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, passed, policyWith, simulated, START_MS } from '../../tests/fakes/passed-mail.ts';
import { PRIORITIES } from '../message/message.ts';
import { dayOf } from '../policy/day.ts';
import { replay, type ReplayedDelivery } from './replay.ts';

const anyCap = fc.option(fc.integer({ min: 1, max: 20 }), { nil: null });
const anyExit = fc.record({
  dailyLimit: anyCap,
  hourlyLimit: anyCap,
  delay: fc.constantFrom('0s', '5s', '3m'),
  rate: fc.constantFrom(null, '20/h', '1/m'),
  warmup: fc.constantFrom(null, { schedule: [2, 5, 9] }),
});
const anyPolicy = fc
  .record({
    exits: fc.array(anyExit, { minLength: 1, maxLength: 4 }),
    strategy: fc.constantFrom('round-robin' as const, 'random' as const, 'least-used' as const),
    spill: fc.boolean(),
  })
  .map(({ exits, strategy, spill }) =>
    policyWith({
      timeZone: 'Europe/Berlin',
      egress: Object.fromEntries([
        ...exits.map((exit, place) => [`ip-${place + 1}`, { type: 'mx' as const, ...exit }]),
        ['spill', { type: 'mx' as const }],
      ]),
      pools: { own: { members: exits.map((_, place) => `ip-${place + 1}`), strategy } },
      routes: [{ name: 'all', use: spill ? ['own', 'spill'] : ['own'] }],
    }),
  );
const anyTimes = fc.array(
  fc.record({ atMs: fc.nat(2 * DAY_MS), priority: fc.constantFrom(...PRIORITIES), same: fc.nat(8) }),
  { maxLength: 40 },
);

describe('whatever the policy and the traffic', () => {
  test('no exit ever has more than its limits', () => {
    fc.assert(
      fc.property(anyPolicy, anyTimes, (policy, times) => {
        const deliveries = times
          .flatMap(({ atMs, priority, same }) => Array.from({ length: same + 1 }, () => deliveryAt(atMs, priority)))
          .sort((one, other) => one.dueAtMs - other.dueAtMs);
        const { ways } = replay(deliveries, { policy, pasts: new Map(), horizonMs: START_MS + 90 * DAY_MS });
        for (const [name, exit] of Object.entries(policy.egress)) {
          const sent = ways.filter(({ egress }) => egress === name).map(({ sentAtMs }) => sentAtMs ?? 0);
          const cap = exit.dailyLimit ?? Number.POSITIVE_INFINITY;
          for (const [, day] of Map.groupBy(sent, (atMs) => dayOf(atMs, 'Europe/Berlin').name))
            expect(day.length).toBeLessThanOrEqual(cap);
          for (const [, hour] of Map.groupBy(sent, (atMs) => Math.floor(atMs / HOUR_MS)))
            expect(hour.length).toBeLessThanOrEqual(exit.hourlyLimit ?? Number.POSITIVE_INFINITY);
          const days = [...new Set(sent.map((atMs) => dayOf(atMs, 'Europe/Berlin').name))].sort();
          for (const [place, step] of (exit.warmup?.schedule ?? []).entries()) {
            const count = sent.filter((atMs) => dayOf(atMs, 'Europe/Berlin').name === days[place]).length;
            expect(count).toBeLessThanOrEqual(step);
          }
          const sorted = sent.toSorted((one, other) => one - other);
          for (const [place, atMs] of sorted.entries())
            if (place > 0) expect(atMs - (sorted[place - 1] ?? 0)).toBeGreaterThanOrEqual(exit.delay);
        }
        for (const [place, way] of ways.entries())
          expect(way.sentAtMs ?? Infinity).toBeGreaterThanOrEqual(deliveries[place]?.dueAtMs ?? 0);
        // Time alone opens every limit: nothing is left behind.
        expect(ways.filter(({ sentAtMs }) => sentAtMs === null)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('the same policy changes nothing', () => {
    fc.assert(
      fc.property(anyPolicy, anyTimes, (policy, times) => {
        const messages = times.map(({ atMs, priority }) => passed(START_MS + atMs, { priority }));
        const { inForce: now, candidate: then, changes } = simulated(messages, policy, { inForce: policy, days: 2 });
        expect(then).toEqual(now);
        expect(changes).toEqual({ refused: [], routes: [], streams: [], priorities: [] });
      }),
      { numRuns: 60 },
    );
  });
});

function deliveryAt(atMs: number, priority: ReplayedDelivery['facts']['priority']): ReplayedDelivery {
  const of = { client: 'shop', stream: 'transactional', senderDomain: 'example.com', tag: null, sizeBytes: 100 };
  const facts = { ...of, priority, recipientDomain: 'dest.test' };
  return { dueAtMs: START_MS + atMs, counts: true, provider: 'other', facts };
}

test('a hundred thousand deliveries take seconds', () => {
  const egress = Object.fromEntries(
    Array.from({ length: 15 }, (_, place) => [
      `ip-${place}`,
      { type: 'mx' as const, dailyLimit: 5_000, rate: '2000/h' },
    ]),
  );
  const policy = policyWith({
    egress: { ...egress, spill: { type: 'mx' } },
    pools: { own: { members: Object.keys(egress), strategy: 'round-robin' } },
    routes: [{ name: 'all', use: ['own', 'spill'] }],
  });
  const deliveries = Array.from({ length: 100_000 }, (_, place) => deliveryAt(place * 800, 'normal'));
  const { ways } = replay(deliveries, { policy, pasts: new Map(), horizonMs: START_MS + 30 * DAY_MS });
  expect(ways.filter(({ egress: name }) => name === 'spill').length).toBeGreaterThan(10_000);
}, 20_000);
