/** scripts/install.sh in a clone whose node_modules is somebody else's: it must not empty that. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

type Packages = Readonly<Record<string, { readonly version: string; readonly dev?: true }>>;

async function cloneWithLink({ needed, there }: { readonly needed: Packages; readonly there: Packages | null }) {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [clone, theirs] = [join(folder, 'clone'), join(folder, 'theirs')];
  const bin = join(folder, 'bin');
  await Promise.all([mkdir(join(clone, 'scripts'), { recursive: true }), mkdir(theirs), mkdir(bin)]);
  // Were npm called, it would do as `npm ci` does.
  await writeFile(join(bin, 'npm'), '#!/bin/sh\nrm -rf node_modules/* node_modules/.package-lock.json\n', {
    mode: 0o755,
  });
  await writeFile(join(theirs, 'precious'), 'kept');
  if (there !== null) await writeFile(join(theirs, '.package-lock.json'), JSON.stringify({ packages: there }));
  await symlink(theirs, join(clone, 'node_modules'));
  await copyFile(join(ROOT, 'scripts/install.sh'), join(clone, 'scripts/install.sh'));
  // Newer than what is installed, as after every clone.
  await writeFile(join(clone, 'package-lock.json'), JSON.stringify({ packages: needed }));
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  return await new Promise<{ code: number; said: string; theirs: string[] }>((resolve, reject) => {
    execFile('sh', ['scripts/install.sh'], { cwd: clone, env }, (error, _, said) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      readdir(theirs).then((names) => resolve({ code, said, theirs: names }), reject);
    });
  });
}

const NEEDED = { '': { version: '1.0.0' }, 'node_modules/zod': { version: '4.0.0' } };

test('a node_modules that is a link is used as it is where it has what is needed', async () => {
  const there = { 'node_modules/zod': { version: '4.0.0' } };
  const { code, said, theirs } = await cloneWithLink({ needed: NEEDED, there });
  expect(theirs).toContain('precious');
  expect(said).toMatch(/node_modules is a symbolic link to \/.*theirs: used as it is/);
  expect(code).toBe(0);
});

test.each([
  ['another version', { 'node_modules/zod': { version: '3.9.0' } }, 'zod 4.0.0 is missing'],
  ['no finished installation', null, 'npm has not finished an installation there'],
])('a node_modules that is a link to %s is left alone, and the start refused', async (_, there, cause) => {
  const { code, said, theirs } = await cloneWithLink({ needed: NEEDED, there });
  expect(theirs).toContain('precious');
  expect(said).toContain(cause);
  expect(said).toContain('rm node_modules');
  expect(code).toBe(1);
});
