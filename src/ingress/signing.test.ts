/** When what is answered 250 is signed: before it waits in the spool, or while it goes straight to its lane. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { atData, IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';
import type { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import type { BlankSignatures } from '../sign/blank-signature.ts';

const FIELD = 'DKIM-Signature: b=AAA\r\n';
const { privateKey: key } = generateKeyPairSync('ed25519');
const BLANK = { text: 'x', algorithm: 'ed25519-sha256', key, at: FIELD.indexOf('AAA'), length: 3 } as const;

type Rig = { readonly fixture: IngressFixture; readonly dialogue: SmtpDialogue };

/** @param leased whether all of a message goes straight to its lane */
async function rig(signatures: Partial<BlankSignatures>, leased: boolean): Promise<Rig> {
  const whole = {
    headers: Buffer.from(FIELD),
    blanks: [BLANK],
    areQuick: true,
    make: async () => ['poo'],
    ...signatures,
  };
  const fixture = await IngressFixture.open({ leaveBlank: async () => whole });
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  if (leased) fixture.handoff.leaseUntilMs = 12_345;
  const dialogue = await atData(fixture);
  onTestFinished(() => dialogue[Symbol.asyncDispose]());
  return { fixture, dialogue };
}

/** What went to a lane, once it did. */
async function takenBy(fixture: IngressFixture): Promise<string | undefined> {
  await expect.poll(() => fixture.handoff.taken.length).toBe(1);
  return fixture.handoff.taken[0]?.content?.toString();
}

test('what goes straight to its lane is acknowledged and kept before it is signed, and signed before it goes', async () => {
  const values = Promise.withResolvers<readonly string[]>();
  const { fixture, dialogue } = await rig({}, true);
  fixture.spool.sign = () => values.promise;
  expect(await send(dialogue, MAIL)).toMatch(/^250 /);
  expect(fixture.handoff.taken).toEqual([]);
  expect(fixture.spool.last.message.unsigned).toBe(true);
  expect(fixture.spool.text).toMatch(/^Received: /);
  values.resolve(['sto']);
  const taken = await takenBy(fixture);
  expect(taken).toBe(`DKIM-Signature: b=sto\r\n${fixture.spool.text}`);
  expect(fixture.spool.last.message.sizeBytes).toBe(taken?.length);
});

test('what waits in the spool is signed before it is kept', async () => {
  const { fixture, dialogue } = await rig({}, false);
  fixture.spool.sign = async () => ['sto'];
  expect(await send(dialogue, MAIL)).toMatch(/^250 /);
  expect(fixture.spool.last.message).not.toHaveProperty('unsigned');
  expect(fixture.spool.text).toMatch(/^DKIM-Signature: b=sto\r\nReceived: /);
});

test('what nobody signs is kept as it leaves', async () => {
  const { fixture, dialogue } = await rig({ headers: Buffer.alloc(0), blanks: [], make: async () => [] }, true);
  let asked = false;
  fixture.spool.sign = async () => {
    asked = true;
    return [];
  };
  expect(await send(dialogue, MAIL)).toMatch(/^250 /);
  expect(fixture.spool.last.message).not.toHaveProperty('unsigned');
  expect(await takenBy(fixture)).toBe(fixture.spool.text);
  expect(asked).toBe(false);
});

test.each([
  { where: 'where the spool makes none', sign: undefined, areQuick: true },
  { where: 'where they take long', sign: async () => ['sto'], areQuick: false },
  { where: 'where the spool cannot', sign: () => Promise.reject(new Error('the thread died')), areQuick: true },
])('signatures are made on the thread pool $where', async ({ sign, areQuick }) => {
  const { fixture, dialogue } = await rig({ areQuick }, true);
  if (sign !== undefined) fixture.spool.sign = sign;
  await send(dialogue, MAIL);
  expect(await takenBy(fixture)).toMatch(/^DKIM-Signature: b=poo\r\n/);
});

test('one that cannot be made is left to the attempt, of mail that is acknowledged', async () => {
  const { fixture, dialogue } = await rig({ make: () => Promise.reject(new Error('no memory')) }, true);
  expect(await send(dialogue, MAIL)).toMatch(/^250 /);
  await expect.poll(() => fixture.handoff.taken).toMatchObject([{ content: null, leased: [{}] }]);
  expect(fixture.eventsOf('failed')).toMatchObject([{ where: 'ingress', cause: 'Error: no memory' }]);
});

test('one that cannot be made is a temporary failure of mail that would wait', async () => {
  const { fixture, dialogue } = await rig({ make: () => Promise.reject(new Error('no memory')) }, false);
  expect(await send(dialogue, MAIL)).toMatch(/^451 4\.3\.0/);
  expect(fixture.spool.accepted).toEqual([]);
});

test('whoever stops the relay waits for mail that is being signed', async () => {
  const values = Promise.withResolvers<readonly string[]>();
  const { fixture, dialogue } = await rig({}, true);
  fixture.spool.sign = () => values.promise;
  await send(dialogue, MAIL);
  const order: string[] = [];
  const stopped = fixture.ingress[Symbol.asyncDispose]().then(() =>
    order.push(`stopped, ${fixture.handoff.taken.length} taken`),
  );
  await new Promise((resolve) => setImmediate(resolve));
  order.push('signed');
  values.resolve(['sto']);
  await stopped;
  expect(order).toEqual(['signed', 'stopped, 1 taken']);
});

test('as much is signed after its acknowledgement as is bounded: what comes then is signed first', async () => {
  const { fixture, dialogue } = await rig({}, true);
  const made: ((values: readonly string[]) => void)[] = [];
  fixture.spool.sign = () => new Promise((resolve) => void made.push(resolve));
  const next = async (number: number): Promise<Promise<string>> => {
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    return send(dialogue, `${MAIL}${number}\r\n`);
  };
  await send(dialogue, MAIL);
  for (let number = 1; number < 64; number++) expect(await next(number)).toMatch(/^250 /);
  const last = next(64);
  await expect.poll(() => made.length).toBe(65);
  expect(fixture.spool.accepted).toHaveLength(64);
  for (const make of made) make(['sto']);
  expect(await last).toMatch(/^250 /);
  expect(fixture.spool.last.message).not.toHaveProperty('unsigned');
  await expect.poll(() => fixture.handoff.taken.length).toBe(65);
  fixture.spool.sign = async () => ['sto'];
  await next(65);
  expect(fixture.spool.last.message.unsigned).toBe(true);
});

test('so is a large message', async () => {
  const { fixture, dialogue } = await rig({}, true);
  fixture.spool.sign = async () => ['sto'];
  await send(dialogue, `${MAIL}${'a line of 32 bytes, with its end\r\n'.repeat(540_000)}`);
  expect(fixture.spool.last.message).not.toHaveProperty('unsigned');
});
