import { afterAll, beforeAll } from 'vitest';
import { startRedis } from '../../../tests/fakes/redis.ts';
import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import { testSearch } from '../search.contract.ts';
import { openRedisLink } from './open-link.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

// Several orders are merged into one.
testSearch(
  redisEngine('redis in several shards', {
    connect: () => openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock }),
    shards: 5,
  }),
);
