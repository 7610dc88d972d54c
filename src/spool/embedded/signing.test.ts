import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { keyFiles } from '../../../tests/fakes/key-files.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../../message/header.ts';
import { signMessage } from '../../sign/dkim.ts';
import { type Keyring, openKeyring } from '../../sign/keyring.ts';
import { dkimRecord } from '../../sign/records.ts';
import type { Submission } from '../spool.ts';
import { acceptAsk, ownerSigns, spoolOverPort } from './port-spool.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from './spool.ts';
import type { Answers } from './wire.ts';

const pems = new Map([
  ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ['ed', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })],
]);
const UNSIGNED = Buffer.from('From: shop@example.com\r\nSubject: an order\r\n\r\nIt is  on its way.\r\n');

let folder = '';
let spool: EmbeddedSpool;
let keyring: Keyring;
const clock = new FakeClock();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-signing-'));
  spool = await openEmbeddedSpool({ path: folder, durability: 'fsync', clock });
  keyring = await openKeyring(
    { 'example.com': { dkim: ['rsa', 'ed'].map((name) => ({ selector: name, key: name })) } },
    { readFile: keyFiles(pems) },
  );
});
afterEach(async () => {
  await spool[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function aBlankOne(): Promise<Submission> {
  const offset = bodyOffsetOf(UNSIGNED);
  const { headers, blanks } = await signMessage({
    keyring,
    fromDomain: 'example.com',
    fields: parseHeaderBlock(UNSIGNED.subarray(0, offset)).fields,
    body: UNSIGNED.subarray(offset),
    nowMs: clock.nowMs(),
    mayLeaveBlank: true,
  });
  const leaseUntilMs = clock.nowMs() + 60_000;
  const content = Buffer.concat([headers, UNSIGNED]);
  return { ...aSubmission({ atMs: clock.nowMs(), content, leaseUntilMs }), blanks };
}

async function verdicts(message: Buffer): Promise<string[]> {
  const zone = new Map(keyring.keys().map((key) => [key.name, dkimRecord(key).strings]));
  const { results } = await dkimVerify(message, {
    resolver: (name: string) => Promise.resolve([[...(zone.get(name) ?? [])]]),
  });
  return results.map(({ status, algo }) => `${status.result} ${algo}`);
}

const PASS = ['pass rsa-sha256', 'pass ed25519-sha256'];

test('the spool signs where there are at most two cores', () => {
  expect([1, 2, 3, 64].map(ownerSigns)).toEqual([true, true, false, false]);
  expect(spool.signs).toBe(ownerSigns(availableParallelism()));
});

test('who asks for a page gets it while mail keeps coming faster than it can be signed', async () => {
  const port = spool.connect();
  const asks = await Promise.all(Array.from({ length: 1_000 }, async () => acceptAsk(await aBlankOne())));
  let [answered, before] = [0, -1];
  const all = Promise.withResolvers<void>();
  port.on('message', ({ answers }: Answers) => {
    for (const [id] of answers) {
      if (id === 0) before = answered;
      else answered += 1;
    }
    if (answered === asks.length) all.resolve();
  });
  port.postMessage([[1, 'accept', asks[0]]]);
  port.postMessage([[0, 'list', { filter: {}, limit: 10, after: null }]]);
  // One by one, four a millisecond: whenever the owner has worked off what came, there is more.
  const startedMs = performance.now();
  for (const [place, ask] of asks.entries()) {
    if (place > 0) port.postMessage([[place + 1, 'accept', ask]]);
    while (performance.now() < startedMs + place / 4);
  }
  await all.promise;
  port.close();
  expect(before).toBeGreaterThanOrEqual(0);
  expect(before).toBeLessThan(200);
});

describe('signatures that were left blank are made', () => {
  test('in what is stored and in what was handed in, which are the same', async () => {
    const submission = await aBlankOne();
    expect(await verdicts(submission.content)).not.toEqual(PASS);
    expect(await spool.accept(submission)).toMatchObject({ kind: 'accepted', leased: [{}] });
    expect(await verdicts(submission.content)).toEqual(PASS);
    expect(await spool.content(submission.message.id)).toEqual({ kind: 'found', content: submission.content });
  });

  test('for another thread, and after a start', async () => {
    const beside = spoolOverPort(spool.connect(), clock);
    const submission = await aBlankOne();
    await beside.accept(submission);
    await beside[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
    spool = await openEmbeddedSpool({ path: folder, durability: 'fsync', clock });
    const kept = await spool.content(submission.message.id);
    expect(kept.kind === 'found' && (await verdicts(kept.content))).toEqual(PASS);
  });

  test.each([
    { why: 'the key cannot sign', wrong: () => ({ key: keyring.keys()[0]!.publicKey }) },
    { why: 'the place is not made for it', wrong: () => ({ length: 84 }) },
  ])('or their message is not taken, and those that came with it are: $why', async ({ wrong }) => {
    const [good, bad] = [await aBlankOne(), await aBlankOne()];
    const blanks = bad.blanks?.map((blank) => ({ ...blank, ...wrong() })) ?? [];
    const [first, second] = await Promise.allSettled([spool.accept(good), spool.accept({ ...bad, blanks })]);
    expect(first).toMatchObject({ status: 'fulfilled', value: { kind: 'accepted' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } });
    expect(await spool.content(bad.message.id)).toEqual({ kind: 'missing' });
    expect(await verdicts(good.content)).toEqual(PASS);
  });
});
