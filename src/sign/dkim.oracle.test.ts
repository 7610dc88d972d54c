/** Our signatures are mailauth's, byte for byte: RSA PKCS#1 v1.5 and Ed25519 are deterministic. */
import { generateKeyPairSync } from 'node:crypto';

import fc from 'fast-check';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { describe, expect, test } from 'vitest';

import { keyFiles } from '../../tests/fakes/key-files.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import { signMessage } from './dkim.ts';
import { type Keyring, openKeyring } from './keyring.ts';
import { DEFAULT_HEADERS, OVERSIGNED, SIGNED_IF_PRESENT } from './signed-headers.ts';

const NOW_MS = 1_796_119_200_987;
const NAMES = [...OVERSIGNED, ...SIGNED_IF_PRESENT];
const pems = new Map(
  [
    { selector: 'rsa2026', pair: generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    { selector: 'ed2026', pair: generateKeyPairSync('ed25519') },
  ].map(({ selector, pair }) => [selector, pair.privateKey.export({ type: 'pkcs8', format: 'pem' })]),
);

async function keyringOf(...selectors: string[]): Promise<Keyring> {
  return await openKeyring(
    { 'mail.example.com': { dkim: selectors.map((selector) => ({ selector, key: selector })) } },
    { readFile: keyFiles(pems) },
  );
}

async function ours(message: Buffer, keyring: Keyring): Promise<string> {
  const offset = bodyOffsetOf(message);
  const { headers } = await signMessage({
    keyring,
    fromDomain: 'mail.example.com',
    fields: parseHeaderBlock(message.subarray(0, offset)).fields,
    body: message.subarray(offset),
    nowMs: NOW_MS,
    // mailauth can't oversign: that is proved by verifying, elsewhere.
    headerList: { signed: DEFAULT_HEADERS.signed, oversigned: [] },
  });
  return headers.toString('latin1');
}

async function theirs(message: Buffer, selectors: readonly string[]): Promise<string> {
  const { signatures, errors } = await dkimSign(message, {
    canonicalization: 'relaxed/relaxed',
    signTime: new Date(NOW_MS),
    headerList: NAMES,
    signingDomain: '',
    selector: '',
    privateKey: '',
    signatureData: selectors.map((selector) => ({
      signingDomain: 'mail.example.com',
      selector,
      privateKey: pems.get(selector) ?? '',
    })),
  });
  expect(errors).toEqual([]);
  return signatures;
}

/** The two signers' output, to be compared. */
async function bothSigners(
  message: Buffer,
  selectors = ['rsa2026', 'ed2026'],
): Promise<{ own: string; other: string }> {
  return { own: await ours(message, await keyringOf(...selectors)), other: await theirs(message, selectors) };
}

const HEADER = 'From: A <a@mail.example.com>\r\nTo: b@example.net\r\nSubject: x\r\n';

describe('the signatures are those of mailauth', () => {
  test.each([
    ['a plain message', `${HEADER}\r\nHello\r\n`],
    ['an empty body', `${HEADER}\r\n`],
    ['a message without an empty line', HEADER],
    ['a message that ends within its header', `${HEADER}Cc: c@example.net`],
    ['a body without a final line end', `${HEADER}\r\nHello`],
    ['a body of one space', `${HEADER}\r\n `],
    ['a body of empty lines', `${HEADER}\r\n\r\n\r\n\r\n`],
    ['a body of lines with nothing but whitespace', `${HEADER}\r\n \r\n\t\r\n \t \r\n  `],
    ['empty lines and whitespace at the end', `${HEADER}\r\na\r\n\r\n \r\n\t \r\n\r\n`],
    ['empty lines in the middle', `${HEADER}\r\n\r\n\r\na\r\n\r\n \r\nb\r\n`],
    ['runs of whitespace', `${HEADER}\r\n\ta  b\t\tc \t d \r\n e\r\n`],
    ['lines that begin with whitespace', `${HEADER}\r\n <a>\r\n  <b>\r\n\t<c> \r\n \r\n  \0d\r\n\0  e\r\n\0\0f\r\n`],
    ['a line end across two slices', `${HEADER}\r\n${'x'.repeat(32 * 1024 - 1)}\r\n${'y'.repeat(40_000)}\r\n`],
    ['lone carriage returns', `${HEADER}\r\na\r\rb \r \r\r\nc\r`],
    ['8-bit bytes in header and body', `Subject: \xfc\xa0\xa0 \xa0\r\n${HEADER}\r\n\xa0\xe9\xff \x00\x85 \xa0\r\n`],
    ['repeated fields', `${HEADER}To: c@example.net\r\nFROM: x@example.com\r\nto:d@example.net\r\n\r\na\r\n`],
    ['odd spellings', `fROM \t:  a@mail.example.com \r\nSUBJECT\r\n : x\r\nTo:\r\nCc: \r\nDate:\t\r\n\r\na\r\n`],
    ['folds', `${HEADER}References: <1@a>\r\n\t<2@a>\r\n   <3@a> \r\n \r\n\t\r\nIn-Reply-To:\r\n <3@a>\r\n\r\na\r\n`],
    ['many fields of one name', `${HEADER}${'Resent-To: a@example.com\r\n'.repeat(20)}\r\na\r\n`],
    ['a header field of 20 KB', `${HEADER}References: ${'<1@example.com>\r\n '.repeat(1200)}\r\n\r\na\r\n`],
    ['fields that are not signed', `X-A: 1\r\nReceived: x\r\nBcc: y\r\n${HEADER}X-B: 2\r\n\r\na\r\n`],
  ])('for %s', async (_what, message) => {
    const { own, other } = await bothSigners(Buffer.from(message, 'latin1'));
    expect(own).toBe(other);
    expect(own).toMatch(/^DKIM-Signature: /);
  });

  test('for any header and body in canonical form', async () => {
    await fc.assert(
      fc.asyncProperty(messages(), async (message) => {
        const { own, other } = await bothSigners(message, ['ed2026']);
        expect(own).toBe(other);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test('for any body of several slices', async () => {
    const bodies = fc.array(fc.tuple(bodyPieces(), fc.integer({ min: 1, max: 16_000 })), {
      minLength: 12,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(bodies, async (runs) => {
        const body = runs.map(([pieces, count]) => pieces.repeat(Math.ceil(count / (pieces.length + 1)))).join('');
        const { own, other } = await bothSigners(Buffer.from(`${HEADER}\r\n${body}`, 'latin1'), ['ed2026']);
        expect(own).toBe(other);
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});

function bodyPieces(): fc.Arbitrary<string> {
  const words = fc.constantFrom('a', '.', 'word', '\xe9', '\0', '\xa0', '!', '=', 'x'.repeat(90));
  const blanks = fc.constantFrom(' ', ' ', '  ', '\t', '\r\n', '\r\n', '\r\n\r\n', '\r', '\v', '\f', '\x1f');
  return fc.array(fc.oneof(words, blanks), { maxLength: 40 }).map((pieces) => pieces.join(''));
}

function messages(): fc.Arbitrary<Buffer> {
  const names = fc.constantFrom(...NAMES, 'X-Other', 'Received', 'Subject', 'To', 'SUBJECT', 'message-id', 'Comments');
  const piece = fc.constantFrom(
    'a',
    'b=1;',
    ':',
    ' ',
    '  ',
    '\t',
    '\r\n ',
    '\r\n\t',
    '\xe9',
    '\xa0',
    '<x@example.com>',
  );
  const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  const colon = fc.constantFrom(':', ': ', ' :', '\t:\t', ' \r\n :', ':\r\n ');
  const field = fc.tuple(names, colon, value).map((parts) => `${parts.join('')}\r\n`);
  return fc
    .tuple(fc.array(field, { maxLength: 12 }), fc.array(field, { maxLength: 12 }), bodyPieces())
    .map(([above, below, body]) =>
      Buffer.from(`${above.join('')}From: a@mail.example.com\r\n${below.join('')}\r\n${body}`, 'latin1'),
    );
}
