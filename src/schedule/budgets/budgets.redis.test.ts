import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import { budgetWindow } from '../../policy/money.ts';
import { policySchema } from '../../policy/schema.ts';
import { openRedisLink } from '../../spool/redis/open-link.ts';
import { openRedisSpool } from '../../spool/redis/spool.ts';
import type { Accounts } from '../../spool/tallies.ts';
import { systemClock } from '../../system.ts';
import { Budgets } from './budgets.ts';
import { CostCounts, OTHER, TAGS_A_DAY } from './cost-counts.ts';
import { monthCosts } from './month-costs.ts';

const NODES = 4;
const policy = policySchema.parse({
  hostname: 'relay.test',
  streams: { urgent: { priority: 'high' }, bulk: {} },
  clients: { shop: { networks: ['10.0.0.1'], senders: ['*'] } },
  egress: { cloud: { type: 'smtp', host: 'a.test', cost: '0.1 USD/1000', budget: '0.15 USD/month' } },
});

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Each has a connection of its own. */
async function nodes(stack: AsyncDisposableStack): Promise<Accounts[]> {
  const prefix = aPrefix();
  return Promise.all(
    Array.from({ length: NODES }, async (_, number) => {
      const target = { kind: 'single' as const, url: server.url };
      const link = await openRedisLink({ target, clock: systemClock, durability: 'relaxed' });
      return stack.use(await openRedisSpool({ link, clock: systemClock, node: `n${number}`, prefix })).ledger;
    }),
  );
}

function needsOf(holder: string, ledger: Accounts) {
  const failed = (cause: unknown): never => {
    throw cause;
  };
  return { policy: () => policy, quotas: ledger, tallies: ledger, clock: systemClock, holder, leaseMs: 14_000, failed };
}

test('four nodes on one Redis spend a budget to the last message, and exempt mail goes beyond it', async () => {
  await using stack = new AsyncDisposableStack();
  const ledgers = await nodes(stack);
  const silent = { changed: () => {}, reopened: () => {} };
  const all = ledgers.map((ledger, number) => new Budgets({ ...needsOf(`n${number}`, ledger), ...silent }));
  const sendUntilClosed = async (budgets: Budgets): Promise<number> => {
    for (let sent = 0; ;) {
      const asked = Array.from({ length: 20 }, () => budgets.book('cloud', { stream: 'bulk', recipients: 1 }));
      const bookings = (await Promise.all(asked)).filter((booking) => booking !== null);
      sent += bookings.length;
      if (bookings.length < asked.length && budgets.gateOf('cloud') !== null) return sent;
    }
  };
  const sent = await Promise.all(all.map(sendUntilClosed));
  expect(sent.reduce((sum, one) => sum + one, 0)).toBe(1_500);
  for (const budgets of all) expect(await budgets.book('cloud', { stream: 'urgent', recipients: 3 })).not.toBeNull();
  const [ledger] = ledgers;
  if (ledger === undefined) throw new Error('there is no node');
  const nowMs = systemClock.nowMs();
  const { account, startsAtMs, endsAtMs } = budgetWindow('cloud', nowMs, 'UTC');
  const look = { account, startsAtMs, endsAtMs, holder: 'look', wanted: 0, limit: 1, nowMs, untilMs: nowMs };
  expect((await ledger.takeBlock(look)).used).toBe(150_000 + NODES * 300);
});

test('four nodes name no more tags of a day than there are places for', async () => {
  await using stack = new AsyncDisposableStack();
  const ledgers = await nodes(stack);
  const all = ledgers.map((ledger, number) => new CostCounts(needsOf(`n${number}`, ledger)));
  const of = { egress: 'cloud', recipients: 1, stream: 'bulk', client: 'shop' };
  for (const [number, counts] of all.entries()) {
    counts.add({ ...of, tag: 'every-node' });
    for (let tag = 0; tag < 400; tag++) counts.add({ ...of, tag: `n${number}-${tag}` });
  }
  await Promise.all(all.map((counts) => counts.write()));
  // The places are gone: what has one already keeps it.
  for (const counts of all) {
    counts.add({ ...of, tag: 'every-node' });
    counts.add({ ...of, tag: 'late' });
  }
  await Promise.all(all.map((counts) => counts.write()));
  const [ledger] = ledgers;
  if (ledger === undefined) throw new Error('there is no node');
  const costs = await monthCosts({ policy: () => policy, ledger, clock: systemClock });
  const named = costs.tags.filter(({ name }) => name !== OTHER);
  expect(named.length).toBeLessThanOrEqual(TAGS_A_DAY);
  expect(named.length).toBeGreaterThan(TAGS_A_DAY - NODES);
  expect(costs.tags.map(({ name }) => name)).toContain('every-node');
  expect(costs.tags.reduce((sum, { count }) => sum + count, 0)).toBe(NODES * 403);
  expect(costs.exits).toMatchObject([{ egress: 'cloud', count: NODES * 403, monthToDate: 0.1612 }]);
  expect(costs.clients).toMatchObject([{ name: 'shop', count: NODES * 403 }]);
});
