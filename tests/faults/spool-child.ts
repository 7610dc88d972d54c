/**
 * A process with a spool under load, to be killed: accepts, claims and settles without end, and says on standard output
 * what it was told. Arguments: folder, durability, prefix.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { newMessageId } from '../../src/message/ids.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { systemClock } from '../../src/system.ts';
import { aSettlement, aSubmission } from '../fakes/submission.ts';
import { contentOf } from './spool-content.ts';

const [path = '', durability = 'fsync'] = process.argv.slice(2);
const spool = await openEmbeddedSpool({
  path,
  durability: durability === 'relaxed' ? 'relaxed' : 'fsync',
  clock: systemClock,
});

/** One short write is whole, whenever the process dies. Waits while the reader is behind. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

async function acceptWithoutEnd(lane: number): Promise<never> {
  for (let n = 0; ; n++) {
    const atMs = systemClock.nowMs();
    const id = newMessageId(atMs, randomBytes(10));
    const to = n % 4 === 0 ? ['ann@one.test', 'bob@one.test', 'cid@two.test'] : [`ann@${lane}.test`];
    const leaseUntilMs = n % 2 === 0 ? atMs + 60_000 : null;
    const result = await spool.accept(aSubmission({ atMs, id, to, leaseUntilMs, content: contentOf(id) }));
    if (result.kind !== 'accepted') throw new Error('no resends here');
    say(`accepted ${id}`);
    for (const leased of result.leased) await settle(leased);
  }
}

async function claimWithoutEnd(): Promise<never> {
  for (;;) {
    const nowMs = systemClock.nowMs();
    const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 60_000, limit: 20, perLane: 5, exclude: [] });
    for (const one of leased) await settle(one);
  }
}

async function settle(leased: Parameters<typeof aSettlement>[0]): Promise<void> {
  const [first] = leased.delivery.recipients;
  if (first === undefined) throw new Error('a delivery has recipients');
  const settlement = aSettlement(leased, {
    atMs: systemClock.nowMs(),
    addresses: [first.address],
    rest: { dueAtMs: 0 },
  });
  if ((await spool.settle(settlement)) === 'settled') say(`delivered ${leased.delivery.messageId} ${first.address}`);
}

say('ready');
await Promise.all([
  ...Array.from({ length: 12 }, (_, lane) => acceptWithoutEnd(lane)),
  claimWithoutEnd(),
  claimWithoutEnd(),
]);
