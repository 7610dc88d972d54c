import type { Redis } from 'ioredis';

/** What a server says of itself, as far as keeping mail depends on it. */
export type ServerFacts = {
  /** `host:port` as connected to. */
  readonly place: string;
  /** Major and minor: 7.0 is `[7, 0]`. */
  readonly version: readonly [number, number];
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly isPrimary: boolean;
  readonly isLoading: boolean;
  readonly aof: {
    readonly isEnabled: boolean;
    /** It was switched on, and does not hold yet what was there before. */
    readonly isIncomplete: boolean;
    /** false: the last write to it failed. */
    readonly wasWritten: boolean;
  };
  /** false: the last snapshot failed. */
  readonly wasSnapshotSaved: boolean;
  readonly evictionPolicy: string;
  /** Bytes in use and the limit; no limit: 0. */
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number };
  /** Replicas that follow and answered within the last 3 s. */
  readonly replicasInStep: number;
  /** false: the cluster serves no writes at all or not for all slots. */
  readonly isClusterWhole: boolean;
  /** Primaries that have slots; 0 outside a cluster. */
  readonly clusterSize: number;
  readonly user: string;
  readonly database: number;
  /** null: this user may not read them. */
  readonly settings: ServerSettings | null;
  /** false: it does not know the command CONFIG, which was renamed. */
  readonly hasConfig: boolean;
};

export type ServerSettings = {
  readonly appendFsync: string;
  readonly skipsFsyncWhileRewriting: boolean;
  readonly stopsOnFailedSnapshot: boolean;
};

const SLOWEST_REPLICA_S = 3;

/** Asks one server. Rejects with the client's error when it does not answer. */
export async function readServerFacts(server: Redis): Promise<ServerFacts> {
  const [text, settings, client] = await Promise.all([
    server.info(),
    server.config('GET', 'appendfsync', 'no-appendfsync-on-rewrite', 'stop-writes-on-bgsave-error').catch(onRefusal),
    server.client('INFO').catch(onRefusal),
  ]);
  const info = fieldsOf(text);
  // Valkey has a name of its own for it.
  const mode = info.get('redis_mode') ?? info.get('server_mode');
  const cluster = mode === 'cluster' ? fieldsOf(String(await server.cluster('INFO'))) : null;
  const isRewriting = info.get('aof_rewrite_in_progress') === '1' || info.get('aof_rewrite_scheduled') === '1';
  const [, user = 'default'] = /\buser=(\S+)/.exec(String(client)) ?? [];
  const [, database = String(server.options.db ?? 0)] = /\bdb=(\d+)/.exec(String(client)) ?? [];
  return {
    place: placeOf(server),
    version: versionOf(info.get('redis_version') ?? ''),
    mode: mode === 'sentinel' || mode === 'cluster' ? mode : 'standalone',
    isPrimary: (info.get('role') ?? 'master') === 'master',
    isLoading: info.get('loading') === '1' || info.get('async_loading') === '1',
    aof: {
      isEnabled: info.get('aof_enabled') === '1',
      isIncomplete: isRewriting && info.get('aof_base_size') === '0',
      wasWritten: info.get('aof_last_write_status') !== 'err',
    },
    wasSnapshotSaved: info.get('rdb_last_bgsave_status') !== 'err',
    evictionPolicy: info.get('maxmemory_policy') ?? 'unknown',
    memory: {
      usedBytes: Number(info.get('used_memory') ?? 0) - Number(info.get('mem_not_counted_for_evict') ?? 0),
      limitBytes: Number(info.get('maxmemory') ?? 0),
    },
    replicasInStep: replicasInStep(info),
    isClusterWhole: cluster === null || cluster.get('cluster_state') === 'ok',
    clusterSize: Number(cluster?.get('cluster_size') ?? 0),
    user,
    database: Number(database),
    hasConfig: settings !== 'unknown',
    settings: Array.isArray(settings) ? settingsOf(settings.map(String)) : null,
  };
}

/** A command that this user or server does not allow has no answer; other errors are errors. */
function onRefusal(error: unknown): 'forbidden' | 'unknown' {
  if (error instanceof Error && error.message.startsWith('NOPERM')) return 'forbidden';
  if (error instanceof Error && /unknown (sub)?command/i.test(error.message)) return 'unknown';
  throw error;
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function versionOf(text: string): readonly [number, number] {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return [major, minor];
}

function replicasInStep(info: ReadonlyMap<string, string>): number {
  const replicas = [...info].filter(([field]) => /^slave\d+$/.test(field)).map(([, value]) => value);
  return replicas.filter((replica) => {
    const lagS = Number(/\blag=(-?\d+)/.exec(replica)?.[1] ?? Infinity);
    return replica.includes('state=online') && lagS <= SLOWEST_REPLICA_S;
  }).length;
}

function settingsOf(pairs: readonly string[]): ServerSettings {
  const value = (name: string): string => pairs[pairs.indexOf(name) + 1] ?? '';
  return {
    appendFsync: value('appendfsync'),
    skipsFsyncWhileRewriting: value('no-appendfsync-on-rewrite') === 'yes',
    stopsOnFailedSnapshot: value('stop-writes-on-bgsave-error') === 'yes',
  };
}

/** With sentinels only the connection itself knows whom it goes to. */
function placeOf({ stream, options }: Redis): string {
  const { host = '', port = 0 } = options;
  const remote = 'remoteAddress' in stream ? stream : { remoteAddress: undefined, remotePort: undefined };
  const name = 'sentinels' in options && Array.isArray(options.sentinels) ? (remote.remoteAddress ?? host) : host;
  const at = name === host ? port : (remote.remotePort ?? port);
  return name.includes(':') ? `[${name}]:${at}` : `${name}:${at}`;
}
