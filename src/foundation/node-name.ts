import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createFile } from '../running/whole-file.ts';
import type { Random } from '../ports.ts';

/**
 * The name of the relay on a data folder among those that share its spool: no other has it, and it keeps it over
 * restarts, by which the leases of its dead process are known. Made at the first need. Rejects with a Node system error.
 */
export async function nodeName(dataFolder: string, random: Random): Promise<string> {
  const file = join(dataFolder, 'node');
  const host = hostname()
    .replaceAll(/[^\w.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 55);
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await createFile(file, `${host}-${random.bytes(4).toString('hex')}\n`);
  return (await readFile(file, 'utf8')).trim();
}
