/** The key of the installation that access keys of the API are made with: a file of its own, made at first need. */
import { createFile } from '../running/whole-file.ts';
import { openVerpKeys } from '../feedback/verp-keys.ts';
import { OperationsError } from '../operations/operations.ts';
import type { Random } from '../ports.ts';

const NOTE =
  '# Makes the secrets of access keys (relevo token create --aws). Whoever has it can sign for all of them. Every node\n' +
  '# needs the same. To change it put a new one, 64 hexadecimal digits, on a line before the old ones; take those out\n' +
  '# once every token with an access key was rotated.\n';

/** The one that new access keys are made with. @throws OperationsError where there is none, and none can be made */
export async function accessKeysKey(path: string, random: Random): Promise<Buffer> {
  const result = await openVerpKeys(path, { random, createFile, note: NOTE });
  if (result.kind === 'failed') throw new OperationsError(`http.accessKeys: ${result.cause}`);
  const [key] = result.keys;
  if (key === undefined) throw new OperationsError(`http.accessKeys: ${path} has no key`);
  return key;
}
