/** A Redis spool as the policy says, its troubles told as alerts. */
import { readFile } from 'node:fs/promises';
import type { RedisSpoolPolicy } from './policy/schema.ts';
import type { Emit } from './ports.ts';
import { openRedisLink } from './spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool, type RedisSpoolOptions } from './spool/redis/spool.ts';
import type { RedisTarget } from './spool/redis/target.ts';
import { SpoolError } from './spool/spool.ts';

export type OpenOnRedisNeeds = Pick<RedisSpoolOptions, 'clock' | 'node' | 'onEvents' | 'holdWhenInDoubt'> & {
  readonly emit: Emit;
};

/** Rejects with `SpoolError` when the servers cannot be had, or are not what the policy says. */
export async function openOnRedis(spool: RedisSpoolPolicy, { emit, ...needs }: OpenOnRedisNeeds): Promise<RedisSpool> {
  const { clock } = needs;
  const { durability, replicas, prefix } = spool;
  const onTrouble = (trouble: string | null): void => {
    const text = trouble ?? 'redis keeps mail again';
    emit({ event: 'alert', atMs: clock.nowMs(), name: 'spool-redis', text, raised: trouble !== null });
  };
  const ca = spool.ca === null ? null : await readAuthorities(spool.ca);
  const link = await openRedisLink({ target: targetOf(spool), clock, durability, replicas, ca, onTrouble });
  try {
    return await openRedisSpool({ ...needs, link, prefix });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

function targetOf({ url, sentinels, cluster, name, username, password, database }: RedisSpoolPolicy): RedisTarget {
  if (url !== null) return { kind: 'single', url };
  if (cluster !== null) return { kind: 'cluster', nodes: cluster };
  return {
    kind: 'sentinel',
    sentinels: sentinels ?? [],
    name: name ?? '',
    username,
    password,
    database: database ?? 0,
  };
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SpoolError('unavailable', `spool.ca ${path} cannot be read: ${String(error)}`, { cause: error });
  }
}
