/** The way to Redis where servers take over from each other: behind sentinels, and as a cluster. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { systemClock } from '../../system.ts';
import type { RedisLink } from './link.ts';
import { openRedisLink } from './open-link.ts';
import type { RedisTarget } from './target.ts';

let links = new AsyncDisposableStack();
afterEach(async () => {
  await links.disposeAsync();
  links = new AsyncDisposableStack();
});

async function linkTo(target: RedisTarget, replicas = 0): Promise<RedisLink> {
  return links.use(await openRedisLink({ target, clock: systemClock, replicas }));
}

const SET = { name: 'set', text: "return redis.call('SET', KEYS[1], ARGV[1])" };
const GET = { name: 'get', text: "return redis.call('GET', KEYS[1])" };

const ONCE = { name: 'once', text: "return redis.call('SETNX', KEYS[1], '1')" };
const DEL = { name: 'del', text: "return redis.call('DEL', KEYS[1])" };

/** How often it accepts until it says why not; it may be finding its way to the servers first. */
async function acceptedUntil(link: RedisLink, why: RegExp): Promise<number> {
  let accepted = 0;
  const refusal = () =>
    link.runDurably(ONCE, ['{1}:once'], []).then(
      () => `accepted ${(accepted += 1)}`,
      (cause: { readonly kind?: string; readonly message: string }) => `${cause.kind ?? ''}: ${cause.message}`,
    );
  await expect.poll(refusal, { timeout: 20_000, interval: 50 }).toMatch(why);
  return accepted;
}

/** Until it accepts again, as clients do: by trying. */
async function untilAccepted(link: RedisLink, key: string, value: string): Promise<void> {
  const isAccepted = () =>
    link.runDurably(SET, [key], [value]).then(
      () => true,
      () => false,
    );
  await expect.poll(isAccepted, { timeout: 20_000, interval: 50 }).toBe(true);
}

describe('behind sentinels', () => {
  let watched: RedisSentinel;
  beforeAll(async () => {
    watched = await startRedisSentinel({ password: 'hush' });
  });
  afterAll(() => watched[Symbol.asyncDispose]());
  beforeEach(async () => {
    const inStep = async () => (await (await watched.primary()).cli('INFO', 'replication')).match(/online\S*lag=[01]/g);
    await expect.poll(inStep, { timeout: 30_000 }).toHaveLength(2);
  });

  const target = (name = watched.name): RedisTarget => ({
    kind: 'sentinel',
    sentinels: watched.addresses,
    name,
    password: 'hush',
  });

  test('a name that they do not know, and a sentinel as a server, are refused', async () => {
    await expect(linkTo(target('other'))).rejects.toThrow(/the sentinels know no server of that name: see spool\.name/);
    const single = { kind: 'single', url: `redis://${watched.addresses[0] ?? ''}` } as const;
    await expect(linkTo(single)).rejects.toThrow(/it is a sentinel: name it in spool\.sentinels/);
  });

  test('what replicas do not confirm is not durable; nothing more is accepted until they do', async () => {
    const link = await linkTo(target(), 1);
    await link.runDurably(SET, ['{1}:a'], ['x']);
    const primary = await watched.primary();
    const replicas = watched.servers.filter((one) => one !== primary);
    for (const replica of replicas) replica.pause();
    expect(await acceptedUntil(link, /^unavailable: .*(?:0 replicas confirmed|0 of its replicas are in step)/)).toBe(0);
    expect(link.trouble()).toMatch(/0 replicas confirmed|0 of its replicas are in step/);
    for (const replica of replicas) replica.resume();
    await untilAccepted(link, '{1}:a', 'z');
    expect(link.trouble()).toBeNull();
  });

  test('the answer to a repeat over another connection waits for what the first one wrote', async () => {
    const [link, other] = [await linkTo(target(), 2), await linkTo(target(), 2)];
    const primary = await watched.primary();
    const lagging = watched.servers.find((one) => one !== primary);
    lagging?.pause();
    // Where the second is slow to ask, its watch has seen already that a replica lags.
    const lacking = /^unavailable: .*(?:1 replicas confirmed|1 of its replicas are in step)/;
    expect(await acceptedUntil(link, lacking)).toBe(0);
    expect(await acceptedUntil(other, lacking)).toBe(0);
    lagging?.resume();
    await untilAccepted(other, '{1}:after', 'x');
  });

  test('what was durable is there after the primary died, without a restart', async () => {
    const link = await linkTo(target(), 1);
    await link.runDurably(SET, ['{1}:kept'], ['kept']);
    const before = await watched.primary();
    await watched.deadAfter(1_000);
    await before.kill();
    try {
      await untilAccepted(link, '{1}:b', 'after');
      // Sentinels tell of the new primary one by one, and each makes the library connect anew.
      const kept = () => link.run(GET, ['{1}:kept'], []).then(String, String);
      await expect.poll(kept, { timeout: 10_000 }).toBe('kept');
    } finally {
      await watched.rejoin(before);
      await watched.deadAfter();
    }
  });

  test('another primary is asked before anything is accepted there', async () => {
    const link = await linkTo(target());
    for (const server of watched.servers) await server.config({ appendfsync: 'everysec' });
    const before = await watched.primary();
    await before.config({ appendfsync: 'always' });
    await watched.failover();
    await expect.poll(() => link.trouble(), { timeout: 10_000 }).toContain('CONFIG SET appendfsync always');
    for (const server of watched.servers) await server.config({ appendfsync: 'always' });
    await untilAccepted(link, '{1}:c', 'x');
  });
});

