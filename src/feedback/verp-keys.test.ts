import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { createFile } from '../running/whole-file.ts';
import type { Event } from '../message/event.ts';
import { type Policy, policySchema } from '../policy/schema.ts';
import { systemRandom } from '../system.ts';
import { createVerpKeyring, openVerpKeys } from './verp-keys.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-verp-'));
  path = join(folder, 'certs/return-path.keys');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const NEEDS = { random: systemRandom, createFile };

function aPolicy(returnPath = true): Policy {
  const domains = returnPath ? { 'example.com': { returnPath: 'bounces.example.com' } } : {};
  return policySchema.parse({ hostname: 'relay.test', returnPathKeys: path, domains });
}

test('the first need of a key makes it, once, for the owner alone, however many ask at once', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => openVerpKeys(path, NEEDS)));
  expect(new Set(all.map((one) => (one.kind === 'read' ? String(one.keys[0]?.toString('hex')) : one.cause))).size).toBe(
    1,
  );
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const text = await readFile(path, 'utf8');
  expect(await openVerpKeys(path, NEEDS)).toEqual(all[0]);
  expect(await readFile(path, 'utf8')).toBe(text);
});

test('keys stand one a line with the newest first, comments and empty lines aside', async () => {
  await openVerpKeys(path, NEEDS);
  const old = (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '';
  await writeFile(path, `# new\n${'ab'.repeat(32)} # mine\n\n${old}\r\n`);
  const read = await openVerpKeys(path, NEEDS);
  expect(read.kind === 'read' ? read.keys.map((key) => key.toString('hex')) : read).toEqual(['ab'.repeat(32), old]);
});

test.each([
  ['a key that is too short', `${'ab'.repeat(31)}\n`, 'line 1 is not a key'],
  ['anything else', `${'ab'.repeat(32)}\npassword\n`, 'line 2 is not a key'],
  ['no key', '# nothing\n', 'has no key'],
  ['far too much', '#'.repeat(20_000), 'too large'],
])('%s is no file of keys, and is left as it is', async (_, text, cause) => {
  await openVerpKeys(path, NEEDS);
  await writeFile(path, text);
  const result = await openVerpKeys(path, NEEDS);
  expect(result).toMatchObject({ kind: 'failed', cause: expect.stringContaining(cause) as string });
  expect(await readFile(path, 'utf8')).toBe(text);
});

test('a folder or a named pipe in its place is told of, and hangs nobody', async () => {
  await mkdir(path, { recursive: true });
  expect(await openVerpKeys(path, NEEDS)).toEqual({ kind: 'failed', cause: `${path} is not a regular file` });
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(await openVerpKeys(pipe, NEEDS)).toEqual({ kind: 'failed', cause: `${pipe} is not a regular file` });
  expect(await openVerpKeys(join(folder, 'no/such/place/keys'), NEEDS)).toMatchObject({ kind: 'failed' });
});

test('without a return path no file is made; with one a file that cannot be read is an alert, and the old keys stay', async () => {
  const events: Event[] = [];
  const keyring = createVerpKeyring({ ...NEEDS, clock: new FakeClock(), emit: (event) => void events.push(event) });
  await keyring.refresh(aPolicy(false));
  expect(keyring.keys()).toBeNull();
  await expect(stat(path)).rejects.toThrow('ENOENT');
  await keyring.refresh(aPolicy());
  const keys = keyring.keys();
  expect(keys?.length).toBe(1);
  const text = await readFile(path, 'utf8');
  await writeFile(path, 'nonsense\n');
  await keyring.refresh(aPolicy());
  expect(keyring.keys()).toBe(keys);
  expect(await keyring.prepare(aPolicy())).toMatchObject({ kind: 'refused' });
  await writeFile(path, text);
  await keyring.refresh(aPolicy());
  const alerts = events.map((event) => (event.event === 'alert' ? [event.name, event.raised] : []));
  expect(alerts).toEqual([
    ['return-path-keys', true],
    ['return-path-keys', false],
  ]);
});

test('keys of a policy that is not swapped in are not in use', async () => {
  const keyring = createVerpKeyring({ ...NEEDS, clock: new FakeClock(), emit: () => undefined });
  const prepared = await keyring.prepare(aPolicy());
  expect(keyring.keys()).toBeNull();
  if (prepared.kind === 'ready') prepared.use();
  expect(keyring.keys()?.length).toBe(1);
});
