/** Real Redis servers for tests: alone, watched by sentinels, as a cluster. */
import { setTimeout as wait } from 'node:timers/promises';
import { type RedisOptions, RedisServer } from './redis-server.ts';

/** One server, durable unless `settings` say otherwise. Dispose of it: `await using`. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(options);
  try {
    return await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the sentinels call the server that they watch. */
export const SENTINEL_NAME = 'relevo-spool';

/** A machine of two cores that is busy keeps a server from answering for seconds: none is dead for that. */
const PATIENT_MS = 15_000;
/** While servers find together, which they do by the same clock. */
const QUICK_MS = 1_000;

export type RedisSentinel = AsyncDisposable & {
  /** The first is the primary at the start. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  readonly name: string;
  /** For a policy's `spool.sentinels`. */
  readonly addresses: readonly string[];
  /** Whom the sentinels take for the primary now. */
  primary(): Promise<RedisServer>;
  /** Starts a dead one as a replica; the sentinels do the same themselves, after some 10 s. */
  rejoin(server: RedisServer): Promise<void>;
  /** Has them promote a replica; resolves once they all say so. */
  failover(): Promise<RedisServer>;
  /** From now on they take a server for dead that has said nothing for as long. Default: as at the start */
  deadAfter(silenceMs?: number): Promise<void>;
};

export type RedisGroupOptions = {
  /** Lines of redis.conf for every server. */
  readonly settings?: readonly string[];
  readonly password?: string;
  /** Of each primary. Default: 2 with sentinels, none in a cluster. */
  readonly replicas?: number;
  /** How long a server says nothing that is taken for dead. Default: so long that only one that was killed is. */
  readonly deadAfterMs?: number;
};

