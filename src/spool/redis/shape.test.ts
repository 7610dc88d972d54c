/** The table of destinations by age where there are very many counts. What it counts: `shape.contract.ts`. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { newMessageId } from '../../message/ids.ts';
import { openRedisSpool } from './spool.ts';

const CELLS = 20_500;

const redis = sharedRedis(['appendfsync no']);
const kept = endedAfterEach();

test('is summed up once for all who look within half a minute, and then anew', async () => {
  const clock = new FakeClock();
  const nowMs = clock.nowMs();
  const prefix = aPrefix();
  const spool = kept.use(await openRedisSpool({ link: await redis.link(), prefix, clock, node: 'one' }));
  const client = new Redis(redis.server().url);
  kept.defer(() => client.disconnect());
  const stretch = newMessageId(nowMs, Buffer.alloc(10)).slice(0, 7);
  const fields = Array.from({ length: CELLS }, (_, n) => [`${stretch} d${n}.test`, '1']).flat();
  await client.hset(`${prefix}{0}:shape`, ...fields);
  const look = (atMs: number, agesMs = [60_000]) => spool.shape({ nowMs: atMs, agesMs });
  const first = await look(nowMs);
  expect(first).toHaveLength(CELLS);
  expect(first[0]).toMatchObject({ total: 1, byAge: [1, 0] });
  expect(await look(nowMs + 20_000)).toBe(first);
  expect((await look(nowMs + 20_000, [10, 20]))[0]?.byAge).toEqual([0, 0, 1]);
  await client.hset(`${prefix}{0}:shape`, `${stretch} new.test`, '1');
  // Who asks after half a minute has what is there; it is read anew meanwhile.
  await look(nowMs + 31_000);
  await expect.poll(async () => (await look(nowMs + 32_000)).length).toBe(CELLS + 1);
});
