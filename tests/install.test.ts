/** scripts/install.sh in clones whose node_modules is somebody else's, and scripts/relevo wherever a clone may be. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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

/** A clone that is installed, whose Node does not run before `apt-get` was called; `uid`: who installs. */
async function cloneWithoutLibatomic(uid: number) {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const bin = join(folder, 'bin');
  await Promise.all([
    mkdir(join(folder, 'scripts')),
    mkdir(join(folder, 'node_modules/.bin'), { recursive: true }),
    mkdir(bin),
  ]);
  const program = (file: string, lines: string) => writeFile(file, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const library = join(folder, 'libatomic.so.1');
  await program(
    join(folder, 'node_modules/.bin/node'),
    `if [ -e ${library} ]; then echo v26.0.0; else echo 'node: error while loading shared libraries: libatomic.so.1' >&2; exit 127; fi`,
  );
  await program(join(bin, 'apt-get'), `echo "$@" >>${folder}/asked; touch ${library}`);
  await program(join(bin, 'id'), `echo ${uid}`);
  await program(join(bin, 'sudo'), 'exit 1');
  await Promise.all(
    ['install.sh', 'apt.sh'].map((name) => copyFile(join(ROOT, 'scripts', name), join(folder, 'scripts', name))),
  );
  await writeFile(join(folder, 'package-lock.json'), '{}');
  await writeFile(join(folder, 'node_modules/.package-lock.json'), '{}');
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const said = await new Promise<string>((resolve) => {
    execFile('sh', ['scripts/install.sh'], { cwd: folder, env }, (_, __, stderr) => resolve(stderr));
  });
  return { said, asked: await readFile(join(folder, 'asked'), 'utf8').catch(() => null) };
}

test('a bare Debian gets the library that Node needs', async () => {
  const { said, asked } = await cloneWithoutLibatomic(0);
  expect(asked).toMatch(/^install .*\blibatomic1$/m);
  expect(said).toContain('installing libatomic1, which Node needs');
  expect(said).not.toContain('does not run');
});

test('who may not install it reads what is missing', async () => {
  const { said, asked } = await cloneWithoutLibatomic(1000);
  expect(asked).toBeNull();
  expect(said).toContain('libatomic.so.1');
  expect(said).toContain('as root: apt-get install libatomic1');
});

test.each(['100%20', 'mail #1', 'who?'])('the relay runs from a folder called %j', async (name) => {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clone = join(folder, name);
  await mkdir(clone);
  for (const one of ['src', 'scripts', 'node_modules', 'package.json', 'package-lock.json']) {
    await symlink(join(ROOT, one), join(clone, one));
  }
  const said = await new Promise<string>((resolve) => {
    execFile('sh', ['scripts/relevo', '--version'], { cwd: clone }, (_, out, errors) => resolve(out + errors));
  });
  expect(said).toMatch(/^\d+\.\d+\.\d+/);
});

test.each([
  ['all', '--nothing'],
  ['not all', '--invocation-count-for-turbofan'],
])("a Node of the system's runs the relay when it knows %s of the flags that make it faster", async (_, unknown) => {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const one of ['src', 'scripts', 'package.json', 'package-lock.json']) {
    await symlink(join(ROOT, one), join(folder, one));
  }
  // Installed, but without a Node: its package is optional.
  await mkdir(join(folder, 'node_modules'));
  await writeFile(join(folder, 'node_modules/.package-lock.json'), '{}');
  await mkdir(join(folder, 'bin'));
  const lines = [
    `echo "$*" >>'${folder}/asked'`,
    `case "$*" in *${unknown}*) echo 'bad option' >&2; exit 9;; esac`,
    `exec '${process.execPath}' "$@"`,
  ];
  await writeFile(join(folder, 'bin/node'), `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}/bin:/usr/bin:/bin` };
  const said = await new Promise<string>((resolve) => {
    execFile('sh', ['scripts/relevo', '--version'], { cwd: folder, env }, (__, out, errors) => resolve(out + errors));
  });
  expect(said).toMatch(/^\d+\.\d+\.\d+/);
  const started = (await readFile(join(folder, 'asked'), 'utf8')).split('\n').find((line) => line.includes('main.ts'));
  expect(started?.includes('--max-semi-space-size')).toBe(unknown === '--nothing');
});
