/** Exits with addresses that not every node has: two nodes in this process, on a real Redis, with real connections. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MailPath, openMailPath } from '../../src/mail-path.ts';
import type { Event } from '../../src/message/event.ts';
import type { DeliveryId } from '../../src/message/ids.ts';
import { WHOLE } from '../../src/policy/share.ts';
import type { NodeFacts } from '../../src/spool/nodes.ts';
import { openRedisLink } from '../../src/spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool } from '../../src/spool/redis/spool.ts';
import { systemClock, systemPorts } from '../../src/system.ts';
import { loaded } from '../fakes/policy-text.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import type { RedisServer } from '../fakes/redis-server.ts';
import { aPrefix } from '../fakes/redis-store.ts';
import { startSmtpSink, type SmtpSink } from '../fakes/smtp-sink.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ settings: ['appendonly no', 'appendfsync no'] });
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

type Node = AsyncDisposable & {
  readonly path: MailPath;
  readonly spool: RedisSpool;
  readonly events: Event[];
  send(to: string): Promise<string>;
};

/** Each node has one of the addresses; `spare` needs none. */
const ADDRESS_OF = { a: '127.0.0.2', b: '127.0.0.3' } as const;
type Name = keyof typeof ADDRESS_OF;

type World = AsyncDisposable & {
  readonly sink: SmtpSink;
  readonly any: RedisSpool;
  node(name: Name): Promise<Node>;
  /** Says that a node lives for so long. */
  beat(name: Name, forMs: number, more?: Pick<NodeFacts, 'closed' | 'isStopping'>): Promise<void>;
  /** How many messages came by each exit. */
  byExit(): Record<string, number>;
};

async function world(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const sink = stack.use(await startSmtpSink());
  const prefix = aPrefix();
  const open = async (node: string): Promise<RedisSpool> => {
    const link = await openRedisLink({
      target: { kind: 'single', url: redis.url },
      clock: systemClock,
      durability: 'relaxed',
    });
    return openRedisSpool({ link, prefix, clock: systemClock, node });
  };
  const any = stack.use(await open('looker'));
  const running = stack.move();
  return {
    sink,
    any,
    node: async (name) => {
      const spool = running.use(await open(name));
      const node = await openNode(name, { spool, sink });
      running.use(node);
      return node;
    },
    beat: async (name, forMs, given = {}) => {
      const facts = { name, instance: name, host: 'h', machine: null, pid: 1, startedAtMs: 0, version: '1' };
      const more = { policyVersion: 'p', workers: 1, addresses: [ADDRESS_OF[name]], ...given };
      const nowMs = systemClock.nowMs();
      await any.nodes.beat({ facts: { ...facts, ...more }, nowMs, untilMs: nowMs + forMs });
    },
    byExit: () => {
      const counts: Record<string, number> = {};
      for (const { helo } of sink.accepted) counts[helo] = (counts[helo] ?? 0) + 1;
      return counts;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function openNode(name: Name, on: { readonly spool: RedisSpool; readonly sink: SmtpSink }): Promise<Node> {
  const { spool, sink } = on;
  const exit = `type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none`;
  const { policy } = loaded(`
hostname: ${name}.test
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  ip-2: { ${exit}, bind: ${ADDRESS_OF.a}, helo: ip-2 }
  ip-3: { ${exit}, bind: ${ADDRESS_OF.b}, helo: ip-3 }
  spare: { ${exit}, helo: spare }
  on-b: { ${exit}, helo: on-b, node: b }
pools: { own: { members: [ip-2, ip-3] } }
routes:
  - { name: three, match: { recipientDomain: three.test }, use: [ip-3, spare] }
  - { name: pinned, match: { recipientDomain: pinned.test }, use: [on-b, spare] }
  - { name: all, use: [own, spare] }
`);
  const events: Event[] = [];
  const path = await openMailPath({
    policy: () => policy,
    spool,
    ports: systemPorts(() => null),
    emit: (event) => void events.push(event),
    localAddresses: () => [ADDRESS_OF[name]],
    node: name,
    canSendFrom: async (address) => address === ADDRESS_OF[name],
    share: WHOLE,
  });
  const send = async (to: string): Promise<string> => {
    const id = randomBytes(6).toString('hex');
    const content = Buffer.from(`From: s@load.test\r\nTo: ${to}\r\nMessage-ID: <${id}@load.test>\r\n\r\nx\r\n`);
    const result = await path.submit({
      client: 'apps',
      sender: 's@load.test',
      recipients: [to],
      content,
      address: null,
      protocol: 'local',
    });
    if (result.kind !== 'accepted') throw new Error(JSON.stringify(result));
    return result.id;
  };
  return {
    path,
    spool,
    events,
    send,
    [Symbol.asyncDispose]: async () => {
      await path.stop(AbortSignal.abort());
      await path[Symbol.asyncDispose]();
    },
  };
}

async function explained({ path }: Node, id: string): Promise<string[]> {
  const [one] = await path.explain(`${id}.1` as DeliveryId);
  return [...(one?.why ?? [])];
}

test('mail is spread over all addresses of a pool, whichever node took it, each used by the node that has it', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 60_000)]);
  const a = await place.node('a');
  const b = await place.node('b');
  await Promise.all(Array.from({ length: 40 }, (_, n) => a.send(`x@d${n % 5}.test`)));
  await expect.poll(() => place.sink.accepted.length, { timeout: 20_000 }).toBe(40);
  expect(place.byExit()).toEqual({ 'ip-2': 20, 'ip-3': 20 });
  const attempts = ({ events }: Node): string[] => [
    ...new Set(events.flatMap((event) => (event.event === 'attempted' ? [event.attempt.egress] : []))),
  ];
  expect([attempts(a), attempts(b)]).toEqual([['ip-2'], ['ip-3']]);
  await expect.poll(async () => (await place.any.overview()).deliveries).toBe(0);
  expect(await place.any.audit()).toMatchObject({ violations: [], possibleDuplicates: 0, accepted: 40 });
});

