import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type ChainableCommander, Cluster, Redis } from 'ioredis';
import { replyCode } from './redis-error.ts';
import { redisAddress, type RedisTarget, SENTINEL_PORT } from './target.ts';

export type RedisClient = Redis | Cluster;

/** Commands that are sent together. */
export type Pipeline = ChainableCommander;

/** A command without an answer for so long failed, and its connection with it. */
export const ANSWER_MS = 5_000;
const SLOWEST_RETRY_MS = 2_000;
const SENTINEL_ANSWER_MS = 2_000;

/**
 * What the library would do by itself and a spool must not have: queue commands while there is no connection, and send a
 * command again whose answer was lost. The socket's time-out ends connections that hang, and frees what waits on them.
 */
const COMMON = {
  lazyConnect: true,
  // Every server is asked more than the library would, which writes to the terminal when it may not.
  enableReadyCheck: false,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: ANSWER_MS,
  socketTimeout: ANSWER_MS,
  connectTimeout: ANSWER_MS,
  connectionName: 'relevo',
  disableClientInfo: true,
} as const;

const { enableOfflineQueue: _, ...COMMON_OF_NODES } = COMMON;

export type ClientOptions = {
  readonly target: RedisTarget;
  /** Certificates of authorities trusted for `rediss`, PEM; null: the usual ones. */
  readonly ca: string | null;
  /** false: a server that cannot be reached is not tried again. */
  readonly retries: () => boolean;
};

/** Not connected yet. @throws SpoolError on an address that is none */
export function createClient({ target, ca, retries }: ClientOptions): RedisClient {
  const retryStrategy = (times: number): number | null => (retries() ? retryDelayMs(times) : null);
  switch (target.kind) {
    case 'single': {
      const { host, port, username, password, database, isTls } = redisAddress(target.url);
      const secrets = credentials(username, password);
      const tls = isTls ? { tls: tlsOptions(ca, host) } : {};
      return new Redis({ ...COMMON, retryStrategy, host, port, db: database, ...secrets, ...tls });
    }
    case 'sentinel':
      return createSentinelClient(target, { ca, retryStrategy });
    case 'cluster':
      return createClusterClient(target.nodes, { ca, retryStrategy });
  }
}

/** Each node that the policy names of a cluster, alone: the library does not say why a cluster cannot be reached. */
export function createNodeClients(target: RedisTarget & { kind: 'cluster' }, ca: string | null): Redis[] {
  const nodes = target.nodes.map((text) => redisAddress(text));
  const own = nodes.find((one) => one.password !== null);
  return nodes.map(({ host, port, isTls }) => {
    const secrets = credentials(own?.username ?? null, own?.password ?? null);
    const tls = isTls ? { tls: tlsOptions(ca, host) } : {};
    return new Redis({ ...COMMON, retryStrategy: () => null, host, port, ...secrets, ...tls });
  });
}

type Dialing = { readonly ca: string | null; readonly retryStrategy: (times: number) => number | null };

function createSentinelClient(target: RedisTarget & { kind: 'sentinel' }, { ca, retryStrategy }: Dialing): Redis {
  const { username = null, password = null, database = 0, name } = target;
  const sentinels = target.sentinels.map((text) => redisAddress(text, SENTINEL_PORT));
  const own = sentinels.find((one) => one.password !== null);
  const isTls = sentinels.some((one) => one.isTls);
  const tls = { tls: tlsOptions(ca), sentinelTLS: tlsOptions(ca), enableTLSForSentinelMode: true };
  return new Redis({
    ...COMMON,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    sentinelReconnectStrategy: () => ANSWER_MS,
    sentinelCommandTimeout: SENTINEL_ANSWER_MS,
    failoverDetector: true,
    // A demoted server is left for the one that the sentinels name now.
    reconnectOnError: (error) => replyCode(error) === 'READONLY',
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name,
    db: database,
    ...credentials(username, password),
    ...sentinelCredentials(own?.username ?? null, own?.password ?? null),
    ...(isTls ? tls : {}),
  });
}

function createClusterClient(addresses: readonly string[], { ca, retryStrategy }: Dialing): Cluster {
  const nodes = addresses.map((text) => redisAddress(text));
  const own = nodes.find((one) => one.password !== null);
  const isTls = nodes.some((one) => one.isTls);
  const redisOptions = {
    ...COMMON_OF_NODES,
    ...credentials(own?.username ?? null, own?.password ?? null),
    ...(isTls ? { tls: tlsOptions(ca) } : {}),
  };
  return new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      // Both would send a command again that may have been run.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: SENTINEL_ANSWER_MS,
      slotsRefreshInterval: ANSWER_MS,
      redisOptions,
    },
  );
}

/** What is undefined would take the place of the library's own defaults. */
function credentials(username: string | null, password: string | null): { username?: string; password?: string } {
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
}

function sentinelCredentials(
  username: string | null,
  password: string | null,
): { sentinelUsername?: string; sentinelPassword?: string } {
  return {
    ...(username === null ? {} : { sentinelUsername: username }),
    ...(password === null ? {} : { sentinelPassword: password }),
  };
}

function tlsOptions(ca: string | null, host?: string): ConnectionOptions {
  const name = host === undefined || isIP(host) > 0 ? {} : { servername: host };
  return { minVersion: 'TLSv1.2', ...name, ...(ca === null ? {} : { ca }) };
}

function retryDelayMs(times: number): number {
  return Math.min(50 * 2 ** Math.min(times - 1, 10), SLOWEST_RETRY_MS);
}
