import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { keyFiles } from '../../../tests/fakes/key-files.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../../message/header.ts';
import { type BlankSignature, fillIn, oneThreadSigns, valueOf } from '../../sign/blank-signature.ts';
import { leaveBlank } from '../../sign/dkim.ts';
import { type Keyring, openKeyring } from '../../sign/keyring.ts';
import { dkimRecord } from '../../sign/records.ts';
import { acceptAsk } from './port-spool.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from './spool.ts';
import type { Answer, Answers, Batch } from './wire.ts';

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

/** A message that begins with signatures, and what its signatures are made of. */
async function aBlankOne(): Promise<{ readonly content: Buffer; readonly blanks: readonly BlankSignature[] }> {
  const offset = bodyOffsetOf(UNSIGNED);
  const { headers, blanks } = await leaveBlank({
    keyring,
    fromDomain: 'example.com',
    fields: parseHeaderBlock(UNSIGNED.subarray(0, offset)).fields,
    body: UNSIGNED.subarray(offset),
    nowMs: clock.nowMs(),
  });
  return { content: Buffer.concat([headers, UNSIGNED]), blanks };
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
  expect([1, 2, 3, 64].map(oneThreadSigns)).toEqual([true, true, false, false]);
  expect(spool.sign !== undefined).toBe(oneThreadSigns(availableParallelism()));
});

/** Asks for what the owner answers whatever the number of cores. */
function asker(): { readonly ask: (batch: Batch) => Promise<readonly Answer[]>; readonly close: () => void } {
  const port = spool.connect();
  const answered = new Map<number, Answer>();
  let came = (): void => undefined;
  port.on('message', ({ answers }: Answers) => {
    for (const answer of answers) answered.set(answer[0], answer);
    came();
  });
  const ask = async (batch: Batch): Promise<readonly Answer[]> => {
    port.postMessage(batch);
    for (;;) {
      const answers = batch.map(([id]) => answered.get(id)).filter((answer) => answer !== undefined);
      if (answers.length === batch.length) return answers;
      await new Promise<void>((resolve) => {
        came = resolve;
      });
    }
  };
  return { ask, close: () => port.close() };
}

test('the owner makes the values of signatures, in order', async () => {
  const { ask, close } = asker();
  const { content, blanks } = await aBlankOne();
  expect(await verdicts(content)).not.toEqual(PASS);
  const [answer] = await ask([[1, 'sign', blanks]]);
  fillIn(content, blanks, answer?.[2] as readonly string[]);
  expect(await verdicts(content)).toEqual(PASS);
  close();
});

test.each([
  { why: 'the key cannot sign', wrong: () => ({ key: keyring.keys()[0]!.publicKey }) },
  { why: 'the place is not made for it', wrong: () => ({ length: 84 }) },
])('a signature that fails spoils no other: $why', async ({ wrong }) => {
  const { ask, close } = asker();
  const { blanks } = await aBlankOne();
  const bad = blanks.map((blank) => ({ ...blank, ...wrong() }));
  const answers = await ask([
    [1, 'sign', bad],
    [2, 'sign', blanks],
    [3, 'overview', null],
  ]);
  expect(answers.map(([id, kind]) => [id, kind])).toEqual([
    [1, 'unavailable'],
    [2, 'ok'],
    [3, 'ok'],
  ]);
  expect(answers[1]?.[2]).toEqual(blanks.map(valueOf));
  close();
});

test('mail is kept before what came with it is signed, and the owner signs all before it closes', async () => {
  const port = spool.connect();
  const { blanks } = await aBlankOne();
  const order: number[] = [];
  port.on('message', ({ answers }: Answers) => order.push(...answers.map(([id]) => id)));
  const closed = new Promise<void>((resolve) => port.once('close', resolve));
  const signing = Array.from({ length: 100 }, (_, id) => [id, 'sign', blanks] as const);
  port.postMessage([...signing, [100, 'accept', acceptAsk(aSubmission({ atMs: clock.nowMs() }))]] satisfies Batch);
  await spool[Symbol.asyncDispose]();
  await closed;
  expect(order).toEqual([100, ...signing.map(([id]) => id)]);
});

test('who asks for a page gets it while more keeps coming than can be signed', async () => {
  const port = spool.connect();
  const { blanks } = await aBlankOne();
  const COUNT = 1_000;
  let [answered, before] = [0, -1];
  const all = Promise.withResolvers<void>();
  port.on('message', ({ answers }: Answers) => {
    for (const [id] of answers) {
      if (id === 0) before = answered;
      else answered += 1;
    }
    if (answered === COUNT) all.resolve();
  });
  port.postMessage([[1, 'sign', blanks]]);
  port.postMessage([[0, 'list', { filter: {}, limit: 10, after: null }]]);
  // One by one, four a millisecond: whenever the owner has worked off what came, there is more.
  const startedMs = performance.now();
  for (let place = 0; place < COUNT; place++) {
    if (place > 0) port.postMessage([[place + 1, 'sign', blanks]]);
    while (performance.now() < startedMs + place / 4);
  }
  await all.promise;
  port.close();
  expect(before).toBeGreaterThanOrEqual(0);
  expect(before).toBeLessThan(200);
});
