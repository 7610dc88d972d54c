/** Whether a server keeps the promise of the 250, and what must be waited for so that it does. Pure. */
import type { Topology } from './link.ts';
import type { ServerFacts } from './server-facts.ts';

export type Wanted = {
  readonly topology: Topology;
  readonly durability: 'fsync' | 'relaxed';
  /** So many replicas have a message before its 250. */
  readonly replicas: number;
  readonly database: number;
};

/** What is asked of the server after a write that a 250 hangs on, beyond its answer. */
export type Awaited = { readonly replicas: number; readonly fsync: boolean };

/** `unfit`: it can never be this spool, such as a server of another kind. The texts are for operators, without the place. */
export type Judgement =
  | { readonly kind: 'fit'; readonly awaited: Awaited }
  | { readonly kind: 'refused' | 'unfit'; readonly text: string };

/** The oldest that is tested; it came in 2022. */
const OLDEST: ServerFacts['version'] = [7, 0];
const HAS_WAITAOF: ServerFacts['version'] = [7, 2];

export function judge(facts: ServerFacts, wanted: Wanted): Judgement {
  const misfit = misfitOf(facts, wanted);
  if (misfit !== null) return { kind: 'unfit', text: misfit };
  const hindrance = hindranceOf(facts);
  if (hindrance !== null) return { kind: 'refused', text: hindrance };
  const { replicas } = wanted;
  if (facts.replicasInStep < replicas)
    return {
      kind: 'refused',
      text:
        `${facts.replicasInStep} of its replicas are in step and spool.replicas asks for ${replicas}: ` +
        `start replicas or lower spool.replicas`,
    };
  if (wanted.durability === 'relaxed') return { kind: 'fit', awaited: { replicas, fsync: false } };
  return judgeFsync(facts, replicas);
}

function misfitOf(facts: ServerFacts, wanted: Wanted): string | null {
  const { version, mode, database } = facts;
  if (isOlder(version, OLDEST))
    return `it is version ${version.join('.')}, and ${OLDEST.join('.')} is the oldest that works`;
  if (mode === 'sentinel') return 'it is a sentinel: name it in spool.sentinels, with spool.name';
  if (mode === 'cluster' && wanted.topology !== 'cluster')
    return 'it is a node of a cluster: name the nodes in spool.cluster instead';
  if (mode !== 'cluster' && wanted.topology === 'cluster')
    return 'it is a single server (cluster-enabled no): name it in spool.url instead';
  if (database !== wanted.database)
    return `it has no database ${wanted.database}: see its setting "databases", or name another`;
  return null;
}

/** What stops all writing for a while. */
function hindranceOf({
  isPrimary,
  isLoading,
  isClusterWhole,
  aof,
  wasSnapshotSaved,
  settings,
}: ServerFacts): string | null {
  if (isLoading) return 'it is loading its data';
  if (!isClusterWhole) return 'the cluster is down: not all slots are served (CLUSTER INFO)';
  if (!isPrimary) return 'it is a read-only replica: name its primary, or make it one by REPLICAOF NO ONE';
  if (aof.isEnabled && !aof.wasWritten)
    return 'it cannot write its append-only file: see its log, and the free space of its disk';
  if (!wasSnapshotSaved && settings?.stopsOnFailedSnapshot === true)
    return 'it takes no writes since it could not save a snapshot: see its log, and the free space of its disk';
  return null;
}

function judgeFsync(
  { version, aof, evictionPolicy, settings, user, hasConfig }: ServerFacts,
  replicas: number,
): Judgement {
  const canWait = !isOlder(version, HAS_WAITAOF);
  const changes: string[] = [];
  if (!aof.isEnabled) changes.push('appendonly yes');
  const isSynced = settings?.appendFsync === 'always' && !settings.skipsFsyncWhileRewriting;
  if (settings !== null && !canWait) {
    if (settings.appendFsync !== 'always') changes.push('appendfsync always');
    if (settings.skipsFsyncWhileRewriting) changes.push('no-appendfsync-on-rewrite no');
  }
  if (settings !== null && canWait && settings.appendFsync === 'no') changes.push('appendfsync everysec');
  if (evictionPolicy !== 'noeviction') changes.push('maxmemory-policy noeviction');
  if (changes.length > 0)
    return {
      kind: 'refused',
      text: hasConfig
        ? `accepted mail could be lost: run CONFIG SET ${changes.join(' ')}, and CONFIG REWRITE to keep it (or set spool.durability: relaxed)`
        : `accepted mail could be lost: set ${changes.join(', ')} in its redis.conf and restart it (or set spool.durability: relaxed)`,
    };
  if (aof.isIncomplete) return { kind: 'refused', text: 'it is still writing its first append-only file' };
  if (!hasConfig && !canWait)
    return {
      kind: 'refused',
      text:
        'it has no command CONFIG, so that nobody knows whether accepted mail is kept: take rename-command CONFIG out of ' +
        'its redis.conf, use Redis 7.2 or later, or set spool.durability: relaxed',
    };
  if (settings === null && !canWait)
    return {
      kind: 'refused',
      text:
        `user ${user} may not read appendfsync, so that nobody knows whether accepted mail is kept: ` +
        `run ACL SETUSER ${user} +config|get (or set spool.durability: relaxed)`,
    };
  return { kind: 'fit', awaited: { replicas, fsync: !isSynced } };
}

function isOlder(version: ServerFacts['version'], than: ServerFacts['version']): boolean {
  return version[0] < than[0] || (version[0] === than[0] && version[1] < than[1]);
}
