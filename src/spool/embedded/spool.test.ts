import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FakeClock } from '../../../tests/fakes/clock.ts';
import type { MessageEvent } from '../../message/event.ts';
import { testQuotaRelease } from '../../clients/quota-release.contract.ts';
import { testCameBack } from '../came-back.contract.ts';
import { testClaim } from '../claim.contract.ts';
import { CAREFUL_STREAM, type Engine, type Store } from '../engine.contract.ts';
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
import { spoolOverPort } from './port-spool.ts';
import { openEmbeddedSpool } from './spool.ts';

async function open(path: string, clock: FakeClock): Promise<Store> {
  const told: MessageEvent[] = [];
  const spool = await openEmbeddedSpool({
    path,
    durability: 'fsync',
    clock,
    onEvents: (events) => void told.push(...events),
    holdWhenInDoubt: () => [CAREFUL_STREAM],
  });
  return {
    spool,
    async told() {
      // They come by another way than the answers, but were sent before this one.
      await spool.overview();
      return told;
    },
    beside: () => Promise.resolve(spoolOverPort(spool.connect(), clock)),
    async reopened() {
      await spool[Symbol.asyncDispose]();
      return open(path, clock);
    },
    async withCorruptContent(messageId) {
      await spool[Symbol.asyncDispose]();
      const database = new DatabaseSync(join(path, 'spool.db'));
      const where = 'WHERE message = (SELECT seq FROM message WHERE id = ?)';
      const bytes = database.prepare(`SELECT bytes FROM content ${where}`).get(messageId)?.['bytes'] as Uint8Array;
      bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
      database.prepare(`UPDATE content SET bytes = ? ${where}`).run(bytes, messageId);
      database.close();
      return open(path, clock);
    },
    async remove() {
      await spool[Symbol.asyncDispose]();
      await rm(path, { recursive: true, force: true });
    },
  };
}

const embedded: Engine = {
  name: 'embedded',
  fresh: async (clock) => open(await mkdtemp(join(tmpdir(), 'relevo-spool-')), clock),
};

testSpool(embedded);
testClaim(embedded);
testOperate(embedded);
testQuotaRelease(embedded);
testAudit(embedded);
testScheduled(embedded);
testLedger(embedded);
testQuotas(embedded);
testTallies(embedded);
testTraffic(embedded);
testSearch(embedded);
testPeek(embedded);
testShape(embedded);
testTranscripts(embedded);
testFolds(embedded);
testMarks(embedded);
testSuppressions(embedded);
testSuppressedSince(embedded);
testCameBack(embedded);
testFeed(embedded);
