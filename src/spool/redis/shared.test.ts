/** What holds where several nodes share a spool, and where the server has no room. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import type { LeasedDelivery, Submission } from '../spool.ts';
import type { RedisLink } from './link.ts';
import { openRedisSpool, type RedisSpool, type RedisSpoolOptions } from './spool.ts';

const redis = sharedRedis(['appendonly no', 'appendfsync no', 'maxmemory-policy noeviction']);
const kept = endedAfterEach();
const clock = new FakeClock();
const nowMs = clock.nowMs();

async function node(
  name: string,
  options: Pick<RedisSpoolOptions, 'prefix' | 'shards'> & {
    readonly clock?: FakeClock;
    readonly through?: (link: RedisLink) => RedisLink;
  },
): Promise<RedisSpool> {
  const link = await redis.link();
  const { through = (one: RedisLink): RedisLink => one, ...rest } = options;
  const spool = await openRedisSpool({ link: through(link), clock, node: name, ...rest });
  return kept.use(spool);
}

function claim(spool: RedisSpool, limit: number): Promise<readonly LeasedDelivery[]> {
  const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit, perLane: limit, exclude: [] };
  return spool.claim(request).then(({ leased }) => leased);
}

async function fill(spool: RedisSpool, submissions: readonly Submission[]): Promise<void> {
  await Promise.all(submissions.map((submission) => spool.accept(submission)));
}

describe.each([1, 4])('mail that is handed back for one node, in %i shards,', (shards) => {
  const beat = (spool: RedisSpool, name: string, { atMs = nowMs } = {}) => {
    const facts = { name, instance: name, host: 'h', machine: null, pid: 1, startedAtMs: 0 };
    const rest = { version: '1', policyVersion: 'p', workers: 1, addresses: [] };
    return spool.nodes.beat({ facts: { ...facts, ...rest }, nowMs: atMs, untilMs: atMs + 15_000 });
  };
  const handBack = async (from: RedisSpool, leased: readonly LeasedDelivery[], to: string): Promise<void> =>
    from.giveBack(
      leased.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token })),
      to,
    );

  test('is claimed by that node, by any of its workers, and by no other that is up', async () => {
    const prefix = aPrefix();
    const [a, b] = [await node('a', { prefix, shards }), await node('b/2', { prefix, shards })];
    await Promise.all([beat(a, 'a'), beat(a, 'b')]);
    await fill(
      a,
      Array.from({ length: 20 }, (_, n) => aSubmission({ atMs: nowMs, to: [`x@${n % 3}.test`] })),
    );
    const first = await claim(a, 12);
    await handBack(a, first.slice(0, 8), 'b');
    const left = await claim(a, 50);
    expect(left.length).toBe(8);
    expect(await claim(a, 50)).toEqual([]);
    const there = await claim(b, 50);
    expect(there.map(({ delivery }) => delivery.id).toSorted()).toEqual(
      first
        .slice(0, 8)
        .map(({ delivery }) => delivery.id)
        .toSorted(),
    );
    expect([...there.map(({ forUs }) => forUs), ...left.map(({ forUs }) => forUs)]).toEqual([
      ...there.map(() => true),
      ...left.map(() => undefined),
    ]);
    expect(there.every(({ delivery }) => delivery.attempts === 0)).toBe(true);
    expect((await a.audit()).violations).toEqual([]);
  });

  test('is anybody’s once that node is not up, and then as any other', async () => {
    const prefix = aPrefix();
    const own = new FakeClock(nowMs);
    const [a, c] = [await node('a', { prefix, shards, clock: own }), await node('c', { prefix, shards, clock: own })];
    await beat(a, 'gone', { atMs: nowMs });
    await fill(a, [aSubmission({ atMs: nowMs })]);
    await handBack(a, await claim(a, 5), 'gone');
    expect(await claim(c, 5)).toEqual([]);
    expect(await claim(c, 5)).toEqual([]);
    const [queued] = await c.list({}, { limit: 5 });
    expect(queued?.waitsFor).toBe('gone');
    own.jumpMs(16_000);
    expect((await claim(c, 5)).map(({ forUs }) => forUs)).toEqual([undefined]);
    expect((await c.list({}, { limit: 5 }))[0]).not.toHaveProperty('waitsFor');
  });

  test('is anybody’s after ten minutes, so that a node that is up and takes nothing strands nothing', async () => {
    const prefix = aPrefix();
    const own = new FakeClock(nowMs);
    const a = await node('a', { prefix, shards, clock: own });
    await fill(a, [aSubmission({ atMs: nowMs })]);
    await beat(a, 'idle');
    await handBack(a, await claim(a, 5), 'idle');
    for (let minute = 0; minute < 11; minute++) {
      await beat(a, 'idle', { atMs: own.nowMs() });
      expect(await claim(a, 5)).toEqual([]);
      own.jumpMs(minute < 10 ? 59_000 : 60_000);
    }
    await beat(a, 'idle', { atMs: own.nowMs() });
    expect(await claim(a, 5)).toHaveLength(1);
  });

  test('can be held, released and listed meanwhile, and still goes to that node', async () => {
    const prefix = aPrefix();
    const [a, b] = [await node('a', { prefix, shards }), await node('b', { prefix, shards })];
    await beat(a, 'b');
    await fill(a, [aSubmission({ atMs: nowMs })]);
    await handBack(a, await claim(a, 5), 'b');
    expect(await a.hold({}, nowMs)).toBe(1);
    expect(await claim(b, 5)).toEqual([]);
    expect(await a.release({}, nowMs)).toBe(1);
    expect(await claim(a, 5)).toEqual([]);
    expect(await claim(b, 5)).toHaveLength(1);
    expect((await b.audit()).violations).toEqual([]);
  });
});

describe.each([1, 4])('nodes that share a spool of %i shards', (shards) => {
  test('get different deliveries when they claim together, and all of them in the end', async () => {
    const prefix = aPrefix();
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => node(name, { prefix, shards })));
    const to = (n: number): string[] => [`x@${n % 7}.test`];
    await fill(
      nodes[0]!,
      Array.from({ length: 300 }, (_, n) => aSubmission({ atMs: nowMs, to: to(n) })),
    );
    const ids: string[] = [];
    for (let round = 0; round < 30 && ids.length < 300; round++) {
      const claims = await Promise.all(nodes.map((spool) => claim(spool, 40)));
      for (const { delivery } of claims.flat()) ids.push(delivery.id);
    }
    expect(ids).toHaveLength(300);
    expect(new Set(ids).size).toBe(300);
    expect(await nodes[1]!.overview()).toMatchObject({ deliveries: 300, leased: 300 });
  });

  test('who lost its lease to another settles, prolongs and hands back nothing', async () => {
    const prefix = aPrefix();
    const [slow, quick] = [await node('slow', { prefix, shards }), await node('quick', { prefix, shards })];
    const submission = aSubmission({ atMs: nowMs });
    await slow.accept(submission);
    const [lost] = await claim(slow, 1);
    expect(await quick.reap(nowMs + 60_001)).toBe(1);
    const [now] = await claim(quick, 1);
    if (lost === undefined || now === undefined) throw new Error('it was claimed twice');
    expect(now.lease.token).toBeGreaterThan(lost.lease.token);
    const old = { deliveryId: lost.delivery.id, token: lost.lease.token };
    expect(await slow.settle(aSettlement(lost, { atMs: nowMs }))).toBe('lost');
    expect(await slow.extend([old], nowMs + 90_000)).toEqual([lost.delivery.id]);
    await slow.giveBack([old]);
    expect(await quick.settle(aSettlement(now, { atMs: nowMs }))).toBe('settled');
    const story = await slow.story(submission.message.id);
    expect(story?.events.map(({ event }) => event)).toEqual(['received', 'in-doubt', 'delivered']);
  });

  test('a lease that a failover lost does not leave its token to the next one', async () => {
    const submission = aSubmission({ atMs: nowMs });
    const fresh = aSubmission({ atMs: nowMs, leaseUntilMs: nowMs + 60_000 });
    const tokens: number[] = [];
    // What each would do with the same state before it.
    for (const name of ['one', 'one/2', 'two']) {
      const spool = await node(name, { prefix: aPrefix(), shards });
      await spool.accept(submission);
      for (const { lease } of await claim(spool, 1)) tokens.push(lease.token);
      const result = await spool.accept(fresh);
      for (const { lease } of result.kind === 'accepted' ? result.leased : []) tokens.push(lease.token);
    }
    expect(tokens).toHaveLength(6);
    expect(new Set(tokens).size).toBe(3);
  });

  test('a lease can be passed on with its token', async () => {
    const prefix = aPrefix();
    const [one, two] = [await node('one', { prefix, shards }), await node('one/2', { prefix, shards })];
    await one.accept(aSubmission({ atMs: nowMs }));
    const [taken] = await one.take({}, nowMs + 60_000, 1);
    if (taken === undefined) throw new Error('it was queued');
    expect(await two.settle(aSettlement(taken, { atMs: nowMs, state: 'bounced' }))).toBe('settled');
  });

  test('a node that starts anew frees what it held itself, and nothing of the others', async () => {
    const prefix = aPrefix();
    const [one, two] = [await node('one', { prefix, shards }), await node('two', { prefix, shards })];
    const lease = { atMs: nowMs, leaseUntilMs: nowMs + 3_600_000 };
    await fill(one, [aSubmission(lease), aSubmission(lease), aSubmission(lease)]);
    const others = aSubmission(lease);
    await fill(two, [others]);
    const again = await node('one', { prefix, shards });
    expect(again.report).toMatchObject({ reaped: 3 });
    expect(await again.overview()).toMatchObject({ deliveries: 4, leased: 1 });
    expect((await again.story(others.message.id))?.events).toHaveLength(1);
  });

  test('relays with prefixes of their own see nothing of each other', async () => {
    const [one, two] = [
      await node('one', { prefix: aPrefix(), shards }),
      await node('one', { prefix: aPrefix(), shards }),
    ];
    const submission = aSubmission({ atMs: nowMs, dedupe: { key: 'd', windowMs: 60_000 } });
    await one.accept(submission);
    expect(await two.story(submission.message.id)).toBeNull();
    expect(await two.accept(submission)).toMatchObject({ kind: 'accepted' });
    expect(await claim(two, 10)).toHaveLength(1);
    expect(await claim(one, 10)).toHaveLength(1);
  });
});

test('the number of shards is what the first opening made it', async () => {
  const prefix = aPrefix();
  const submission = aSubmission({ atMs: nowMs });
  await (await node('one', { prefix, shards: 5 })).accept(submission);
  const later = await node('two', { prefix, shards: 2 });
  expect((await later.story(submission.message.id))?.message).toEqual(submission.message);
  expect(await claim(later, 9)).toHaveLength(1);
});

describe('a server that is full', () => {
  const big = (): Buffer => randomBytes(200_000);
  afterEach(async () => {
    await redis.server().cli('CONFIG', 'SET', 'maxmemory', '0');
  });

  async function fullWith(spool: RedisSpool): Promise<LeasedDelivery[]> {
    const submissions = Array.from({ length: 10 }, () => aSubmission({ atMs: nowMs, content: big() }));
    await fill(spool, submissions);
    const leased = await claim(spool, 5);
    await redis.server().cli('CONFIG', 'SET', 'maxmemory', '1mb');
    return [...leased];
  }

  test('accepts nothing, keeps nothing of it, and says why', async () => {
    const spool = await node('one', { prefix: aPrefix() });
    await fullWith(spool);
    const refused = aSubmission({ atMs: nowMs });
    await expect(spool.accept(refused)).rejects.toMatchObject({ kind: 'full' });
    expect(spool.trouble()).toMatch(/full/);
    expect(await spool.story(refused.message.id)).toBeNull();
    expect(await spool.audit()).toMatchObject({ messages: 10, violations: [] });
  });

  test('lets mail out: it is claimed, settled, given back and discarded, and takes new mail again', async () => {
    const spool = await node('one', { prefix: aPrefix() });
    const [done, later, back] = await fullWith(spool);
    if (done === undefined || later === undefined || back === undefined) throw new Error('five were due');
    await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({ kind: 'full' });
    expect(await spool.content(done.message.id)).toMatchObject({ kind: 'found' });
    expect(await spool.settle(aSettlement(done, { atMs: nowMs }))).toBe('settled');
    expect(await spool.settle(aSettlement(later, { atMs: nowMs, addresses: [] }))).toBe('settled');
    await spool.giveBack([{ deliveryId: back.delivery.id, token: back.lease.token }]);
    const more = await claim(spool, 10);
    expect(more.length).toBeGreaterThan(0);
    // What does not end and is tried again adds nothing, so that it cannot use up the last of the room.
    expect((await spool.story(later.message.id))?.events.map(({ event }) => event)).toEqual(['received']);
    expect(await spool.discard({}, nowMs)).toBeGreaterThan(0);
    expect(await spool.audit()).toMatchObject({ violations: [] });
    await redis.server().cli('CONFIG', 'SET', 'maxmemory', '100mb');
    expect(await spool.accept(aSubmission({ atMs: nowMs }))).toMatchObject({ kind: 'accepted' });
  });

  test('takes the report without which other mail cannot end', async () => {
    const spool = await node('one', { prefix: aPrefix() });
    await fullWith(spool);
    const report = { ...aSubmission({ atMs: nowMs, sender: '' }), endsMail: true };
    expect(await spool.accept(report)).toMatchObject({ kind: 'accepted' });
  });
});
