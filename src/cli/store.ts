import { existsSync } from 'node:fs';
import { type SpoolWithLedger, streamsToHold } from '../foundation/open-spool.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { openEmbeddedSpool } from '../spool/embedded/spool.ts';
import { OperationsError } from '../operations/operations.ts';

/**
 * The store of a policy: an embedded one is taken for this process until it is disposed of, one on Redis is shared with
 * the relays that run on it. Makes no embedded one: where there is no store, there is nothing to look at. Rejects with
 * `OperationsError`, or `SpoolError` such as `in-use`.
 */
export async function openPolicyStore(policy: Policy, clock: Clock): Promise<SpoolWithLedger> {
  const { spool } = policy;
  const holdWhenInDoubt = (): readonly string[] => streamsToHold(policy);
  if (spool.engine === 'redis') {
    const { openOnRedis } = await import('../foundation/open-redis.ts');
    const node = `command-${process.pid}-${clock.nowMs()}`;
    return openOnRedis(spool, { clock, node, holdWhenInDoubt, emit: () => undefined });
  }
  if (!existsSync(spool.path))
    throw new OperationsError(
      `there is no relay running, and no store in ${spool.path}: no mail was ever accepted there`,
    );
  const { path, durability } = spool;
  return openEmbeddedSpool({ path, durability, clock, holdWhenInDoubt });
}
