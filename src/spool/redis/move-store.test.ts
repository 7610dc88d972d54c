import { afterAll, beforeAll } from 'vitest';
import type { MoveEngine } from '../../../tests/fakes/movable.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import { testMove } from '../move.contract.ts';
import { openRedisMoveStore } from './move-store.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool } from './spool.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function redis(shards: number): MoveEngine {
  return {
    name: `redis, ${shards} shards`,
    fresh: async (clock) => {
      const prefix = aPrefix();
      const connect = () => openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock });
      return {
        spool: async () => openRedisSpool({ link: await connect(), prefix, clock, shards, node: 'one' }),
        store: async () =>
          openRedisMoveStore({ link: await connect(), prefix, clock, shards, name: prefix, holdWhenInDoubt: () => [] }),
        remove: () => Promise.resolve(),
      };
    },
  };
}

testMove(redis(1));
testMove(redis(5));
