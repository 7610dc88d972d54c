/** The keys of the installation that seeds of second factors are sealed with: a file of its own, made at first need. */
import { createFile } from '../running/whole-file.ts';
import { openVerpKeys, readVerpKeys } from '../feedback/verp-keys.ts';
import { OperationsError } from '../operations/operations.ts';
import type { Policy } from '../policy/schema.ts';
import type { Random } from '../ports.ts';

const NOTE =
  '# Seals the seeds of second factors in the store (relevo user totp). Every node of a store needs the same. Without it\n' +
  '# recovery codes still let in. To change it put a new one, 64 hexadecimal digits, on a line before the old ones, and take\n' +
  '# those out once somebody has signed in with a code, which seals all of them again.\n';

/**
 * Reads them anew each time. A store that several nodes may share gets no key by itself: each node would make another. There is none
 * then. @throws OperationsError where there is one that cannot be used
 */
export async function seedKeys({ http, spool }: Policy, random: Random): Promise<readonly Buffer[]> {
  const path = http.secondFactorKeys;
  const read =
    spool.engine === 'redis' ? await readVerpKeys(path) : await openVerpKeys(path, { random, createFile, note: NOTE });
  if (read.kind === 'missing') return [];
  if (read.kind === 'failed') throw new OperationsError(`http.secondFactorKeys: ${read.cause}`);
  return read.keys;
}
