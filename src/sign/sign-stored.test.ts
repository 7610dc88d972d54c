import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyFiles } from '../../tests/fakes/key-files.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { canonicalForm } from '../ingress/canonical.ts';
import { bytesOfFields } from '../message/header.ts';
import { newMessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import { signMessage } from './dkim.ts';
import { openKeyring } from './keyring.ts';
import { storedSigner } from './sign-stored.ts';

const pem = (key: { export(how: { type: 'pkcs8'; format: 'pem' }): string | Buffer }): string =>
  String(key.export({ type: 'pkcs8', format: 'pem' }));
const pems = new Map([
  ['rsa', pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
  ['ed', pem(generateKeyPairSync('ed25519').privateKey)],
]);
const AT_MS = 1_796_119_200_987;
const FROM = 'From: Shop <shop@example.com>\r\n';

test.each([
  ['plain text', `${FROM}Subject: an order\r\n\r\nIt is  on its way. \r\n`],
  [
    'folds, tabs and fields that stand twice',
    `${FROM}subject :  a\r\n\tb\r\nTo: a@x\r\nTo: b@x\r\n\r\n\r\nx\t y\r\n\r\n\r\n`,
  ],
  ['no body', `${FROM}Subject: x\r\n\r\n`],
  ['no empty line', `${FROM}Subject: x\r\n`],
  ['bytes beyond ASCII', `${FROM}Subject: ÄÖÜ\r\n\r\nüber Größe\r\n`],
  ['signatures of its own', `DKIM-Signature: v=1; d=else.example; b=x\r\n${FROM}\r\nx\r\n`],
  ['a large body', `${FROM}\r\n${'a line of it\r\n'.repeat(50_000)}`],
])('what was kept without its signatures gets those that it would have left with at once: %s', async (_, text) => {
  const keyring = await openKeyring(
    { 'example.com': { dkim: [...pems.keys()].map((name) => ({ selector: name, key: name })) } },
    { readFile: keyFiles(pems) },
  );
  const { hostname, limits, traces } = policySchema.parse({ hostname: 'relay.example' });
  const id = newMessageId(AT_MS, Buffer.alloc(10));
  const received = 'Received: from app.example\r\n\tby relay.example; Tue, 1 Dec 2026 10:00:00 +0000\r\n';
  const form = canonicalForm({
    raw: Buffer.from(text),
    sender: 'shop@example.com',
    id,
    atMs: AT_MS,
    hostname,
    received,
    limits,
    traces,
  });
  if (form.kind === 'refused') throw new Error(form.reply.text);
  const { fields, body } = form.canonical;
  const fromDomain = 'example.com';
  const { headers } = await signMessage({ keyring, fromDomain, fields, body, nowMs: AT_MS });
  const kept = Buffer.concat([bytesOfFields(fields), Buffer.from('\r\n'), body]);
  const { message } = aSubmission({ id, atMs: AT_MS, content: kept, terms: { fromDomain, unsigned: true } });
  const sign = storedSigner({
    sign: (unsigned) => signMessage({ ...unsigned, keyring }),
    lacksFor: (domain) => keyring.lacksFor(domain),
  });
  expect(headers.toString().match(/^DKIM-Signature:/gm)).toHaveLength(2);
  expect((await sign(message, kept)).toString('latin1')).toBe(Buffer.concat([headers, kept]).toString('latin1'));
});

test('what was taken to be signed is not signed while a key that it needs cannot be read', async () => {
  const dkim = ['rsa', 'gone'].map((name) => ({ selector: name, key: name }));
  const keyring = await openKeyring({ 'example.com': { dkim }, 'free.example': {} }, { readFile: keyFiles(pems) });
  const signStored = storedSigner({
    sign: (unsigned) => signMessage({ ...unsigned, keyring }),
    lacksFor: (domain) => keyring.lacksFor(domain),
  });
  const content = Buffer.from(`${FROM}\r\nx\r\n`);
  const from = (fromDomain: string) =>
    aSubmission({ atMs: AT_MS, content, terms: { fromDomain, unsigned: true } }).message;
  await expect(signStored(from('sub.example.com'), content)).rejects.toThrow(/^DKIM key gone \(gone, example\.com\)/);
  expect(await signStored(from('free.example'), content)).toEqual(content);
});
