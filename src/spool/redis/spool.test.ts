import { afterAll, beforeAll } from 'vitest';
import { startRedis } from '../../../tests/fakes/redis.ts';
import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import { testQuotaRelease } from '../../clients/quota-release.contract.ts';
import { testCameBack } from '../came-back.contract.ts';
import { testClaim } from '../claim.contract.ts';
import { testFeed } from '../feed.contract.ts';
import { testLedger } from '../ledger.contract.ts';
import { testMarks } from '../marks.contract.ts';
import { testAudit } from '../audit.contract.ts';
import { testOperate } from '../operate.contract.ts';
import { testPeek } from '../peek.contract.ts';
import { testShape } from '../shape.contract.ts';
import { testQuotas } from '../quotas.contract.ts';
import { testScheduled } from '../scheduled.contract.ts';
import { testSpool } from '../spool.contract.ts';
import { testSuppressedSince } from '../suppressed-since.contract.ts';
import { testSuppressions } from '../suppressions.contract.ts';
import { testTallies } from '../tallies.contract.ts';
import { testFolds } from '../../report/rollups/fold.contract.ts';
import { testTranscripts } from '../../report/transcripts.contract.ts';
import { testSearch } from '../search.contract.ts';
import { testTraffic } from '../traffic.contract.ts';
import { openRedisLink } from './open-link.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const single = redisEngine('redis', {
  connect: () => openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock }),
  shards: 1,
});

testSpool(single);
testClaim(single);
testOperate(single);
testQuotaRelease(single);
testAudit(single);
testScheduled(single);
testLedger(single);
testQuotas(single);
testTallies(single);
testTraffic(single);
testSearch(single);
testPeek(single);
testShape(single);
testTranscripts(single);
testFolds(single);
testMarks(single);
testSuppressions(single);
testSuppressedSince(single);
testCameBack(single);
testFeed(single);