test('mail for an address waits for the node that has it, and takes the next exit once that node is gone', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 7_000)]);
  const a = await place.node('a');
  const id = await a.send('x@three.test');
  await expect.poll(async () => (await place.any.list({}, { limit: 5 }))[0]?.waitsFor).toBe('b');
  await wait(1_500);
  const [queued] = await place.any.list({}, { limit: 5 });
  expect(queued).toMatchObject({ waitsFor: 'b', leasedUntilMs: null, delivery: { attempts: 0, lastReply: null } });
  const why = await explained(a, id);
  expect(why[0]).toBe('waits for node b, which has the address of its exit');
  expect((await a.path.explain(`${id}.1` as DeliveryId))[0]?.exits[0]).toMatchObject({
    gate: 'elsewhere',
    why: 'ip-3: is on node b',
  });
  expect(place.sink.accepted).toEqual([]);
  await expect.poll(() => place.byExit(), { timeout: 20_000 }).toEqual({ spare: 1 });
  expect(a.events).toContainEqual(
    expect.objectContaining({
      event: 'alert',
      name: 'address-missing:127.0.0.3',
      raised: true,
      text: 'no node that is up has 127.0.0.3: exits that are bound to it are passed over',
    }),
  );
  const later = await a.send('y@three.test');
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ spare: 2 });
  expect(later).not.toBe(id);
  expect(await place.any.audit()).toMatchObject({ violations: [], possibleDuplicates: 0 });
});

test('an address whose node cannot use it now has no turn: the others of the pool have more', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 60_000, { closed: ['ip-3'] })]);
  const a = await place.node('a');
  for (let n = 0; n < 6; n++) await a.send(`x@d${n}.test`);
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ 'ip-2': 6 });
});

test('an exit for one node is used by that one, and passed over while it is not up', async () => {
  await using place = await world();
  await place.beat('a', 60_000);
  const a = await place.node('a');
  const id = await a.send('x@pinned.test');
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ spare: 1 });
  expect(id).not.toBe('');
  await place.beat('b', 60_000);
  await a.path.follow();
  const b = await place.node('b');
  await a.send('y@pinned.test');
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ spare: 1, 'on-b': 1 });
  expect(b.events).toContainEqual(expect.objectContaining({ event: 'delivered', egress: 'on-b' }));
});

test('a node that stops is handed nothing more, and what waits for it is anybody’s', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 60_000)]);
  const a = await place.node('a');
  await a.send('x@three.test');
  await expect.poll(async () => (await place.any.list({}, { limit: 5 }))[0]?.waitsFor).toBe('b');
  await place.beat('b', 60_000, { isStopping: true });
  await expect.poll(() => place.byExit(), { timeout: 15_000 }).toEqual({ spare: 1 });
});

test('a node says by which of its addresses nothing goes out', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 60_000)]);
  const b = await place.node('b');
  expect((await b.path.figures()).closedExits).toEqual([]);
  // Of its own doing: it refuses whatever comes by that exit.
  place.sink.fault('ehlo', 421);
  for (let n = 0; n < 5; n++) await b.send(`x${n}@three.test`);
  await expect.poll(async () => (await b.path.figures()).closedExits, { timeout: 10_000 }).toEqual(['ip-3']);
});

test('a node that comes up with the address gets what waits for it, and mail of its own from then on', async () => {
  await using place = await world();
  await Promise.all([place.beat('a', 60_000), place.beat('b', 60_000)]);
  const a = await place.node('a');
  await a.send('x@three.test');
  await expect.poll(async () => (await place.any.list({}, { limit: 5 }))[0]?.waitsFor).toBe('b');
  const b = await place.node('b');
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ 'ip-3': 1 });
  await b.send('y@three.test');
  await expect.poll(() => place.byExit(), { timeout: 10_000 }).toEqual({ 'ip-3': 2 });
  expect(await place.any.audit()).toMatchObject({ violations: [], possibleDuplicates: 0 });
});
