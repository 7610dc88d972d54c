/** A Redis spool as the policy says, its troubles told as alerts. */
import { readFile } from 'node:fs/promises';
import type { RedisSpoolPolicy } from '../policy/schema.ts';
import type { Emit } from '../ports.ts';
import type { RedisLink } from '../spool/redis/link.ts';
import { openRedisLink, type RedisLinkOptions } from '../spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool, type RedisSpoolOptions } from '../spool/redis/spool.ts';
import { describeTarget, redisAddress, type RedisTarget } from '../spool/redis/target.ts';
import { SpoolError } from '../spool/spool.ts';

export type OpenOnRedisNeeds = Pick<
  RedisSpoolOptions,
  'clock' | 'node' | 'admit' | 'onEvents' | 'holdWhenInDoubt' | 'feed'
> & {
  readonly emit: Emit;
};

/** Rejects with `SpoolError` when the servers cannot be had, or are not what the policy says. */
export async function openOnRedis(spool: RedisSpoolPolicy, { emit, ...needs }: OpenOnRedisNeeds): Promise<RedisSpool> {
  const { clock } = needs;
  let isTroubled = false;
  const onTrouble = (trouble: string | null, isForGood: boolean): void => {
    const alert = { event: 'alert', atMs: clock.nowMs() } as const;
    if (isForGood && trouble !== null) emit({ ...alert, name: 'spool-lost', text: trouble, raised: true });
    const raised = trouble !== null && !isForGood;
    if (raised || isTroubled || !isForGood)
      emit({ ...alert, name: 'spool-redis', text: trouble ?? 'redis keeps mail again', raised });
    isTroubled = raised;
  };
  const link = await openPolicyLink(spool, { clock, onTrouble });
  try {
    return await openRedisSpool({ ...needs, link, prefix: spool.prefix });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

/** The way to the servers of a policy. Rejects with `SpoolError` when they cannot be had, or are not what it says. */
export async function openPolicyLink(
  spool: RedisSpoolPolicy,
  needs: Pick<RedisLinkOptions, 'clock' | 'onTrouble'>,
): Promise<RedisLink> {
  const { durability, replicas } = spool;
  const ca = spool.ca === null ? null : await readAuthorities(spool.ca);
  return openRedisLink({ ...needs, target: targetOf(spool), durability, replicas, ca });
}

/** In words for operators, without passwords: `the spool relevo: in redis 127.0.0.1:6379`. */
export function describeRedisSpool(spool: RedisSpoolPolicy): string {
  const database = spool.url === null ? (spool.database ?? 0) : redisAddress(spool.url).database;
  const place = describeTarget(targetOf(spool));
  return `the spool ${spool.prefix} in ${place}${database === 0 ? '' : `, database ${database}`}`;
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
