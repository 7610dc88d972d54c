/**
 * What a queued message takes of a Redis server's memory (src/spool/redis/keys.ts tells what is kept).
 * Usage: node scripts/redis-memory.ts [messages]
 * Starts a redis-server of its own, and prints a table.
 */
import { randomBytes } from 'node:crypto';
import { startRedis } from '../tests/fakes/redis.ts';
import { aSettlement, aSubmission } from '../tests/fakes/submission.ts';
import { openRedisLink } from '../src/spool/redis/open-link.ts';
import { openRedisSpool } from '../src/spool/redis/spool.ts';
import { systemClock } from '../src/system.ts';

const MESSAGES = Number(process.argv[2] ?? 20_000);
const AT_ONCE = 100;

type Kind = { readonly name: string; readonly content: () => Buffer; readonly destinations?: number };

const KINDS: readonly Kind[] = [
  { name: 'no content to speak of', content: () => Buffer.from('\r\n') },
  { name: '4 KB that cannot be compressed', content: () => randomBytes(4_096) },
  { name: '4 KB of text', content: () => Buffer.from(randomBytes(2_048).toString('hex')) },
  { name: '50 KB that cannot be compressed', content: () => randomBytes(51_200) },
  { name: 'no content, 11 destinations', content: () => Buffer.from('\r\n'), destinations: 11 },
];

async function measure(kind: Kind): Promise<{ readonly queued: number; readonly delivered: number }> {
  await using server = await startRedis({ settings: ['appendonly no', 'appendfsync no'] });
  const link = await openRedisLink({
    target: { kind: 'single', url: server.url },
    clock: systemClock,
    durability: 'relaxed',
  });
  await using spool = await openRedisSpool({ link, prefix: 'relevo:', clock: systemClock, node: 'one' });
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await server.cli('INFO', 'memory'))?.[1]);
  const before = await used();
  const to = Array.from({ length: kind.destinations ?? 1 }, (_, n) => `ann.example@dest${n}.example.net`);
  const count = Math.min(MESSAGES, Math.ceil(200_000_000 / kind.content().length));
  for (let done = 0; done < count; done += AT_ONCE) {
    const atMs = systemClock.nowMs();
    await Promise.all(
      Array.from({ length: AT_ONCE }, () => spool.accept(aSubmission({ atMs, to, content: kind.content() }))),
    );
  }
  const queued = (await used()) - before;
  for (;;) {
    const nowMs = systemClock.nowMs();
    const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 500, perLane: 500, exclude: [] };
    const { leased } = await spool.claim(request);
    if (leased.length === 0) break;
    await Promise.all(leased.map((one) => spool.settle(aSettlement(one, { atMs: nowMs }))));
  }
  return { queued: queued / count, delivered: ((await used()) - before) / count };
}

console.log('| message | bytes queued | bytes as history, once delivered |');
console.log('| --- | --- | --- |');
for (const kind of KINDS) {
  const { queued, delivered } = await measure(kind);
  console.log(`| ${kind.name} | ${queued.toFixed(0)} | ${delivered.toFixed(0)} |`);
}
