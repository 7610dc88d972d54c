/** The primary changes under load: another takes over, or it may not be written to for a while. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectControl } from '../../src/control/client.ts';
import { startRedis, startRedisCluster, startRedisSentinel } from '../fakes/redis.ts';
import { PROVEN, ROOM_BYTES, startRelayOnRedis } from '../fakes/relay-on-redis.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

test('sentinels make a replica the primary when it died, and once more when they are told to', async () => {
  await using watched = await startRedisSentinel({ deadAfterMs: 1_000 });
  const sentinels = watched.addresses.map((address) => `"${address}"`).join(', ');
  await using rig = await startRelayOnRedis(`sentinels: [${sentinels}], name: ${watched.name}`);
  rig.load();
  await rig.acknowledged(200);
  const grownBytes = await rig.growth(async () => {
    const first = await watched.primary();
    await first.kill();
    await rig.refused(50);
    await rig.acknowledged(100);
    await watched.rejoin(first);
    await expect.poll(async () => (await watched.primary()).info('connected_slaves'), { timeout: 20_000 }).toBe('2');
    await watched.failover();
    await rig.acknowledged(100);
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});

test('a cluster makes replicas the primaries of two that died, one after the other', async () => {
  await using cluster = await startRedisCluster({ replicas: 1, deadAfterMs: 1_000 });
  const nodes = cluster.addresses.map((address) => `"${address}"`).join(', ');
  await using rig = await startRelayOnRedis(`cluster: [${nodes}]`);
  rig.load();
  await rig.acknowledged(200);
  const grownBytes = await rig.growth(async () => {
    for (const [place, primary] of cluster.primaries.slice(0, 2).entries()) {
      await primary.kill();
      await rig.refused(20);
      await expect.poll(() => cluster.replicas[place]?.info('role'), { timeout: 20_000 }).toBe('master');
      // It has no replica of its own until the dead one is back, and follows it.
      await primary.start();
      await expect.poll(() => primary.info('master_link_status'), { timeout: 20_000 }).toBe('up');
      await rig.acknowledged(200);
    }
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});

test('read-only for 3 s: a replica of nobody', async () => {
  await using redis = await startRedis();
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  rig.load();
  await rig.acknowledged(200);
  const grownBytes = await rig.growth(async () => {
    await redis.cli('REPLICAOF', '127.0.0.1', 1);
    await rig.refused(50);
    await wait(3_000);
    await expect
      .poll(async () => (await rig.readiness()).text, { timeout: 10_000 })
      .toContain('it is a read-only replica: name its primary, or make it one by REPLICAOF NO ONE');
    await redis.cli('REPLICAOF', 'NO', 'ONE');
    await rig.acknowledged(100);
  });
  expect(grownBytes).toBeLessThan(ROOM_BYTES);
  expect(await rig.proof()).toEqual(PROVEN);
});

test('a setting that could lose mail: refused with the command that ends it, and that ends it', async () => {
  await using redis = await startRedis({ settings: ['appendfsync everysec'] });
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  const { status, text } = await rig.readiness();
  expect(status).toBe(503);
  expect(text).toContain('run CONFIG SET appendfsync always, and CONFIG REWRITE to keep it');
  const load = rig.load();
  await rig.refused(30);
  expect(load.acknowledged.size).toBe(0);
  await redis.config({ appendfsync: 'always' });
  await rig.acknowledged(100);
  expect(await rig.proof()).toEqual(PROVEN);
});

test('relaxed takes such a server, and says so in the log, in the status and in each 250', async () => {
  await using redis = await startRedis({ settings: ['appendonly no'] });
  await using rig = await startRelayOnRedis(`url: "${redis.url}", durability: relaxed`);
  expect(rig.alerts('durability-relaxed')).toEqual([true]);
  const control = await connectControl(rig.relay.dataFolder);
  const status = control.kind === 'connected' ? await control.operations.status() : null;
  expect(JSON.stringify(status)).toContain('durability-relaxed');
  await using client = await SmtpDialogue.greeted(rig.port);
  await client.all('EHLO load.test', 'MAIL FROM:<a@load.test>', 'RCPT TO:<b@dest.test>', 'DATA');
  expect(await client.say('From: <a@load.test>\r\n\r\nHello.\r\n.')).toMatch(
    /^250 2\.6\.0 .* queued \(not yet on disk\)/,
  );
  expect(await rig.proof()).toEqual(PROVEN);
});
