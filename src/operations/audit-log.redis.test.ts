import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { sharedRedis } from '../../tests/fakes/redis-in-tests.ts';
import { redisEngine } from '../../tests/fakes/redis-store.ts';
import { systemRandom } from '../system.ts';
import { AuditLog } from './audit-log.ts';

const redis = sharedRedis();
const engine = redisEngine('redis', { connect: () => redis.link(), shards: 1 });
const DAY_MS = 86_400_000;

test('nodes on one Redis write one audit log, which outlives them, is read in order, and is forgotten in time', async () => {
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const store = await engine.fresh(clock);
  const open = ({ marks }: typeof store.spool) =>
    new AuditLog({ marks, clock, random: systemRandom, emit: () => {}, keepMs: () => 30 * DAY_MS });
  const [one, other] = [open(store.spool), open(store.spool)];
  for (let at = 0; at < 30; at++) {
    const actor = { kind: 'user', name: at % 2 === 0 ? 'ann' : 'bob', from: '192.0.2.1' } as const;
    await (at % 3 === 0 ? one : other).note({ actor, what: 'egress.pause', on: `${at}` });
    clock.jumpMs(2 * DAY_MS);
  }
  for (const log of [one, other]) await log[Symbol.asyncDispose]();
  const again = await store.reopened();
  await using log = open(again.spool);
  const { entries, next } = await log.page({ limit: 5, before: null, who: 'ann' });
  expect(entries.map(({ on }) => on)).toEqual(['28', '26', '24', '22', '20']);
  expect((await log.page({ limit: 100, before: next, who: 'ann' })).entries.map(({ on }) => on)).toEqual(['18', '16']);
  await log.sweep();
  expect(await again.spool.marks.marks('audit:')).toHaveLength(15);
  await again.remove();
});
