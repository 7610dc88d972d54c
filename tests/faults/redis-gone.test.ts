/** Redis dies, or hangs, under load: nothing is lost, clients are told to come again, and it goes on by itself. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRedis } from '../fakes/redis.ts';
import { PROVEN, ROOM_BYTES, startRelayOnRedis } from '../fakes/relay-on-redis.ts';

test('killed and started again, three times, then hangs for 10 s', async () => {
  await using redis = await startRedis();
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  rig.load();
  await rig.acknowledged(200);
  const grownBytes = await rig.growth(async () => {
    for (let round = 0; round < 3; round++) {
      await redis.kill();
      await rig.refused(50);
      expect(await rig.readiness()).toMatchObject({ status: 503, text: expect.stringContaining('redis') as string });
      await redis.start();
      await rig.acknowledged(100);
    }
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(rig.alerts('spool-redis')).toEqual([true, false, true, false, true, false]);
  // The same process goes on, so that the proof at the end is of both.
  const againBytes = await rig.growth(async () => {
    redis.pause();
    const resumed = wait(10_000).then(() => redis.resume());
    await rig.refused(50);
    await resumed;
    await rig.acknowledged(100);
  });
  expect(againBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});
