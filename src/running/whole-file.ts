import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { link, open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file's content as a whole: whoever reads it sees the old or the new one, also after a crash. Mode and owner
 * stay; a link stays a link. Rejects with a Node system error; the file is as before then.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path);
  const status = await stat(target);
  const temporary = temporaryName(target);
  try {
    await writeNew(temporary, text, async (file) => {
      await file.chmod(status.mode & 0o7777);
      // Only root may give files away; for everybody else the file is his own already.
      if (process.getuid?.() === 0) await file.chown(status.uid, status.gid);
    });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    // A file that is mounted by itself, as in a container, cannot be replaced, only written.
    if (codeOf(error) !== 'EBUSY' && codeOf(error) !== 'EXDEV') throw error;
    await overwrite(target, text);
  }
  await syncFolder(dirname(target));
}

/**
 * Makes a file with its whole content, durable, mode 0600 unless told otherwise. Never touches one that is there.
 * @returns false: there is one already
 */
export async function createFile(path: string, text: string, mode = 0o600): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await writeNew(temporary, text, (file) => file.chmod(mode));
    // Unlike rename, a link never replaces what somebody else made meanwhile.
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
    if (existsSync(path)) return false;
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}

/** Of file systems without hard links. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/** The name of a git-ignored neighbour. */
function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

async function writeNew(path: string, text: string, prepare: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    await prepare(file);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function overwrite(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { bytesWritten } = await file.write(text, 0);
    await file.truncate(bytesWritten);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
