/** Names of nodes on a real server, in the time of the test. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { RedisServer } from '../../tests/fakes/redis-server.ts';
import { aPrefix } from '../../tests/fakes/redis-store.ts';
import { startRedis } from '../../tests/fakes/redis.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import type { Event } from '../message/event.ts';
import { nodeStatuses } from '../operations/node-status.ts';
import type { NodeFacts, Nodes } from '../spool/nodes.ts';
import { openRedisLink } from '../spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool } from '../spool/redis/spool.ts';
import { systemClock } from '../system.ts';
import { startPresence, takeName, type PresenceNeeds, type ProcessPlace } from './presence.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ settings: ['appendonly no', 'appendfsync no'] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

type Name = { readonly spool: RedisSpool; readonly clock: FakeClock; readonly prefix: string } & AsyncDisposable;

async function open(
  of: {
    readonly prefix?: string;
    readonly node?: string;
    readonly clock?: FakeClock;
    admit?: () => Promise<void>;
  } = {},
): Promise<Name> {
  const { prefix = aPrefix(), node = 'looker', clock = new FakeClock(), admit } = of;
  const target = { kind: 'single', url: server.url } as const;
  const link = await openRedisLink({ target, clock: systemClock, durability: 'relaxed' });
  const spool = await openRedisSpool({ link, prefix, clock, node, ...(admit === undefined ? {} : { admit }) });
  return { spool, clock, prefix, [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose]() };
}

const admitNobody = (): Promise<void> => Promise.reject(new Error('in use'));

function life(name: string, instance: string, more: Partial<NodeFacts> = {}): NodeFacts {
  const where = { host: 'host', machine: 'boot', pid: 7, startedAtMs: 0, addresses: [] };
  return { name, instance, ...where, version: '1', policyVersion: 'p', workers: 1, ...more };
}

const elsewhere: ProcessPlace = { host: 'other', machine: 'other boot', isEnded: () => true };
const here: ProcessPlace = { host: 'host', machine: 'boot', isEnded: () => true };

/** The server's time is not the test's. */
function timeless(nodes: Nodes, aheadMs: () => number = () => 0): Nodes {
  return {
    all: () => nodes.all(),
    leave: (facts) => nodes.leave(facts),
    leases: () => nodes.leases(),
    beat: async (beat) => {
      const result = await nodes.beat(beat);
      return result.kind === 'up' ? { ...result, clockAheadMs: aheadMs() } : result;
    },
  };
}

function needsOf({ spool, clock }: Name, facts: NodeFacts, events: Event[] = []): PresenceNeeds {
  return { nodes: timeless(spool.nodes), facts: () => facts, clock, emit: (event) => void events.push(event) };
}

/** Lets time pass in steps, so that answers of the real server come in between: in the order in which it was asked. */
async function pass({ clock, spool }: Name, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    await clock.advance(500);
    await spool.nodes.all();
    await spool.nodes.all();
  }
}

function alerts(events: readonly Event[]): string[] {
  return events.flatMap((event) => (event.event === 'alert' ? [`${event.name} ${event.raised}`] : []));
}

test('a node is listed with what it says of itself and what it has under lease, its workers’ included', async () => {
  await using one = await open();
  const { spool, clock, prefix } = one;
  await using worker = await open({ prefix, node: 'a/1', clock });
  for (let n = 0; n < 3; n++) await spool.accept(aSubmission({ atMs: clock.nowMs() }));
  const request = { nowMs: clock.nowMs(), leaseUntilMs: clock.nowMs() + 9_000, perLane: 9, exclude: [] };
  await worker.spool.claim({ ...request, limit: 2 });
  await takeName(needsOf(one, life('a', '1', { addresses: ['192.0.2.7'] })), elsewhere);
  await takeName(needsOf(one, life('b', '2')), elsewhere);
  const told = await nodeStatuses(spool.nodes, clock.nowMs());
  expect(told.map(({ name, isUp, leases, addresses }) => [name, isUp, leases, addresses])).toEqual([
    ['a', true, 2, ['192.0.2.7']],
    ['b', true, 0, []],
  ]);
});

