import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Keyring, openKeyring, type ReadKeyFile, readKeyFile } from './keyring.ts';

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-keys-'));
  path = join(folder, 'key.pem');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function writeKey(text: string | Buffer, mode = 0o600): Promise<void> {
  await writeFile(path, text);
  await chmod(path, mode);
}

async function keyringOfFile(): Promise<Keyring> {
  return await openKeyring({ 'example.com': { dkim: [{ selector: 's', key: path }] } });
}

function publicKeyOf(keyring: Keyring): string | undefined {
  return keyring.keys()[0]?.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

describe('a key file', () => {
  test.each([
    ['RSA in PKCS#8', rsa.privateKey.export(PKCS8), { algorithm: 'rsa-sha256', rsaBits: 2048 }],
    [
      'RSA in PKCS#1',
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
      { algorithm: 'rsa-sha256', rsaBits: 2048 },
    ],
    ['Ed25519 in PKCS#8', ed.privateKey.export(PKCS8), { algorithm: 'ed25519-sha256', rsaBits: null }],
  ])('may hold %s', async (_what, pem, expected) => {
    await writeKey(`# made by hand\r\n${pem.toString()}`);
    const keyring = await keyringOfFile();
    expect(keyring.problems()).toEqual([]);
    expect(keyring.keysFor('shop.example.com')).toMatchObject([
      { domain: 'example.com', selector: 's', name: 's._domainkey.example.com', ...expected },
    ]);
  });

  test.each([
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }), /holds a public key/],
    ['an EC key', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(PKCS8), /of type ec/],
    ['RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey.export(PKCS8), /of type rsa-pss/],
    [
      'an encrypted key',
      rsa.privateKey.export({ ...PKCS8, cipher: 'aes-256-cbc', passphrase: 'x' }),
      /encrypted with a passphrase/,
    ],
    ['half a key', rsa.privateKey.export(PKCS8).slice(0, 400), /can't be read/],
    ['nothing', '', /holds no PEM private key/],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /holds no PEM private key/],
    ['768 bits', generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey.export(PKCS8), /768 bits.*RFC 8301/],
    ['a megabyte', Buffer.alloc(1_000_000, 'x'), /too large/],
  ])('with %s is named with what is wrong, and does not sign', async (_what, text, expected) => {
    await writeKey(text.toString());
    const keyring = await keyringOfFile();
    const [problem, ...others] = keyring.problems();
    expect(problem).toMatchObject({ severity: 'error', domain: 'example.com', selector: 's', path });
    expect(problem?.text).toContain(path);
    expect(problem?.text).toMatch(expected);
    expect(others).toEqual([]);
    expect(keyring.keysFor('example.com')).toEqual([]);
  });

  test('that is not there is named with the remedy', async () => {
    const keyring = await keyringOfFile();
    expect(keyring.problems()[0]?.text).toMatch(/does not exist; make it with relevo dkim keygen$/);
  });

  test('that is a folder is refused', async () => {
    await mkdir(path);
    expect((await keyringOfFile()).problems()[0]?.text).toContain('is not a regular file');
  });

  test('that may not be read is named so', async () => {
    const denied: ReadKeyFile = async (file, stamp) => {
      const found = await readKeyFile(file, stamp);
      return found.kind === 'failed' ? { kind: 'failed', reason: 'may not be read' } : found;
    };
    const keyring = await openKeyring(
      { 'example.com': { dkim: [{ selector: 's', key: path }] } },
      { readFile: denied },
    );
    expect(keyring.problems()[0]?.text).toBe(`DKIM key ${path} (s, example.com): may not be read`);
  });

  test('that others may read works, with a warning', async () => {
    await writeKey(ed.privateKey.export(PKCS8), 0o644);
    const keyring = await keyringOfFile();
    expect(keyring.problems()).toMatchObject([{ severity: 'warning' }]);
    expect(keyring.problems()[0]?.text).toMatch(/mode 0644\); chmod 600$/);
    expect(keyring.keys()).toHaveLength(1);
  });

  test.each([0o640, 0o440])('that its group may read works without a warning (mode %o)', async (mode) => {
    await writeKey(ed.privateKey.export(PKCS8), mode);
    expect((await keyringOfFile()).problems()).toEqual([]);
  });

  test.each([0o620, 0o604, 0o660])('that more may use works, with a warning (mode %o)', async (mode) => {
    await writeKey(ed.privateKey.export(PKCS8), mode);
    expect((await keyringOfFile()).problems()).toMatchObject([{ severity: 'warning' }]);
  });

  test('with 1024 bits works, with a warning', async () => {
    await writeKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(PKCS8));
    const keyring = await keyringOfFile();
    expect(keyring.problems()).toMatchObject([{ severity: 'warning' }]);
    expect(keyring.problems()[0]?.text).toMatch(/1024 bits is weak/);
    expect(keyring.keys()).toHaveLength(1);
  });

  test('does not hide the faults of the others', async () => {
    await writeKey(ed.privateKey.export(PKCS8));
    const keyring = await openKeyring({
      'example.com': {
        dkim: [
          { selector: 'a', key: join(folder, 'none') },
          { selector: 's', key: path },
        ],
      },
      'example.org': { dkim: [{ selector: 'b', key: join(folder, 'nor-this') }] },
    });
    expect(keyring.problems().map(({ selector }) => selector)).toEqual(['a', 'b']);
    expect(keyring.keysFor('example.com').map(({ selector }) => selector)).toEqual(['s']);
  });
});

