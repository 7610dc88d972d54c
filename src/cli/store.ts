import { existsSync } from 'node:fs';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from '../spool/embedded/spool.ts';
import { OperationsError } from './operations.ts';

/**
 * The store of a policy, taken for this process until it is disposed of. Makes none: where there is no store, there is
 * nothing to look at. Rejects with `OperationsError`, or `SpoolError` such as `in-use`.
 */
export async function openPolicyStore(policy: Policy, clock: Clock): Promise<EmbeddedSpool> {
  const { spool } = policy;
  if (spool.engine !== 'embedded') throw new OperationsError(`spool.engine ${spool.engine} is not in this version`);
  if (!existsSync(spool.path))
    throw new OperationsError(
      `there is no relay running, and no store in ${spool.path}: no mail was ever accepted there`,
    );
  const { path, durability } = spool;
  return openEmbeddedSpool({ path, durability, clock, holdWhenInDoubt: () => streamsToHold(policy) });
}

/** Streams whose mail waits for an operator when a copy of it may be out (`onDoubt: hold`). */
export function streamsToHold({ streams }: Policy): readonly string[] {
  return Object.entries(streams).flatMap(([name, { onDoubt }]) => (onDoubt === 'hold' ? [name] : []));
}