test('a second process of the same name is refused as soon as the first is heard of again', async () => {
  await using one = await open();
  await using presence = startPresence(needsOf(one, life('a', '1')));
  await pass(one, 500);
  const second = takeName(needsOf(one, life('a', '2', { host: 'second', pid: 8 })), elsewhere);
  const failure = second.then(
    () => 'came up',
    (error: unknown) => String(error),
  );
  await pass(one, 7_000);
  expect(await failure).toMatch(/the name a is in use by a relay on host \(process 7, since .*--node/);
  expect((await one.spool.nodes.all()).map(({ instance }) => instance)).toEqual(['1']);
  void presence;
});

test('who is refused touches nothing: leases of that name stay as they are', async () => {
  await using one = await open({ node: 'a' });
  await one.spool.accept(aSubmission({ atMs: one.clock.nowMs() }));
  const request = {
    nowMs: one.clock.nowMs(),
    leaseUntilMs: one.clock.nowMs() + 9_000,
    limit: 9,
    perLane: 9,
    exclude: [],
  };
  expect((await one.spool.claim(request)).leased).toHaveLength(1);
  await expect(open({ prefix: one.prefix, node: 'a', clock: one.clock, admit: admitNobody })).rejects.toThrow('in use');
  expect(await one.spool.overview()).toMatchObject({ leased: 1 });
});

test('a killed node comes up at once where its old process is known to have ended', async () => {
  await using one = await open();
  await takeName(needsOf(one, life('a', '1')), here);
  await takeName(needsOf(one, life('a', '2', { pid: 8 })), here);
  expect((await one.spool.nodes.all()).map(({ instance }) => instance)).toEqual(['2']);
});

test('a process that may live is not replaced at once, nor one of another machine with an unknown number', async () => {
  await using one = await open();
  await takeName(needsOf(one, life('a', '1')), here);
  let isUp = false;
  const events: Event[] = [];
  const place: ProcessPlace = { ...here, isEnded: () => false };
  const other = takeName(needsOf(one, life('a', '2', { pid: 8 }), events), place).then(() => (isUp = true));
  await pass(one, 13_000);
  expect(isUp).toBe(false);
  expect(alerts(events)).toEqual(['node-name true']);
  await pass(one, 4_000);
  await other;
  expect(alerts(events)).toEqual(['node-name true', 'node-name false']);
});

test('who left in peace is not missed; who did not is, once, until it is back', async () => {
  await using one = await open();
  const events: Event[] = [];
  await using presence = startPresence(needsOf(one, life('a', '1'), events));
  const [b, c] = [life('b', '2'), life('c', '3')];
  const peaceful = startPresence(needsOf(one, c));
  await takeName(needsOf(one, b), elsewhere);
  await pass(one, 6_000);
  await peaceful[Symbol.asyncDispose]();
  await pass(one, 40_000);
  expect(alerts(events)).toEqual(['node-gone:b true']);
  expect((await one.spool.nodes.all()).map(({ name }) => name)).toEqual(['a', 'b']);
  await takeName(needsOf(one, b), elsewhere);
  await pass(one, 6_000);
  expect(alerts(events)).toEqual(['node-gone:b true', 'node-gone:b false']);
  void presence;
});

test('a node that is gone for a day is forgotten', async () => {
  await using one = await open();
  const events: Event[] = [];
  await takeName(needsOf(one, life('b', '2')), elsewhere);
  await using presence = startPresence(needsOf(one, life('a', '1'), events));
  await pass(one, 40_000);
  one.clock.jumpMs(86_400_000);
  await pass(one, 6_000);
  expect(alerts(events)).toEqual(['node-gone:b true', 'node-gone:b false']);
  expect((await one.spool.nodes.all()).map(({ name }) => name)).toEqual(['a']);
  void presence;
});

test('a frozen node whose name was taken says so, and keeps its hands off the name', async () => {
  await using one = await open();
  const events: Event[] = [];
  await takeName(needsOf(one, life('a', '1')), elsewhere);
  one.clock.jumpMs(20_000);
  await takeName(needsOf(one, life('a', '2')), elsewhere);
  await using presence = startPresence(needsOf(one, life('a', '1'), events));
  await pass(one, 1_000);
  expect(alerts(events)).toEqual(['node-name-taken true']);
  expect((await one.spool.nodes.all()).map(({ instance }) => instance)).toEqual(['2']);
  void presence;
});

test('a clock that differs from another’s is told by both, and keeps a new node out; the server’s own does not matter', async () => {
  await using one = await open();
  const events: Event[] = [];
  const of = (name: string, aheadMs: () => number): PresenceNeeds => ({
    ...needsOf(one, life(name, name), events),
    nodes: timeless(one.spool.nodes, aheadMs),
  });
  let aheadMs = 60_000;
  await using first = startPresence(of('a', () => aheadMs));
  await using second = startPresence(of('b', () => 60_500));
  await takeName(
    of('c', () => 61_000),
    elsewhere,
  );
  const clocks = (): string[] => alerts(events).filter((alert) => alert.startsWith('node-clock'));
  await pass(one, 20_000);
  expect(clocks()).toEqual([]);
  await expect(
    takeName(
      of('d', () => 54_000),
      elsewhere,
    ),
  ).rejects.toThrow(/6\.0 s behind .*NTP/);
  expect((await one.spool.nodes.all()).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  aheadMs = 63_000;
  await pass(one, 20_000);
  expect(clocks()).toEqual(['node-clock true', 'node-clock true']);
  aheadMs = 60_000;
  await pass(one, 10_000);
  expect(clocks().slice(2)).toEqual(['node-clock false', 'node-clock false']);
  void [first, second];
});

test('the server’s clock is what nodes compare theirs with', async () => {
  await using one = await open();
  const beat = (byMs: number) => {
    const nowMs = systemClock.nowMs() + byMs;
    return one.spool.nodes.beat({ facts: life('a', '1'), nowMs, untilMs: nowMs + 1 });
  };
  const [even, ahead] = [await beat(0), await beat(7_000)];
  expect(even.kind === 'up' && Math.abs(even.clockAheadMs) < 500).toBe(true);
  expect(ahead.kind === 'up' && Math.abs(ahead.clockAheadMs - 7_000) < 500).toBe(true);
});
