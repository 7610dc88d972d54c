import { afterAll, beforeAll, expect } from 'vitest';
import type { FakeClock } from '../../../tests/fakes/clock.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import type { RedisServer } from '../../../tests/fakes/redis-server.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import type { MessageId } from '../../message/ids.ts';
import { systemClock } from '../../system.ts';
import { testConservation, type OpenedEngine } from '../property.contract.ts';
import { Keys } from './keys.ts';
import { openRedisLink } from './open-link.ts';
import { parseDeliveryRecord, parseMessageRecord, type DeliveryRecord, type MessageRecord } from './records.ts';
import { RedisShape } from './shape.ts';
import { openRedisSpool, openStore } from './spool.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ settings: ['appendonly no', 'appendfsync no'] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

for (const shards of [1, 3]) {
  testConservation(`redis, ${shards} shards`, (clock) => open({ clock, prefix: aPrefix(), shards }));
}

type Opening = { readonly clock: FakeClock; readonly prefix: string; readonly shards: number };

async function open(opening: Opening): Promise<OpenedEngine> {
  const spool = await openRedisSpool({ link: await link(), node: 'one', ...opening });
  return {
    spool,
    reopened: () => open(opening),
    agree: () => agree(opening),
    remove: () => Promise.resolve(),
  };
}

function link(): ReturnType<typeof openRedisLink> {
  const target = { kind: 'single', url: server.url } as const;
  return openRedisLink({ target, clock: systemClock, durability: 'relaxed' });
}

const DUMP = `
  local all = {}
  for place, key in ipairs(KEYS) do
    local kind = redis.call('TYPE', key).ok
    if kind == 'hash' then all[place] = redis.call('HGETALL', key)
    elseif kind == 'zset' then all[place] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    else all[place] = {} end
  end
  return all`;

/** Indexes and counters are what the records say. */
async function agree({ prefix, shards }: Opening): Promise<void> {
  await using connection = await link();
  for (const keys of new Keys(prefix, shards).ofShard) {
    const reply = (await connection.run({ name: 'dump', text: DUMP }, keys, [])) as readonly (readonly Buffer[])[];
    const [messages, deliveries, contents, queue, leases, finished, tally, ready, ...rest] = reply.map(pairsOf);
    const [lanes, events] = [rest.slice(0, 3), rest[3]!];
    const known = new Map([...messages!].map(([id, record]) => [id, parseMessageRecord(id as MessageId, record)!]));
    const all = new Map(
      [...deliveries!].map(([id, record]) => [id, parseDeliveryRecord(Number(id.slice(27)), record)!]),
    );
    const fields = [...known.values()].flatMap(({ id, fields: count }) =>
      Array.from({ length: count }, (_, n) => `${id}:${n + 1}`),
    );
    expect([...events.keys()].toSorted()).toEqual(fields.toSorted());
    agreeOnMessages({ known, all, contents: contents!, queue: queue!, finished: finished!, tally: tally! });
    agreeOnDeliveries({ all, leases: leases!, ready: ready!, tally: tally!, lanes });
    agreeOnShape(all, rest[6]!);
  }
  // What is done next is done to counts some of which were poured together.
  const store = await openStore({ link: connection, clock: systemClock, prefix, shards, node: 'two' });
  await new RedisShape((ask) => ask(store)).pour(systemClock.nowMs() + 86_400_000, 0);
}

/** By destination, and by half a day of the ids: counts may have been poured together. */
function agreeOnShape(all: ReadonlyMap<string, DeliveryRecord>, shape: Pairs): void {
  const counted = new Map<string, number>();
  for (const [cell, count] of shape) {
    expect(Number(count)).toBeGreaterThan(0);
    const [stretch = '', domain = ''] = cell.split(' ');
    const of = `${stretch.slice(0, 5)} ${domain}`;
    counted.set(of, (counted.get(of) ?? 0) + Number(count));
  }
  const wanted = new Map<string, number>();
  for (const [id, { domain }] of all) {
    const of = `${id.slice(0, 5)} ${domain}`;
    wanted.set(of, (wanted.get(of) ?? 0) + 1);
  }
  expect(counted).toEqual(wanted);
}

type Pairs = ReadonlyMap<string, Buffer>;

function agreeOnMessages(of: {
  readonly known: ReadonlyMap<string, MessageRecord>;
  readonly all: ReadonlyMap<string, DeliveryRecord>;
  readonly contents: Pairs;
  readonly queue: Pairs;
  readonly finished: Pairs;
  readonly tally: Pairs;
}): void {
  const open = [...of.known.values()].filter((message) => message.open > 0);
  for (const message of of.known.values()) {
    expect([...of.all.keys()].filter((id) => id.startsWith(message.id))).toHaveLength(message.open);
    expect(message.open === 0).toBe(message.finishedAtMs !== null);
  }
  const ids = open.map(({ id }) => id).toSorted();
  expect([...of.queue.keys()]).toEqual(ids);
  expect([...of.contents.keys()].toSorted()).toEqual(ids);
  const ended = [...of.known.values()].filter((message) => message.open === 0);
  expect(scoresOf(of.finished)).toEqual(new Map(ended.map((message) => [message.id, message.finishedAtMs])));
  expect(Number(of.tally.get('bytes') ?? 0)).toBe(open.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
}

function agreeOnDeliveries(of: {
  readonly all: ReadonlyMap<string, DeliveryRecord>;
  readonly leases: Pairs;
  readonly ready: Pairs;
  readonly lanes: readonly Pairs[];
  readonly tally: Pairs;
}): void {
  const records = [...of.all];
  const leased = records.filter(([, record]) => record.leasedUntilMs > 0);
  expect(scoresOf(of.leases)).toEqual(new Map(leased.map(([id, record]) => [id, record.leasedUntilMs])));
  const waiting = records.filter(([, record]) => record.leasedUntilMs === 0 && record.state === 0);
  const members = waiting.map(([id, { priority, domain, client, dueAtMs }]) =>
    [`${priority}${domain}`, client, String(dueAtMs).padStart(14, '0'), id].join('\0'),
  );
  expect([...of.ready.keys()].toSorted()).toEqual(members.toSorted());
  for (const [priority, lanes] of of.lanes.entries()) {
    const turns = new Map<string, number>();
    for (const [, record] of waiting.filter(([, one]) => one.priority === priority)) {
      const turn = `${record.domain}\0${record.client}`;
      turns.set(turn, Math.min(turns.get(turn) ?? Infinity, record.dueAtMs));
    }
    expect(scoresOf(lanes)).toEqual(turns);
  }
  const count = (name: string): number => Number(of.tally.get(name) ?? 0);
  for (const [state, name] of [
    [1, 'held'],
    [2, 'quarantined'],
  ] as const) {
    expect(count(name)).toBe(records.filter(([, record]) => record.state === state).length);
  }
  for (const [priority, name] of [
    [0, 'high'],
    [2, 'low'],
  ] as const) {
    expect(count(name)).toBe(records.filter(([, record]) => record.priority === priority).length);
  }
}

function pairsOf(flat: readonly Buffer[]): Pairs {
  const pairs = new Map<string, Buffer>();
  for (let place = 0; place < flat.length; place += 2) pairs.set(flat[place]!.toString(), flat[place + 1]!);
  return pairs;
}

function scoresOf(pairs: Pairs): ReadonlyMap<string, number> {
  return new Map([...pairs].map(([name, score]) => [name, Number(score)]));
}
