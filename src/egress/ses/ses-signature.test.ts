/** That a signature survives what SES does to a header. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { expect, test } from 'vitest';
import { openSesRig } from '../../../tests/fakes/cloud-exits.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { openSigner } from '../../sign/signer.ts';
import { systemClock } from '../../system.ts';

const HEADER = [
  'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=old; h=from:date:message-id; bh=x; b=y',
  'From: a@example.com',
  'To: b@example.net',
  'Date: Sun, 22 Nov 2026 10:00:00 +0000',
  'Message-ID: <1@example.com>',
  'Subject: signed',
  '',
  '',
].join('\r\n');

test('what SES is given has one signature, which verifies after it wrote its own Date and Message-ID', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-ses-'));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed = generateKeyPairSync('ed25519');
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const dkim = ['rsa', 'ed'].map((selector) => ({ selector, key: join(folder, `${selector}.pem`) }));
  await writeFile(join(folder, 'rsa.pem'), rsa.privateKey.export(pem), { mode: 0o600 });
  await writeFile(join(folder, 'ed.pem'), ed.privateKey.export(pem), { mode: 0o600 });
  try {
    await using signer = await openSigner({ 'example.com': { dkim } }, { clock: systemClock, emit: () => {} });
    await using rig = await openSesRig({ sign: signer.signBut });
    const result = await rig.egress.attempt(mailTo({ content: `${HEADER}text\r\n` }), NEVER);
    expect(result.outcomes).toMatchObject([{ kind: 'delivered' }]);
    const given = rig.arrived()[0]?.content.toString() ?? '';
    expect(given.match(/^DKIM-Signature:/gim)).toHaveLength(1);
    expect(given).toMatch(/\r\n\r\ntext\r\n$/);
    const asSent = given
      .replace(/^Date: .*\r\n/m, 'Date: Sun, 22 Nov 2026 10:00:05 +0000\r\n')
      .replace('<1@example.com>', '<0102018f@eu-west-1.amazonses.com>');
    expect(asSent).not.toBe(given);
    const publicKey = rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const resolver = async (name: string): Promise<string[][]> =>
      name === 'rsa._domainkey.example.com' ? [[`v=DKIM1; k=rsa; p=${publicKey}`]] : [];
    const { results } = await dkimVerify(Buffer.from(asSent), { resolver });
    expect(results.map(({ status, signingDomain }) => [status.result, signingDomain])).toEqual([
      ['pass', 'example.com'],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('of several signatures that are to be kept SES is given the one that every receiver can check', async () => {
  const signatures = ['ed25519-sha256', 'rsa-sha256', 'rsa-sha256'].map(
    (algorithm, place) => `DKIM-Signature: v=1; a=${algorithm}; d=example.com; s=s${place}; h=from; bh=x; b=y\r\n`,
  );
  await using rig = await openSesRig({ settings: { dkim: 'keep' } });
  const content = `${signatures.join('')}From: a@example.com\r\nSubject: x\r\n\r\ntext\r\n`;
  await rig.egress.attempt(mailTo({ content }), NEVER);
  const given = rig.arrived()[0]?.content.toString() ?? '';
  expect(given).toBe(`${signatures[1]}From: a@example.com\r\nSubject: x\r\n\r\ntext\r\n`);
});