/** One primary with 2 replicas, and 3 sentinels. */
export async function startRedisSentinel(options: RedisGroupOptions = {}): Promise<RedisSentinel> {
  await using stack = new AsyncDisposableStack();
  const { password, replicas = 2, deadAfterMs = PATIENT_MS } = options;
  const secret = password === undefined ? [] : [`masterauth ${password}`];
  const common = password === undefined ? {} : { password };
  const settings = [...(options.settings ?? []), ...secret];
  const first = stack.use(await startRedis({ ...common, settings }));
  const following = [...settings, `replicaof 127.0.0.1 ${first.port}`];
  const others = await startAll(stack, replicas, { ...common, settings: following });
  const servers = [first, ...others];
  await until(async () => (await first.cli('INFO', 'replication')).split('state=online').length > replicas);
  const watching = [
    `sentinel monitor ${SENTINEL_NAME} 127.0.0.1 ${first.port} 2`,
    `sentinel down-after-milliseconds ${SENTINEL_NAME} ${QUICK_MS}`,
    `sentinel failover-timeout ${SENTINEL_NAME} 2000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${SENTINEL_NAME} ${password}`]),
  ];
  const sentinels = await startAll(stack, 3, { role: 'sentinel', settings: watching });
  const primary = async (): Promise<RedisServer> => serverAt(servers, await portOfPrimary(sentinels[0]));
  await until(async () => {
    const views = await Promise.all(sentinels.map((one) => one.cli('SENTINEL', 'MASTER', SENTINEL_NAME)));
    return views.every((view) => new RegExp(`num-slaves\n${replicas}\nnum-other-sentinels\n2`).test(view));
  });
  const deadAfter = async (silenceMs = deadAfterMs): Promise<void> => {
    const set = ['SENTINEL', 'SET', SENTINEL_NAME, 'down-after-milliseconds', silenceMs];
    await Promise.all(sentinels.map((one) => one.cli(...set)));
  };
  await deadAfter(deadAfterMs);
  const running = stack.move();
  return {
    servers,
    sentinels,
    name: SENTINEL_NAME,
    addresses: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    primary,
    rejoin: async (server) => {
      // The sentinels learn of a failover one after the other.
      await until(async () => (await Promise.all(sentinels.map(portOfPrimary))).every((port) => port !== server.port));
      await server.start();
      await server.cli('REPLICAOF', '127.0.0.1', (await primary()).port);
    },
    failover: async () => {
      const before = await primary();
      await sentinels[0]?.cli('SENTINEL', 'FAILOVER', SENTINEL_NAME);
      await until(async () => (await Promise.all(sentinels.map(portOfPrimary))).every((port) => port !== before.port));
      return primary();
    },
    deadAfter,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export type RedisCluster = AsyncDisposable & {
  readonly primaries: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  /** For a policy's `spool.cluster`. */
  readonly addresses: readonly string[];
  /** From now on, until a node is started again, one is taken for dead that has said nothing for as long. All must run */
  deadAfter(silenceMs?: number): Promise<void>;
};

/** 3 primaries that share the slots, each with `replicas` of them. */
export async function startRedisCluster(options: RedisGroupOptions = {}): Promise<RedisCluster> {
  await using stack = new AsyncDisposableStack();
  const { password, replicas: each = 0, deadAfterMs = PATIENT_MS } = options;
  const secret = password === undefined ? [] : [`masterauth ${password}`];
  const clustered = ['cluster-enabled yes', `cluster-node-timeout ${QUICK_MS}`, ...secret];
  const settings = [...(options.settings ?? []), ...clustered];
  const common = { ...(password === undefined ? {} : { password }), settings };
  const primaries = await startAll(stack, 3, common);
  const replicas = await startAll(stack, 3 * each, common);
  const nodes = [...primaries, ...replicas];
  const meetingPoint = primaries[0];
  if (meetingPoint === undefined) throw new Error('no node');
  const bus = await meetingPoint.cli('CONFIG', 'GET', 'cluster-port');
  await Promise.all(
    nodes.map(async (node, place) => {
      await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', place + 1);
      const from = Math.floor((16_384 * place) / 3);
      if (place < 3) await node.cli('CLUSTER', 'ADDSLOTSRANGE', from, Math.floor((16_384 * (place + 1)) / 3) - 1);
      if (place > 0) await node.cli('CLUSTER', 'MEET', '127.0.0.1', meetingPoint.port, bus.split('\n')[1] ?? '');
    }),
  );
  const isWhole = async (): Promise<boolean> => {
    const views = await Promise.all(nodes.map((node) => node.cli('CLUSTER', 'INFO')));
    return views.every((view) => view.includes('cluster_state:ok') && view.includes(`nodes:${nodes.length}\r`));
  };
  await until(isWhole);
  for (const [place, replica] of replicas.entries()) {
    const primary = primaries[place % 3];
    await replica.cli('CLUSTER', 'REPLICATE', (await primary?.cli('CLUSTER', 'MYID')) ?? '');
  }
  await until(async () => {
    const states = await Promise.all(primaries.map((one) => one.cli('INFO', 'replication')));
    return (await isWhole()) && states.every((state) => state.split('state=online').length === each + 1);
  });
  const deadAfter = async (silenceMs = deadAfterMs): Promise<void> => {
    await Promise.all(nodes.map((node) => node.config({ 'cluster-node-timeout': silenceMs })));
  };
  await deadAfter(deadAfterMs);
  const running = stack.move();
  return {
    primaries,
    replicas,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`),
    deadAfter,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function startAll(stack: AsyncDisposableStack, count: number, options: RedisOptions): Promise<RedisServer[]> {
  const servers = Array.from({ length: count }, () => stack.use(new RedisServer(options)));
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

async function portOfPrimary(sentinel: RedisServer | undefined): Promise<number> {
  const answer = await sentinel?.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SENTINEL_NAME);
  return Number(answer?.split('\n')[1]);
}

function serverAt(servers: readonly RedisServer[], port: number): RedisServer {
  const found = servers.find((server) => server.port === port);
  if (found === undefined) throw new Error(`no server of this group is on port ${port}`);
  return found;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; ;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error('the servers do not find together');
    await wait(30);
  }
}
