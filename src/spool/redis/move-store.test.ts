import { afterAll, beforeAll } from 'vitest';
import type { MoveEngine } from '../../../tests/fakes/movable.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { startRedis, startRedisCluster, type RedisCluster } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import { testMove } from '../move.contract.ts';
import { testMoveBeside } from '../move-beside.contract.ts';
import { testMoveSuppressions } from '../move-suppressions.contract.ts';
import { openRedisMoveStore } from './move-store.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool } from './spool.ts';
import type { RedisTarget } from './target.ts';

let server: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(async () => {
  await Promise.all([server, cluster].map((one) => one[Symbol.asyncDispose]()));
});

function redis(name: string, shards: number, target: () => RedisTarget): MoveEngine {
  return {
    name,
    fresh: async (clock) => {
      const prefix = aPrefix();
      const connect = () => openRedisLink({ target: target(), clock: systemClock });
      return {
        spool: async () => openRedisSpool({ link: await connect(), prefix, clock, shards, node: 'one' }),
        store: async () =>
          openRedisMoveStore({ link: await connect(), prefix, clock, shards, name: prefix, holdWhenInDoubt: () => [] }),
        remove: () => Promise.resolve(),
      };
    },
  };
}

testMove(redis('redis', 1, () => ({ kind: 'single', url: server.url })));
testMoveBeside(redis('redis', 1, () => ({ kind: 'single', url: server.url })));
testMoveSuppressions(redis('redis', 1, () => ({ kind: 'single', url: server.url })));
testMove(redis('redis cluster', 7, () => ({ kind: 'cluster', nodes: cluster.addresses })));
testMoveBeside(redis('redis cluster', 7, () => ({ kind: 'cluster', nodes: cluster.addresses })));
testMoveSuppressions(redis('redis cluster', 7, () => ({ kind: 'cluster', nodes: cluster.addresses })));
