/** A spool that went away under a relay, or is moved, is noticed at the next look at the server. */
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { systemClock } from '../../system.ts';
import { openRedisMoveStore } from './move-store.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const things = { stack: new AsyncDisposableStack() };
afterEach(async () => {
  const { stack } = things;
  things.stack = new AsyncDisposableStack();
  await stack.disposeAsync();
});

const clock = new FakeClock();
const prefix = 'relevo:';

type Rig = { readonly redis: RedisServer; readonly spool: RedisSpool; readonly told: [string | null, boolean][] };

async function rig(): Promise<Rig> {
  const redis = things.stack.use(await startRedis());
  const told: [string | null, boolean][] = [];
  const spool = await open(redis, (trouble, isForGood) => void told.push([trouble, isForGood]));
  return { redis, spool, told };
}

async function open(
  redis: RedisServer,
  onTrouble: (trouble: string | null, isForGood: boolean) => void = () => {},
): Promise<RedisSpool> {
  const link = await openRedisLink({ target: { kind: 'single', url: redis.url }, clock, onTrouble });
  return things.stack.use(await openRedisSpool({ link, prefix, clock, node: 'one' }));
}

const refusal = { kind: 'unavailable', message: expect.stringContaining('may be lost') as string };

describe('mail that is gone', () => {
  test('by FLUSHALL: nothing is taken from the next look on, and never again', async () => {
    const { redis, spool, told } = await rig();
    await spool.accept(aSubmission({ atMs: clock.nowMs() }));
    await redis.cli('FLUSHALL');
    await clock.advance(10_000);
    await expect.poll(() => spool.trouble()).toContain('the spool under relevo: is gone (FLUSHALL');
    await expect(spool.accept(aSubmission({ atMs: clock.nowMs() }))).rejects.toMatchObject(refusal);
    expect(await redis.cli('DBSIZE')).toBe('0');

    await open(redis);
    await clock.advance(10_000);
    await expect(spool.accept(aSubmission({ atMs: clock.nowMs() }))).rejects.toMatchObject(refusal);
    expect(told).toEqual([[spool.trouble(), true]]);
  });

  test('and another spool is in its place already', async () => {
    const { redis, spool } = await rig();
    await redis.cli('FLUSHALL');
    await open(redis);
    await clock.advance(10_000);
    await expect.poll(() => spool.trouble()).toContain('is another one than before');
  });

  test('with the file of a server that came back: known before anything is taken', async () => {
    const { redis, spool } = await rig();
    await spool.accept(aSubmission({ atMs: clock.nowMs() }));
    await redis.kill();
    redis.forget();
    await redis.start();
    await expect
      .poll(async () => {
        await clock.advance(500);
        return spool.trouble();
      })
      .toContain('is gone');
    expect(await redis.cli('DBSIZE')).toBe('0');
  });

  test('is not what a restart of the server, or of the relay, looks like', async () => {
    const { redis, spool, told } = await rig();
    await spool.accept(aSubmission({ atMs: clock.nowMs() }));
    const again = await open(redis);
    expect(again.report.identity).toBe(spool.report.identity);
    await redis.restart();
    await expect
      .poll(async () => {
        await clock.advance(500);
        return [spool.trouble(), again.trouble()];
      })
      .toEqual([null, null]);
    await spool.accept(aSubmission({ atMs: clock.nowMs() }));
    expect(told.some(([, isForGood]) => isForGood)).toBe(false);
  });
});

test('a spool whose mail is being moved: a relay that is idle on it takes none, until the move is over', async () => {
  const { redis, spool } = await rig();
  const link = await openRedisLink({ target: { kind: 'single', url: redis.url }, clock: systemClock });
  const store = things.stack.use(
    await openRedisMoveStore({ link, prefix, clock, name: 'here', holdWhenInDoubt: () => [] }),
  );
  await store.setMark({ id: 'm', role: 'source', phase: 'copying', peer: 'there', startedAtMs: 0 });
  await clock.advance(10_000);
  await expect.poll(() => spool.trouble()).toContain('is being moved to there');
  await store.setMark(null);
  await clock.advance(500);
  await expect.poll(() => spool.trouble()).toBeNull();
  await spool.accept(aSubmission({ atMs: clock.nowMs() }));
});
