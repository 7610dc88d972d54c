/** Redis is full, or what it answers is lost: under load, through a proxy whose faults are switched. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { startRedis } from '../fakes/redis.ts';
import { PROVEN, ROOM_BYTES, startRelayOnRedis } from '../fakes/relay-on-redis.ts';

test('full: 452, the queue drains, and there is room again', async () => {
  await using redis = await startRedis();
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  rig.sink.fault('dot', 'slow');
  rig.load();
  await rig.acknowledged(200);
  await redis.config({ maxmemory: Number(await redis.info('used_memory')) + 3 * 1024 ** 2 });
  const grownBytes = await rig.growth(async () => {
    await rig.refused(50, '452');
    await expect.poll(async () => (await rig.readiness()).text).toContain('is full: raise its maxmemory');
    rig.sink.heal();
    await rig.acknowledged(100);
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});

test('connections are cut in the middle of scripts and answers, and answers are swallowed', async () => {
  await using redis = await startRedis();
  await using proxy = await startFaultProxy(redis.port);
  await using rig = await startRelayOnRedis(`url: "redis://127.0.0.1:${proxy.port}"`);
  rig.load();
  await rig.acknowledged(200);
  const grownBytes = await rig.growth(async () => {
    for (let round = 0; round < 4; round++) {
      // Somewhere in a script that is being sent, or in an answer to one.
      const direction = round % 2 === 0 ? 'there' : 'back';
      proxy.set({ kind: 'dropAfter', bytes: direction === 'there' ? 50_001 + round : 3_001 + round, direction });
      await rig.refused(5);
      proxy.set({ kind: 'none' });
      await rig.acknowledged(50);
    }
    proxy.set({ kind: 'blackhole', direction: 'back' });
    await rig.refused(20);
    await wait(1_000);
    proxy.set({ kind: 'none' });
    proxy.reset();
    await rig.acknowledged(100);
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});
