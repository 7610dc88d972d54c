/** What the feed costs on Redis, and whom. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { systemClock } from '../../system.ts';
import { Keys } from './keys.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const DAY_MS = 86_400_000;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

class Rig {
  readonly clock = new FakeClock();
  readonly prefix = aPrefix();
  isFollowed = false;

  async open(): Promise<RedisSpool> {
    return openRedisSpool({
      link: await openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock }),
      prefix: this.prefix,
      clock: this.clock,
      shards: 1,
      node: 'one',
      feed: () => this.isFollowed,
    });
  }

  async entries(): Promise<number> {
    return Number(await server.cli('XLEN', new Keys(this.prefix, 1).feed(0)));
  }

  async sent(spool: RedisSpool): Promise<void> {
    const nowMs = this.clock.nowMs();
    await spool.accept(aSubmission({ atMs: nowMs }));
    const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 1, perLane: 1, exclude: [] });
    for (const one of leased) await spool.settle(aSettlement(one, { atMs: nowMs }));
  }
}

test('where nobody follows the history nothing is written for it', async () => {
  const rig = new Rig();
  await using spool = await rig.open();
  await rig.sent(spool);
  expect(await rig.entries()).toBe(0);
});

test('it is written from the opening on where somebody follows, and while a process without followers runs beside it', async () => {
  const rig = new Rig();
  rig.isFollowed = true;
  await using spool = await rig.open();
  await rig.sent(spool);
  expect(await rig.entries()).toBe(2);
  rig.isFollowed = false;
  await using other = await rig.open();
  await other.prune(rig.clock.nowMs() - DAY_MS);
  await rig.sent(other);
  expect(await rig.entries()).toBe(4);
});

test('a day after anybody read it last it is gone, and not before', async () => {
  const rig = new Rig();
  await using spool = await rig.open();
  const place = await spool.feed.feedEnd();
  await rig.sent(spool);
  await rig.clock.advance(DAY_MS - 1);
  await spool.prune(0);
  expect((await spool.feed.feed(place, 10)).events).toHaveLength(2);
  await rig.clock.advance(DAY_MS);
  await spool.prune(0);
  await rig.sent(spool);
  expect(await rig.entries()).toBe(4);
  await rig.clock.advance(1);
  await spool.prune(0);
  await rig.sent(spool);
  expect(await rig.entries()).toBe(0);
});

test('what it points to goes with the history, and so does it', async () => {
  const rig = new Rig();
  await using spool = await rig.open();
  await spool.feed.feedEnd();
  for (let n = 0; n < 130; n++) {
    await rig.sent(spool);
    await rig.clock.advance(1_000);
  }
  expect(await rig.entries()).toBe(260);
  while ((await spool.prune(rig.clock.nowMs() - 10_000)) > 0);
  // Whole nodes of the stream are dropped, of a hundred entries each.
  expect(await rig.entries()).toBeLessThanOrEqual(120);
  expect((await spool.feed.feed(null, 1_000)).events).toHaveLength(20);
});
