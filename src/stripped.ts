import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

/** Before the source without its types: the digests of the source with them and of this one, in hexadecimal, and a line feed. */
const HEAD_BYTES = 2 * 64 + 1;

/**
 * A source without its types, each line and column where it was. What was made of it once is kept, as Node would itself in its compile
 * cache; but whatever that one reads, it holds for as long as the process lives: 4.5 MB of sources, besides those that run.
 *
 * @param file the source, by its path
 * @param folder where what was made is kept, if it can be, a file for each source; who can write there says what the relay runs
 * @throws where there is no such source, or it is more than JavaScript with types
 */
export function strippedSource(file: string, folder: string): string {
  const source = readFileSync(file);
  const keptFile = join(folder, `${hash('sha256', file)}.js`);
  const kept = readKept(keptFile, source);
  if (kept !== null) return kept;
  const stripped = stripTypeScriptTypes(source.toString());
  keep(keptFile, headOf(source, stripped) + stripped);
  return stripped;
}

function headOf(source: Uint8Array, stripped: Uint8Array | string): string {
  return `${hash('sha256', source)}${hash('sha256', stripped)}\n`;
}

/** @returns null unless it is the whole of what was made of this source: a power failure may leave a part */
function readKept(keptFile: string, source: Uint8Array): string | null {
  let bytes;
  try {
    bytes = readFileSync(keptFile);
  } catch {
    return null;
  }
  const stripped = bytes.subarray(HEAD_BYTES);
  return bytes.toString('latin1', 0, HEAD_BYTES) === headOf(source, stripped) ? stripped.toString() : null;
}

/** Other threads and processes may read while this one writes. */
function keep(keptFile: string, content: string): void {
  const partFile = `${keptFile}.${process.pid}-${threadId}`;
  try {
    mkdirSync(join(keptFile, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(partFile, content);
    renameSync(partFile, keptFile);
  } catch {
    // A full disk, a folder of somebody else's: then it is made again at the next start.
    discard(partFile);
  }
}

function discard(partFile: string): void {
  try {
    rmSync(partFile, { force: true });
  } catch {
    // It was never there.
  }
}