describe('as a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicas: 1 });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  beforeEach(async () => {
    const inStep = async () => {
      const states = await Promise.all((await primaries()).map((one) => one.cli('INFO', 'replication')));
      return states.filter((state) => /state=online\S*lag=[01]/.test(state)).length;
    };
    await expect.poll(inStep, { timeout: 20_000 }).toBe(3);
  });

  const target = (): RedisTarget => ({ kind: 'cluster', nodes: cluster.addresses });
  const primaries = async (): Promise<readonly RedisServer[]> => {
    const nodes = [...cluster.primaries, ...cluster.replicas];
    const roles = await Promise.all(nodes.map((node) => node.info('role')));
    return nodes.filter((_, place) => roles[place] === 'master');
  };
  const tags = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('a node as a single server is refused', async () => {
    const url = cluster.primaries[0]?.url ?? '';
    await expect(linkTo({ kind: 'single', url })).rejects.toThrow(/it is a node of a cluster: name the nodes/);
  });

  test('one node that is down does not matter to the start', async () => {
    const nodes = ['127.0.0.1:1', ...cluster.addresses.slice(0, 2)];
    const link = await linkTo({ kind: 'cluster', nodes });
    await link.runDurably(SET, ['{a}:a'], ['x']);
    expect(link.trouble()).toBeNull();
  });

  test('each key is run where it lives, and replicas have it', async () => {
    const link = await linkTo(target(), 1);
    await Promise.all(tags.map((tag) => link.runDurably(SET, [`{${tag}}:a`], [tag])));
    const found = await Promise.all(tags.map((tag) => link.run(GET, [`{${tag}}:a`], [])));
    expect(found.map(String)).toEqual(tags);
    const keys = await Promise.all((await primaries()).map((one) => one.cli('DBSIZE')));
    expect(keys.map(Number).every((count) => count > 0)).toBe(true);
  });

  test.each([0, 1])('a slot that moves is followed, with %i replicas to wait for', async (replicas) => {
    const link = await linkTo(target(), replicas);
    const key = `{moving${replicas}}:a`;
    const nodes = await primaries();
    for (const owner of nodes) {
      const id = await owner.cli('CLUSTER', 'MYID');
      const slot = Number(await owner.cli('CLUSTER', 'KEYSLOT', key));
      for (const node of [owner, ...nodes]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', id);
      // While the nodes tell each other of it, one of them may still say the other: a client tries again.
      await untilAccepted(link, key, 'x');
      expect(await owner.cli('GET', key)).toBe('x');
      // A slot is handed over empty.
      for (const left of [key, `{moving${replicas}}:fence`]) await link.run(DEL, [left], []);
    }
  });

  test('what was durable is there after a primary died, without a restart', async () => {
    const link = await linkTo(target(), 1);
    await Promise.all(tags.map((tag) => link.runDurably(SET, [`{${tag}}:kept`], [tag])));
    // With one replica each, what follows its primary's death can be promised by none.
    const loose = await linkTo(target(), 0);
    const [first] = await primaries();
    await cluster.deadAfter(1_000);
    await first?.kill();
    try {
      const isLost = () => Promise.allSettled(tags.map((tag) => loose.runDurably(SET, [`{${tag}}:b`], ['x'])));
      expect((await isLost()).some((one) => one.status === 'rejected')).toBe(true);
      for (const tag of tags) await untilAccepted(loose, `{${tag}}:b`, 'y');
      const found = () => Promise.all(tags.map((tag) => loose.run(GET, [`{${tag}}:kept`], []).then(String, String)));
      await expect.poll(found, { timeout: 10_000 }).toEqual(tags);
      // Its replica took over, and has none of its own.
      const strict = await linkTo(target(), 1);
      expect(strict.trouble()).toContain('0 of its replicas are in step and spool.replicas asks for 1');
      await first?.start();
      await expect.poll(() => strict.trouble(), { timeout: 20_000 }).toBeNull();
    } finally {
      // Whatever became of it, the next test finds all of them.
      await first?.restart();
      await cluster.deadAfter();
    }
  });
});
