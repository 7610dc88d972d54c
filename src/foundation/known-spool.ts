/** Which spool on Redis the relay of a data folder had last, so that one that came back empty is told from a new one. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, replaceFile } from '../running/whole-file.ts';

/**
 * Remembers it for the next start. Rejects with a Node system error.
 * @param spool where it is, in words; `identity` is of no other spool
 * @returns for operators, that another one was there before; null: the same, or none is known
 */
export async function knowSpool(
  dataFolder: string,
  spool: { readonly place: string; readonly identity: string },
): Promise<string | null> {
  const file = join(dataFolder, 'spool-known');
  const [place = '', identity = ''] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  if (place === spool.place && identity === spool.identity) return null;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const text = `${spool.place}\n${spool.identity}\n`;
  if (!(await createFile(file, text))) await replaceFile(file, text);
  if (place !== spool.place) return null;
  return (
    `${place} is another one than when this relay ran last (FLUSHALL, or a server that came back without its file?): ` +
    'mail that was answered 250 may be lost'
  );
}
