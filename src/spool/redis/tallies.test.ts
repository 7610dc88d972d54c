import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import type { Tally } from '../tallies.ts';
import { Keys } from './keys.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool } from './spool.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const link = () => openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock });

test('what is past is gone from the server: figures with what comes, accounts now and then, the rest by itself', async () => {
  const [clock, prefix] = [new FakeClock(), aPrefix()];
  await using spool = await openRedisSpool({ link: await link(), prefix, clock, node: 'one' });
  await using beside = await link();
  const keys = new Keys(prefix, 1);
  const asked = async (text: string, key: string) => beside.run({ name: text, text }, [key], []);
  const fields = (account: string) => asked("return redis.call('ZCARD', KEYS[1])", keys.figures(account));
  const names = () => asked("return redis.call('ZCARD', KEYS[1])", keys.accounts);
  const lastsMs = (account: string) => asked("return redis.call('PTTL', KEYS[1])", keys.figures(account));
  const tally = (change: Partial<Tally>): Tally => ({
    account: 'sent:ip-1',
    startsAtMs: clock.nowMs(),
    amount: 1,
    keepUntilMs: clock.nowMs() + 10_000,
    ...change,
  });

  const old = Array.from({ length: 5 }, (_, n) => tally({ startsAtMs: n }));
  const others = Array.from({ length: 130 }, (_, n) => tally({ account: `old:${n}` }));
  await spool.ledger.count([...old, tally({ keepUntilMs: clock.nowMs() + 200_000 }), ...others]);
  expect([await fields('sent:ip-1'), await names()]).toEqual([6, 131]);
  expect(await lastsMs('sent:ip-1')).toBeGreaterThan(200_000);
  expect(await lastsMs('old:0')).toBeLessThanOrEqual(70_000);

  await clock.advance(75_000);
  expect(await spool.ledger.counts('sent:', 0)).toHaveLength(1);
  // The server's own time: the others forgot themselves.
  for (const { account } of others) await asked("return redis.call('DEL', KEYS[1])", keys.figures(account));
  const lasting = { keepUntilMs: clock.nowMs() + 200_000 };
  await spool.ledger.count([tally(lasting), tally({ ...lasting, startsAtMs: clock.nowMs() + 1 })]);
  expect(await fields('sent:ip-1')).toBe(3);

  // Nobody asks for the others: the look with the first call saw 100, this one went on, and the next is through.
  expect(await names()).toBe(100);
  await clock.advance(60_000);
  await spool.ledger.count([]);
  expect(await names()).toBe(1);
});
