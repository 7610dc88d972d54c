/** OpenDKIM, which most receivers run in one form or another, verifies what relevo signs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { awkwardBodies } from '../../tests/fakes/mail.ts';
import { hasNamespaces, opendkimTestmsg, opendkimVerdicts } from '../../tests/fakes/opendkim.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import { signMessage } from './dkim.ts';
import { generateDkimKeys } from './keygen.ts';
import { type Keyring, openKeyring } from './keyring.ts';

const HEADER =
  'Received: from app\r\n by relay\r\nFrom: Shop  <shop@example.com>\r\nTo: ana@example.net,\r\n\tbob@example.net \r\n' +
  'subject : Größe\r\nDate: Tue, 1 Dec 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n';
const NAMESPACES = await hasNamespaces();

let folder = '';
let keyring: Keyring;
let records: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-sign-'));
  const made = await generateDkimKeys({ domain: 'example.com', folder, year: 2026 });
  if (made.kind !== 'generated') throw new Error(`no keys: ${made.kind}`);
  records = Object.fromEntries(made.keys.map(({ record }) => [record.name, record.value]));
  keyring = await openKeyring({
    'example.com': { dkim: made.keys.map(({ selector, path }) => ({ selector, key: path })) },
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function signed(body: Buffer): Promise<Buffer> {
  const message = Buffer.concat([Buffer.from(`${HEADER}\r\n`), body]);
  const offset = bodyOffsetOf(message);
  const { headers } = await signMessage({
    keyring,
    fromDomain: 'example.com',
    fields: parseHeaderBlock(message.subarray(0, offset)).fields,
    body: message.subarray(offset),
    // In the past: OpenDKIM holds a signature from the future for a fault.
    nowMs: Date.UTC(2026, 0, 1),
  });
  return Buffer.concat([headers, message]);
}

describe('OpenDKIM verifies both signatures', () => {
  test.each([...awkwardBodies()])('of a body with %s', async (_what, body) => {
    expect(await opendkimVerdicts(await signed(body), records)).toEqual([
      'pass rsa-sha256 rsa2026 example.com',
      'pass ed25519-sha256 ed2026 example.com',
    ]);
  });

  test('and refuses them once the body or a signed field differs', async () => {
    const message = await signed(Buffer.from('Hello\r\n'));
    for (const [was, is] of [
      ['Hello', 'Hallo'],
      ['bob@example.net', 'eve@example.net'],
      ['MIME-Version: 1.0', 'Reply-To: eve@example.org\r\nMIME-Version: 1.0'],
    ] as const) {
      const changed = Buffer.from(message.toString('latin1').replace(`${was}`, is), 'latin1');
      const verdicts = await opendkimVerdicts(changed, records);
      expect(verdicts.map((verdict) => verdict.split(' ')[0])).toEqual(['fail', 'fail']);
    }
  });
});

// In a container that allows no namespaces the test above, with the same library, has to do.
describe.runIf(NAMESPACES)('opendkim-testmsg, with the keys in DNS,', () => {
  test.each([...awkwardBodies()])('verifies a body with %s', async (_what, body) => {
    expect(await opendkimTestmsg(await signed(body), records)).toBeNull();
  });

  test('refuses a changed body', async () => {
    const message = await signed(Buffer.from('Hello\r\n'));
    const changed = Buffer.from(message.toString('latin1').replace('Hello', 'Hallo'), 'latin1');
    expect(await opendkimTestmsg(changed, records)).toMatch(/bad signature/i);
  });
});

test('the generated keys are what the records publish', async () => {
  const published = keyring.keys().map((key) => key.name);
  expect(published).toEqual(['rsa2026._domainkey.example.com', 'ed2026._domainkey.example.com']);
  expect(await readFile(join(folder, 'example.com.rsa2026.pem'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
});
