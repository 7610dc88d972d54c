import { afterAll, beforeAll } from 'vitest';
import { startRedis } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import { openRedisLink } from '../../spool/redis/open-link.ts';
import { systemClock } from '../../system.ts';
import { testLearning } from './learn.contract.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

testLearning(
  redisEngine('redis', {
    connect: () => openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock }),
    shards: 1,
  }),
);
