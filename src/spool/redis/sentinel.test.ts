/** The same promises where sentinels say who the server is, and a replica has what was accepted. */
import { afterAll, beforeAll } from 'vitest';
import { startRedisSentinel, type RedisSentinel } from '../../../tests/fakes/redis.ts';
import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import { systemClock } from '../../system.ts';
import { testClaim } from '../claim.contract.ts';
import { testLedger } from '../ledger.contract.ts';
import { testMarks } from '../marks.contract.ts';
import { testAudit } from '../audit.contract.ts';
import { testOperate } from '../operate.contract.ts';
import { testQuotas } from '../quotas.contract.ts';
import { testSpool } from '../spool.contract.ts';
import { testTallies } from '../tallies.contract.ts';
import { openRedisLink } from './open-link.ts';

let watched: RedisSentinel;
beforeAll(async () => {
  watched = await startRedisSentinel();
});
afterAll(async () => {
  await watched[Symbol.asyncDispose]();
});

const replicated = redisEngine('redis with sentinels', {
  connect: () =>
    openRedisLink({
      target: { kind: 'sentinel', sentinels: watched.addresses, name: watched.name },
      clock: systemClock,
      replicas: 1,
    }),
  shards: 1,
});

testSpool(replicated);
testClaim(replicated);
testOperate(replicated);
testAudit(replicated);
testLedger(replicated);
testQuotas(replicated);
testTallies(replicated);
testMarks(replicated);
