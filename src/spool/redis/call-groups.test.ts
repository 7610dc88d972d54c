/** Calls that come at the same time, on a real server: one write, and each its own answer. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { redisEach } from '../../../tests/fakes/redis-in-tests.ts';
import type { RedisLink } from './link.ts';

const { server, linkTo } = redisEach();

const KEY = ['relevo:{1}:count'];
/** Says what it counted to. */
const COUNT = { name: 'count', text: "return redis.call('INCRBY', KEYS[1], ARGV[1])" };
const LENGTH = { name: 'length', text: 'return #ARGV[1]' };
const BROKEN = { name: 'broken', text: 'return nothing.at.all' };
const CALLS = 100;
/** Those of a look at the server among them, which may fall in between. */
const MOST_WRITES = 12;

function countTimes(link: RedisLink, times: number): Promise<unknown[]> {
  return Promise.all(Array.from({ length: times }, () => link.runTogether(COUNT, KEY, [1])));
}

/** System calls of this process, as the kernel counts them. */
function writes(): number {
  return Number(/^syscw: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

const upTo = (times: number): number[] => Array.from({ length: times }, (_, place) => place + 1);

test.each(['runTogether', 'runDurably'] as const)(
  'what comes in one turn is one write, answered in order: %s',
  async (run) => {
    const link = await linkTo((await server()).url);
    await link[run](COUNT, KEY, [0]);
    const before = writes();
    const answers = await Promise.all(upTo(CALLS).map(() => link[run](COUNT, KEY, [1])));
    expect(answers).toEqual(upTo(CALLS));
    expect(writes() - before).toBeLessThan(MOST_WRITES);
  },
);

test('a server that forgot its scripts runs each of them once', async () => {
  const redis = await server();
  const link = await linkTo(redis.url);
  await countTimes(link, 1);
  await redis.cli('SCRIPT', 'FLUSH');
  await countTimes(link, CALLS);
  expect(await redis.cli('GET', KEY[0] ?? '')).toBe(String(CALLS + 1));
});

test('what fails fails alone', async () => {
  const link = await linkTo((await server()).url);
  const [first, broken, last] = await Promise.allSettled([
    link.runTogether(COUNT, KEY, [1]),
    link.runTogether(BROKEN, KEY, []),
    link.runTogether(COUNT, KEY, [1]),
  ]);
  expect([first, last]).toMatchObject([{ value: 1 }, { value: 2 }]);
  expect(broken).toMatchObject({ reason: { kind: 'unavailable', isFinal: true } });
});

test('more than a group may hold, and what is too large for one, comes whole', async () => {
  const link = await linkTo((await server()).url);
  const sizes = [...Array.from({ length: 300 }, (_, place) => place), 200_000, 3_000_000];
  const answers = await Promise.all(sizes.map((size) => link.runTogether(LENGTH, KEY, [Buffer.alloc(size, 'x')])));
  expect(answers).toEqual(sizes);
});

test('a server that is mute: what waits behind is given up with it, was not run, and is no matter of those that come later', async () => {
  const redis = await server();
  const link = await linkTo(redis.url);
  await countTimes(link, 1);
  redis.pause();
  const sent = link.runTogether(COUNT, KEY, [10]);
  await Promise.resolve();
  await Promise.resolve();
  const behind = [link.runTogether(COUNT, KEY, [100]), link.runDurably(COUNT, KEY, [1_000])];
  const fromMs = performance.now();
  for (const one of await Promise.allSettled([sent, ...behind]))
    expect(one).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable', isFinal: false } });
  expect(performance.now() - fromMs).toBeLessThan(8_000);
  redis.resume();
  await expect.poll(() => link.trouble(), { timeout: 10_000 }).toBeNull();
  // What was sent may run yet; what was not never does.
  expect(await link.runTogether(COUNT, KEY, [0])).toBeLessThan(100);
}, 30_000);
