import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { startRedis } from '../../tests/fakes/redis.ts';
import type { RedisServer } from '../../tests/fakes/redis-server.ts';
import { aSettlement, aSubmission } from '../../tests/fakes/submission.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import { openRedisLink } from '../spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool } from '../spool/redis/spool.ts';
import type { SpoolError } from '../spool/spool.ts';
import { systemClock } from '../system.ts';
import { startHistory } from './history.ts';

const FINISHED = 4_000;
const policy = policySchema.parse({ hostname: 'relay.example.com', history: '30d' });

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ settings: ['appendonly no', 'appendfsync no', 'maxmemory-policy noeviction'] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test('a Redis that finished mail fills takes mail again by itself', async () => {
  const clock = new FakeClock();
  const nowMs = clock.nowMs();
  const link = await openRedisLink({
    target: { kind: 'single', url: server.url },
    clock: systemClock,
    durability: 'relaxed',
  });
  await using spool = await openRedisSpool({ link, clock, node: 'one', prefix: 'relevo:' });
  const emptyBytes = await usedBytes();
  const finished = Array.from({ length: FINISHED }, () => aSubmission({ atMs: nowMs - 1_000 }));
  const waiting = aSubmission({ atMs: nowMs, dueAtMs: nowMs + 60_000 });
  await Promise.all([...finished, waiting].map((submission) => spool.accept(submission)));
  const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: FINISHED, perLane: FINISHED, exclude: [] };
  for (;;) {
    const { leased } = await spool.claim(request);
    if (leased.length === 0) break;
    await Promise.all(leased.map((one) => spool.settle(aSettlement(one, { atMs: nowMs - 500 }))));
  }
  expect(await spool.audit()).toMatchObject({ finished: { delivered: FINISHED } });

  // Room for half of them.
  const limitBytes = Math.round((emptyBytes + (await usedBytes())) / 2);
  await server.cli('CONFIG', 'SET', 'maxmemory', String(limitBytes));
  await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({ kind: 'full' });

  const told: Event[] = [];
  await using _ = startHistory({
    clock: systemClock,
    spool,
    policy: () => policy,
    emit: (event) => told.push(event),
  });
  await expect.poll(() => accepted(spool, nowMs), { timeout: 20_000, interval: 200 }).toBe('accepted');
  expect(told).toMatchObject([{ event: 'alert', name: 'history-cut', raised: true }]);
  expect((await spool.story(waiting.message.id))?.queued).toHaveLength(1);
  expect(await spool.audit()).toMatchObject({ violations: [], queued: 2 });
}, 60_000);

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await server.cli('INFO', 'memory'))?.[1]);
}

function accepted(spool: RedisSpool, nowMs: number): Promise<string> {
  return spool.accept(aSubmission({ atMs: nowMs })).then(
    ({ kind }) => kind,
    (error: SpoolError) => error.kind,
  );
}
