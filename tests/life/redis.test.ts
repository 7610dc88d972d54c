import { describe, expect, test } from 'vitest';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { PROVEN, startRelayOnRedis } from '../fakes/relay-on-redis.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';

async function policyOn(spool: string): Promise<string> {
  return `
hostname: relay.test
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { sandbox: { type: sandbox, path: ../data/sandbox } }
http: { listen: 127.0.0.1:${await freePort()} }
spool: { engine: redis, ${spool} }
`;
}

describe('a Redis that cannot be had: one line that says why, and the relay does not come up', () => {
  async function refusal(spool: string): Promise<string> {
    await using relay = new RelayProcess(await policyOn(spool));
    const { code, stdout, stderr } = await relay.cli(['start']);
    expect(code).toBe(1);
    expect(stdout).not.toContain('"started"');
    const [line = '', ...others] = stderr.trim().split('\n');
    expect(others).toEqual(['relevo: not started']);
    return line;
  }

  test('nothing listens there', async () => {
    expect(await refusal('url: redis://127.0.0.1:1')).toContain('spool: redis 127.0.0.1:1: nothing listens there');
  });

  test('a password that is wrong, which is not shown', async () => {
    await using redis = await startRedis({ password: 'right' });
    const line = await refusal(`url: "redis://:mistaken@127.0.0.1:${redis.port}"`);
    expect(line).toContain('it refuses the user name or the password');
    expect(line).not.toContain('mistaken');
  });

  test('a node of a cluster as a single server', async () => {
    await using redis = await startRedis({ settings: ['cluster-enabled yes'] });
    expect(await refusal(`url: "${redis.url}"`)).toContain(
      'it is a node of a cluster: name the nodes in spool.cluster',
    );
  });

  test('a cluster that does not serve all slots', async () => {
    await using redis = await startRedis({ settings: ['cluster-enabled yes'] });
    expect(await refusal(`cluster: ["127.0.0.1:${redis.port}"]`)).toContain('not all slots are served');
  });

  test('one that hangs: told to end meanwhile, it ends', async () => {
    await using redis = await startRedis();
    await using silent = await startFaultProxy(redis.port);
    silent.set({ kind: 'blackhole' });
    await using relay = new RelayProcess(await policyOn(`url: redis://127.0.0.1:${silent.port}`));
    const started = relay.start().catch(String);
    await expect.poll(() => silent.connections, { timeout: 20_000 }).toBe(1);
    relay.signal('SIGTERM');
    expect(await started).toMatch(/ended \(0\)[^]*stopped before it had started/);
    await relay.exited();
  });
});

test('a start on a Redis that does not keep mail says so at once', async () => {
  await using redis = await startRedis({ settings: ['appendonly no'] });
  await using relay = new RelayProcess(await policyOn(`url: "${redis.url}"`));
  await relay.start();
  await expect
    .poll(() => relay.stderr, { timeout: 10_000 })
    .toMatch(/^relevo: takes no mail now \(451\): redis .*CONFIG SET appendonly yes/m);
  await relay.stop();
});

test('a Redis that is emptied: no mail is taken any more, and the next start tells of it, once', async () => {
  await using redis = await startRedis();
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  const { relay } = rig;
  const isLost = (line: LogLine): boolean => line['name'] === 'spool-lost';
  const load = rig.load();
  await rig.acknowledged(50);
  await redis.cli('FLUSHALL');
  await rig.refused(20);
  await relay.waitFor(isLost);
  expect(await rig.readiness()).toMatchObject({ status: 503, text: expect.stringContaining('is gone') as string });
  await load.stop();
  await relay.stop();

  const since = relay.lines.length;
  await relay.start();
  expect(await relay.waitFor(isLost, since)).toMatchObject({
    raised: true,
    text: expect.stringContaining('is another one than when this relay ran last') as string,
  });
  expect((await rig.readiness()).status).toBe(200);
  await relay.stop();
  const again = relay.lines.length;
  await relay.start();
  expect(relay.lines.slice(again).some(isLost)).toBe(false);
});

test('commands without a running relay look at the same queue, and a second relay on the folder is refused', async () => {
  await using redis = await startRedis();
  await using rig = await startRelayOnRedis(`url: "${redis.url}"`);
  rig.sink.fault('dot', 'slow');
  const load = rig.load();
  await rig.acknowledged(200);
  const second = await rig.relay.cli(['start']);
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another relay runs on') as string });
  await load.stop();
  expect(await rig.relay.stop()).toEqual({ code: 0, signal: null });

  const delivered = rig.sink.accepted.length;
  expect(await rig.relay.audit()).toMatchObject({ queued: load.acknowledged.size - delivered, possibleDuplicates: 0 });
  const { stdout } = await rig.relay.cli(['queue', 'list', '--json']);
  expect(stdout).toContain('rcpt@dest.test');
  rig.sink.heal();
  await rig.relay.start();
  expect(await rig.proof()).toEqual({ ...PROVEN, starts: 2 });
});