describe('a refresh', () => {
  test('takes over a key that was replaced, by a new file or in place', async () => {
    await writeKey(ed.privateKey.export(PKCS8));
    const keyring = await keyringOfFile();
    const next = generateKeyPairSync('ed25519');
    await writeFile(`${path}.new`, next.privateKey.export(PKCS8), { mode: 0o600 });
    await rename(`${path}.new`, path);
    expect(await keyring.refresh()).toEqual([]);
    expect(publicKeyOf(keyring)).toBe(next.publicKey.export({ type: 'spki', format: 'pem' }).toString());

    await writeKey(rsa.privateKey.export(PKCS8));
    await keyring.refresh();
    expect(keyring.keysFor('example.com')).toMatchObject([{ algorithm: 'rsa-sha256' }]);
  });

  test('keeps the key while its file is broken or gone, says so, and recovers', async () => {
    await writeKey(ed.privateKey.export(PKCS8));
    const keyring = await keyringOfFile();
    const before = publicKeyOf(keyring);

    await writeKey('-----BEGIN PRIVATE KEY-----\nhalf');
    expect((await keyring.refresh())[0]?.text).toMatch(/can't be read.*; the key read before stays in use$/);
    expect(publicKeyOf(keyring)).toBe(before);
    // It is still a fault when nobody has touched the file since.
    expect(await keyring.refresh()).toHaveLength(1);

    await rm(path);
    expect((await keyring.refresh())[0]?.text).toMatch(/does not exist/);
    expect(publicKeyOf(keyring)).toBe(before);

    await writeKey(ed.privateKey.export(PKCS8));
    expect(await keyring.refresh()).toEqual([]);
  });

  test('takes up a key that was missing at first', async () => {
    const keyring = await keyringOfFile();
    await writeKey(ed.privateKey.export(PKCS8));
    expect(await keyring.refresh()).toEqual([]);
    expect(keyring.keysFor('example.com')).toHaveLength(1);
  });

  test('does not parse again what has not changed', async () => {
    await writeKey(ed.privateKey.export(PKCS8));
    await utimes(path, 1_000_000, 1_000_000);
    const keyring = await keyringOfFile();
    const [key] = keyring.keys();
    await Promise.all([keyring.refresh(), keyring.refresh()]);
    expect(keyring.keys()[0]).toBe(key);
  });

  test('sees a change that kept size and time', async () => {
    await writeKey(ed.privateKey.export(PKCS8));
    await utimes(path, 1_000_000, 1_000_000);
    const keyring = await keyringOfFile();
    const next = generateKeyPairSync('ed25519');
    await writeKey(next.privateKey.export(PKCS8));
    await utimes(path, 1_000_000, 1_000_000);
    await keyring.refresh();
    expect(publicKeyOf(keyring)).toBe(next.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  });
});
