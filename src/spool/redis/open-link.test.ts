import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, connect as dial } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startFaultProxy } from '../../../tests/fakes/fault-proxy.ts';
import { redisEach } from '../../../tests/fakes/redis-in-tests.ts';

const { kept, server, linkTo } = redisEach();

const SET = { name: 'set', text: "return redis.call('SET', KEYS[1], ARGV[1])" };
const GET = { name: 'get', text: "return redis.call('GET', KEYS[1])" };
const KEY = ['relevo:{1}:a'];

describe('scripts', () => {
  test('bytes go there and come back as they are', async () => {
    const link = await linkTo((await server()).url);
    const bytes = Buffer.from([0, 13, 10, 255, 128, 42]);
    await link.runDurably(SET, KEY, [bytes]);
    expect(await link.run(GET, KEY, [])).toEqual(bytes);
  });

  test('one that the server forgot is sent again whole', async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    await link.run(SET, KEY, [1]);
    await redis.cli('SCRIPT', 'FLUSH');
    await link.run(SET, KEY, [2]);
    expect(await redis.cli('GET', KEY[0] ?? '')).toBe('2');
  });

  test.each([
    ['an error in the script', { name: 'bad', text: 'return nothing.at.all' }],
    ['a key of another type', { name: 'mixed', text: "return redis.call('HGET', KEYS[1], 'x')" }],
  ])('%s is final: it comes to the same again', async (_, script) => {
    const link = await linkTo((await server()).url);
    await link.run(SET, KEY, ['text']);
    await expect(link.run(script, KEY, [])).rejects.toMatchObject({ kind: 'unavailable', isFinal: true });
    expect(link.trouble()).toBeNull();
  });
});

describe('what a server refuses', () => {
  test('no room: full, told as trouble until there is room again, and tried all the same', async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    await redis.config({ maxmemory: '1mb' });
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject({ kind: 'full', isFinal: false });
    expect(link.trouble()).toContain('is full: raise its maxmemory');
    await redis.config({ maxmemory: 0 });
    await link.runDurably(SET, KEY, ['x']);
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
  });

  test('writes on a replica: nothing more is accepted, and all is well once it is a primary again', async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    await redis.cli('REPLICAOF', '127.0.0.1', 1);
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject({ kind: 'unavailable', isFinal: false });
    expect(link.trouble()).not.toBeNull();
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toContain('it is a read-only replica');
    await redis.cli('REPLICAOF', 'NO', 'ONE');
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
    await link.runDurably(SET, KEY, ['x']);
  });
});

