/** The same promises where the shards are spread over several servers. */
import { afterAll, beforeAll } from 'vitest';
import { startRedisCluster, type RedisCluster } from '../../../tests/fakes/redis.ts';
import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import { systemClock } from '../../system.ts';
import { testCameBack } from '../came-back.contract.ts';
import { testClaim } from '../claim.contract.ts';
import { testFeed } from '../feed.contract.ts';
import { testLedger } from '../ledger.contract.ts';
import { testMarks } from '../marks.contract.ts';
import { testAudit } from '../audit.contract.ts';
import { testOperate } from '../operate.contract.ts';
import { testQuotas } from '../quotas.contract.ts';
import { testScheduled } from '../scheduled.contract.ts';
import { testSpool } from '../spool.contract.ts';
import { testSuppressedSince } from '../suppressed-since.contract.ts';
import { testSuppressions } from '../suppressions.contract.ts';
import { testTallies } from '../tallies.contract.ts';
import { openRedisLink } from './open-link.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const spread = redisEngine('redis cluster', {
  connect: () => openRedisLink({ target: { kind: 'cluster', nodes: cluster.addresses }, clock: systemClock }),
  shards: 16,
});

testSpool(spread);
testClaim(spread);
testOperate(spread);
testAudit(spread);
testScheduled(spread);
testLedger(spread);
testQuotas(spread);
testTallies(spread);
testMarks(spread);
testSuppressions(spread);
testSuppressedSince(spread);
testCameBack(spread);
testFeed(spread);
