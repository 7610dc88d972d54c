import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createTestAuthority } from '../../../tests/fakes/certificates.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startFaultProxy } from '../../../tests/fakes/fault-proxy.ts';
import { redisEach } from '../../../tests/fakes/redis-in-tests.ts';

const { kept, server, linkTo } = redisEach();

const SET = { name: 'set', text: "return redis.call('SET', KEYS[1], ARGV[1])" };
const KEY = ['relevo:{1}:a'];

describe('what cannot be opened says why', () => {
  test.each([
    ['no URL of Redis', 'http://127.0.0.1', /redis:\/\/host:port/],
    [
      'nothing listens there',
      'redis://127.0.0.1:1',
      /^redis 127\.0\.0\.1:1: nothing listens there \(connect ECONNREFUSED/,
    ],
    ['no such host', 'redis://nowhere.invalid', /^redis nowhere\.invalid:6379: there is no such host/],
  ])('%s', async (_, url, text) => {
    await expect(linkTo(url)).rejects.toThrow(text);
  });

  test.each([
    ['a wrong password', ':wrong@', '', /it refuses the user name or the password$/],
    ['no password', '', '', /it wants a password, and none was given$/],
    ['a database that is not there', ':right@', '/77', /it has no database 77/],
  ])('%s', async (_, secret, database, text) => {
    const redis = await server({ password: 'right' });
    await expect(linkTo(`redis://${secret}127.0.0.1:${redis.port}${database}`)).rejects.toThrow(text);
  });

  test('what speaks otherwise than Redis, such as a mail server', async () => {
    const other = createServer((socket) => void socket.on('error', () => {}).write('220 mail.test ESMTP\r\n'));
    kept.defer(() => void other.close());
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const refusal = linkTo(`redis://127.0.0.1:${port}`).catch(String);
    expect(await refusal).toMatch(/: what answers there does not speak as Redis does: see its host and port/);
  });

  test('TLS on a server that has none', async () => {
    const { url } = await server();
    const refusal = await linkTo(url.replace('redis:', 'rediss:')).catch(String);
    expect(refusal).toMatch(/if it has no TLS, say redis:\/\/ instead of rediss:\/\/$/);
  });

  test('no TLS on a server that wants it', async () => {
    const authority = kept.use(await createTestAuthority());
    const { key, cert } = await authority.issue('127.0.0.1');
    const redis = await server({ tls: await files(authority.caPath, { key, cert }) });
    await expect(linkTo(redis.url.replace('rediss', 'redis'))).rejects.toThrow(
      /if it wants TLS, say rediss:\/\/$|whether it wants TLS/,
    );
  });

  test('a read-only replica', async () => {
    const redis = await server();
    await redis.cli('REPLICAOF', '127.0.0.1', 1);
    await expect(linkTo(redis.url)).rejects.toThrow(/it is a read-only replica/);
  });

  test('a single server as a cluster', async () => {
    const { port } = await server();
    const target = { kind: 'cluster', nodes: [`127.0.0.1:${port}`] } as const;
    await expect(linkTo('', { target })).rejects.toThrow(/spool\.url/);
  });

  test('a cluster with another password', async () => {
    const { port } = await server({ password: 'right', settings: ['cluster-enabled yes'] });
    const target = { kind: 'cluster', nodes: [`redis://:wrong@127.0.0.1:${port}`] } as const;
    await expect(linkTo('', { target })).rejects.toThrow(/it refuses the user name or the password$/);
  });

  test('a cluster that does not serve all slots, at once and not never', async () => {
    const { port } = await server({ settings: ['cluster-enabled yes'] });
    const target = { kind: 'cluster', nodes: [`127.0.0.1:${port}`] } as const;
    await expect(linkTo('', { target })).rejects.toThrow(/the cluster is down: not all slots are served/);
  });

  test('servers that never answer are waited for 15 s together, and no longer', async () => {
    const silent = kept.use(await startFaultProxy((await server()).port));
    silent.set({ kind: 'blackhole' });
    const clock = new FakeClock();
    const target = { kind: 'cluster', nodes: Array.from({ length: 20 }, () => `127.0.0.1:${silent.port}`) } as const;
    const refusal = linkTo('', { target, clock }).catch(String);
    await expect.poll(() => silent.connections).toBe(1);
    await clock.advance(15_000);
    expect(await refusal).toMatch(/redis cluster 127.*given up after 15 s\)$/);
  });

  test('a cluster or sentinels that nobody finds', async () => {
    const cluster = { kind: 'cluster', nodes: ['127.0.0.1:1', '127.0.0.1:2'] } as const;
    await expect(linkTo('', { target: cluster })).rejects.toThrow(/ECONNREFUSED/);
    const sentinels = { kind: 'sentinel', name: 'x', sentinels: ['127.0.0.1:1'] } as const;
    await expect(linkTo('', { target: sentinels })).rejects.toThrow(/no sentinel can be reached/);
  });

  test('TLS with a certificate that nobody vouches for, unless the policy names who does', async () => {
    const authority = kept.use(await createTestAuthority());
    const { key, cert } = await authority.issue('127.0.0.1');
    const redis = await server({ tls: await files(authority.caPath, { key, cert }) });
    expect(redis.url).toMatch(/^rediss:/);
    await expect(linkTo(redis.url)).rejects.toThrow(/its certificate is not trusted \(.*\): see spool\.ca$/);
    const link = await linkTo(redis.url, { ca: await readFile(authority.caPath, 'utf8') });
    await link.runDurably(SET, KEY, ['x']);
    await expect(linkTo(redis.url.replace('rediss', 'redis'))).rejects.toThrow(/^redis 127/);
  });
});

describe('what keeps a server from telling whether it keeps mail', () => {
  test('a user who may not ask it: the command that lets him, and no word of the library beside it', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    kept.defer(() => warn.mockRestore());
    const redis = await server();
    await redis.cli('ACL', 'SETUSER', 'mail', 'on', '>secret', '~*', '+@all', '-info');
    const link = await linkTo(`redis://mail:secret@127.0.0.1:${redis.port}`);
    const command = /run (ACL SETUSER .*)$/.exec(link.trouble() ?? '')?.[1] ?? '';
    expect(command).toBe('ACL SETUSER mail +info');
    await redis.cli(...command.split(' '));
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
    expect(warn).not.toHaveBeenCalled();
  });

  test('CONFIG that was renamed: what helps is not CONFIG, and not ACL', async () => {
    const bare = await server({ settings: ['rename-command CONFIG ""', 'appendonly no'] });
    const trouble = (await linkTo(bare.url)).trouble();
    expect(trouble).toMatch(/set appendonly yes in its redis\.conf and restart it/);
    const kept = await server({ settings: ['rename-command CONFIG ""'] });
    expect((await linkTo(kept.url)).trouble()).toMatch(/it has no command CONFIG.*rename-command/);
  });
});

async function files(
  caPath: string,
  pair: { key: string; cert: string },
): Promise<{ certFile: string; keyFile: string }> {
  const [certFile, keyFile] = [join(caPath, '../redis.crt'), join(caPath, '../redis.key')];
  await Promise.all([writeFile(certFile, pair.cert), writeFile(keyFile, pair.key)]);
  return { certFile, keyFile };
}