describe('durability', () => {
  test('a server that cannot keep mail is refused what a 250 hangs on, and nothing else', async () => {
    const redis = await server({ settings: ['appendonly no'] });
    const link = await linkTo(redis.url);
    expect(link.trouble()).toBe(
      `redis 127.0.0.1:${redis.port}: accepted mail could be lost: run CONFIG SET appendonly yes, and CONFIG REWRITE to keep it (or set spool.durability: relaxed)`,
    );
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject({
      kind: 'unavailable',
      message: link.trouble(),
    });
    expect(await redis.cli('EXISTS', KEY[0] ?? '')).toBe('0');
    await link.run(SET, KEY, ['x']);
    expect(await redis.cli('EXISTS', KEY[0] ?? '')).toBe('1');
  });

  test('the command that it names is what it needs: no restart', async () => {
    const redis = await server({ settings: ['appendonly no', 'appendfsync no', 'maxmemory-policy allkeys-lru'] });
    const link = await linkTo(redis.url);
    const command = /run (CONFIG SET .*?),/.exec(link.trouble() ?? '')?.[1] ?? '';
    await redis.cli(...command.split(' '));
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
    await link.runDurably(SET, KEY, ['x']);
  });

  test('a setting that is changed under way is noticed within seconds', async () => {
    const redis = await server();
    const clock = new FakeClock();
    const told: (string | null)[] = [];
    const link = await linkTo(redis.url, { clock, onTrouble: (trouble) => void told.push(trouble) });
    await redis.config({ appendfsync: 'everysec' });
    await clock.advance(10_000);
    await expect.poll(() => link.trouble()).toContain('CONFIG SET appendfsync always');
    await redis.config({ appendfsync: 'always' });
    await clock.advance(500);
    await expect.poll(() => link.trouble()).toBeNull();
    expect(told).toEqual([expect.stringContaining('appendfsync'), null]);
  });

  test('settings are read anew where the server came back with others', async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    await redis.config({ appendfsync: 'everysec' });
    await redis.cli('CONFIG', 'REWRITE');
    await redis.restart();
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toContain('CONFIG SET appendfsync always');
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('relaxed takes it as it is', async () => {
    const redis = await server({ settings: ['appendonly no', 'maxmemory-policy allkeys-lru'] });
    const link = await linkTo(redis.url, { durability: 'relaxed' });
    expect(link.trouble()).toBeNull();
    await link.runDurably(SET, KEY, ['x']);
  });

  test('a user who may not read the settings is told how to be allowed, and then is', async () => {
    const redis = await server();
    await redis.cli('ACL', 'SETUSER', 'mail', 'on', '>secret', '~*', '+@all', '-config');
    const link = await linkTo(`redis://mail:secret@127.0.0.1:${redis.port}`);
    const command = /run (ACL SETUSER .*?) \(/.exec(link.trouble() ?? '')?.[1] ?? '';
    expect(command).toBe('ACL SETUSER mail +config|get');
    await redis.cli(...command.split(' '));
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
  });

  test('the user of the manual may do what is needed, on his keys alone', async () => {
    const redis = await server();
    const manual = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
    const command = /`(ACL SETUSER relevo [^`]*)`/.exec(manual)?.[1] ?? '';
    await redis.cli(...command.split(' '));
    const link = await linkTo(`redis://relevo:PASSWORD@127.0.0.1:${redis.port}`);
    expect(link.trouble()).toBeNull();
    await link.runDurably(SET, KEY, ['x']);
    await expect(link.run(SET, ['other:{1}:a'], ['x'])).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('where the server can say when it synced, that is waited for, for many at once', async () => {
    const redis = await server({ settings: ['appendfsync everysec'] });
    const newer = kept.use(await startAsNewer(redis.port));
    const link = await linkTo(`redis://127.0.0.1:${newer.port}`);
    expect(link.trouble()).toBeNull();
    const all = Array.from({ length: 50 }, (_, place) => link.runDurably(SET, [`relevo:{1}:${place}`], [place]));
    await Promise.all(all);
    expect(newer.waits).toBeGreaterThan(0);
    expect(newer.waits).toBeLessThan(25);
    newer.synced = 0;
    const refusal = { kind: 'unavailable', message: expect.stringContaining('its disk did not confirm') as string };
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject(refusal);
  });
});

describe('connections', () => {
  test('one that is lost refuses at once, is made again, and what was under way is not sent twice', async () => {
    const redis = await server();
    const proxy = kept.use(await startFaultProxy(redis.port));
    const link = await linkTo(`redis://127.0.0.1:${proxy.port}`);
    const count = { name: 'count', text: "return redis.call('INCR', KEYS[1])" };
    await link.run(count, ['relevo:{1}:b'], []);
    proxy.set({ kind: 'blackhole', direction: 'back' });
    const lost = link.run(count, KEY, []).catch((error: unknown) => error);
    await expect.poll(() => redis.cli('GET', KEY[0] ?? '')).toBe('1');
    proxy.reset();
    expect(await lost).toMatchObject({ kind: 'unavailable', isFinal: false });
    await expect(link.run(count, KEY, [])).rejects.toMatchObject({ kind: 'unavailable' });
    expect(link.trouble()).not.toBeNull();
    proxy.set({ kind: 'none' });
    proxy.reset();
    await expect.poll(() => link.trouble(), { timeout: 5_000 }).toBeNull();
    expect(await redis.cli('GET', KEY[0] ?? '')).toBe('1');
  });

  test('a server that hangs is given 5 s; what waited for it is let go of', { timeout: 20_000 }, async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    redis.pause();
    const startMs = performance.now();
    const asked = Array.from({ length: 20 }, () => link.runDurably(SET, KEY, ['x'.repeat(100_000)]));
    const answers = await Promise.allSettled(asked);
    expect(performance.now() - startMs).toBeLessThan(6_000);
    expect(answers.every((one) => one.status === 'rejected')).toBe(true);
    await expect(link.runDurably(SET, KEY, ['x'])).rejects.toMatchObject({ kind: 'unavailable' });
    redis.resume();
    await expect.poll(() => link.trouble(), { timeout: 10_000 }).toBeNull();
    await link.runDurably(SET, KEY, ['x']);
  });

  test('what was asked before the end is answered', async () => {
    const redis = await server();
    const link = await linkTo(redis.url);
    const asked = link.runDurably(SET, KEY, ['last']);
    await link[Symbol.asyncDispose]();
    await asked;
    expect(await redis.cli('GET', KEY[0] ?? '')).toBe('last');
    await expect(link.run(SET, KEY, ['later'])).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

/** In front of a server, makes it one that knows WAITAOF: `synced` is how many disks it says have it. */
async function startAsNewer(port: number) {
  const newer = { port: 0, waits: 0, synced: 1, [Symbol.asyncDispose]: async () => void listening.close() };
  const WAITAOF = /\*4\r\n\$7\r\nWAITAOF\r\n(?:\$\d+\r\n\d+\r\n){3}/g;
  const listening = createServer((near) => {
    const far = dial(port, '127.0.0.1');
    near.on('data', (chunk) => {
      const script = `return {${newer.synced}, 0}`;
      const instead = `*3\r\n$4\r\nEVAL\r\n$${script.length}\r\n${script}\r\n$1\r\n0\r\n`;
      const text = chunk.toString('latin1').replaceAll(WAITAOF, () => {
        newer.waits += 1;
        return instead;
      });
      far.write(text, 'latin1');
    });
    far.on('data', (chunk) =>
      near.write(chunk.toString('latin1').replace('redis_version:7.0.', 'redis_version:7.2.'), 'latin1'),
    );
    near.on('close', () => far.destroy()).on('error', () => undefined);
    far.on('close', () => near.destroy()).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const bound = listening.address();
  newer.port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return newer;
}
