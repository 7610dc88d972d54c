import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { generateDkimKeys } from './keygen.ts';

let folder = '';

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'relevo-keygen-')), 'dkim');
});

afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true });
});

test('an RSA-2048 and an Ed25519 key are made, for their owner only', async () => {
  const made = await generateDkimKeys({ domain: 'Example.COM', folder, year: 2026 });
  expect(made).toMatchObject({
    kind: 'generated',
    domain: 'example.com',
    keys: [
      { type: 'rsa', selector: 'rsa2026', path: join(folder, 'example.com.rsa2026.pem') },
      { type: 'ed25519', selector: 'ed2026', path: join(folder, 'example.com.ed2026.pem') },
    ],
  });
  const keys = made.kind === 'generated' ? made.keys : [];
  for (const { path, type } of keys) {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(createPrivateKey(await readFile(path)).asymmetricKeyType).toBe(type);
  }
  expect(createPrivateKey(await readFile(keys[0]?.path ?? '')).asymmetricKeyDetails?.modulusLength).toBe(2048);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(keys.map(({ record }) => record.name)).toEqual([
    'rsa2026._domainkey.example.com',
    'ed2026._domainkey.example.com',
  ]);
});

test('one kind of key, with a selector of one’s own', async () => {
  const made = await generateDkimKeys({ domain: 'bücher.example', folder, year: 2026, selectors: { ed25519: 'a.b' } });
  expect(made).toMatchObject({ kind: 'generated', domain: 'xn--bcher-kva.example', keys: [{ type: 'ed25519' }] });
  expect(await readdir(folder)).toEqual(['xn--bcher-kva.example.a.b.pem']);
});

test('a key that is there is never overwritten, and nothing else is left behind', async () => {
  await generateDkimKeys({ domain: 'example.com', folder, year: 2026, selectors: { ed25519: 'ed2026' } });
  const path = join(folder, 'example.com.ed2026.pem');
  const before = await readFile(path);
  expect(await generateDkimKeys({ domain: 'example.com', folder, year: 2026 })).toEqual({ kind: 'exists', path });
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(folder)).toEqual(['example.com.ed2026.pem']);
});

test.each([
  [{ domain: '../etc/passwd' }, /is no domain/],
  [{ domain: '[192.0.2.1]' }, /is no domain/],
  [{ domain: 'example.com', selectors: { rsa: '../x' } }, /is no selector/],
  [{ domain: 'example.com', selectors: { rsa: 'a_b' } }, /is no selector/],
  [{ domain: 'example.com', selectors: { rsa: 's', ed25519: 'S' } }, /selector of its own/],
])('%j is refused', async (request, reason) => {
  const made = await generateDkimKeys({ folder, year: 2026, ...request });
  expect(made.kind).toBe('invalid');
  expect(made.kind === 'invalid' ? made.reason : '').toMatch(reason);
});

test('a folder that can’t be written is a failure with its path', async () => {
  await writeFile(join(folder, '..', 'file'), '');
  const made = await generateDkimKeys({ domain: 'example.com', folder: join(folder, '..', 'file'), year: 2026 });
  expect(made).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/^E(NOTDIR|EXIST)$/) });
});
