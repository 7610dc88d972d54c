import { lstat, mkdir, mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** `sun_path` of unix(7) has 108 bytes, with the final NUL; 104 on macOS. */
const LONGEST_PATH_BYTES = 103;
const NAME = 'relevo.sock';

/**
 * Where to connect to the relay of a data folder. Where the folder's path is too long for a socket, the folder has a
 * link to a short one.
 */
export async function controlPath(dataFolder: string): Promise<string> {
  const path = join(dataFolder, NAME);
  return fits(path) ? path : readlink(path);
}

/** Where to listen; makes what it needs. Nobody else may be listening (`controlPath` answers nobody). */
export async function newControlPath(dataFolder: string): Promise<string> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const path = join(dataFolder, NAME);
  await removeControl(dataFolder);
  if (fits(path)) return path;
  // Owner only, and a name that nobody can guess or take before us.
  const short = join(await mkdtemp(join(tmpdir(), 'relevo-')), NAME);
  await symlink(short, path);
  return short;
}

/** Removes the socket, or what a dead relay left of it. */
export async function removeControl(dataFolder: string): Promise<void> {
  const path = join(dataFolder, NAME);
  const target = await linkTarget(path);
  if (target !== null && /^relevo-[A-Za-z0-9]{6}$/.test(dirname(target).split('/').at(-1) ?? ''))
    await rm(dirname(target), { recursive: true, force: true });
  await rm(path, { force: true });
}

async function linkTarget(path: string): Promise<string | null> {
  const status = await lstat(path).catch(() => null);
  return status?.isSymbolicLink() === true ? readlink(path) : null;
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= LONGEST_PATH_BYTES;
}
