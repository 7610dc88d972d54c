import { generateKeyPairSync } from 'node:crypto';

import { expect, test } from 'vitest';

import { keyFiles } from '../../tests/fakes/key-files.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import { fillIn } from './blank-signature.ts';
import { signMessage } from './dkim.ts';
import { type DkimDomains, openKeyring } from './keyring.ts';

const keys = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  large: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
  odd: generateKeyPairSync('rsa', { modulusLength: 2041 }).privateKey,
  small: generateKeyPairSync('rsa', { modulusLength: 1030 }).privateKey,
  ed: generateKeyPairSync('ed25519').privateKey,
  other: generateKeyPairSync('ed25519').privateKey,
};
const pems = new Map(Object.entries(keys).map(([name, key]) => [name, key.export({ type: 'pkcs8', format: 'pem' })]));
const MESSAGE = Buffer.from('From: shop@example.com\r\nSubject: an order\r\n\r\nIt is  on its way.\r\n');

const keysOf = (...names: string[]): DkimDomains => ({
  'example.com': { dkim: names.map((name, place) => ({ selector: `${'s'.repeat(place * 7)}${name}`, key: name })) },
});

/** Signed at once, and with the same signatures filled in afterwards. */
async function bothWays(
  domains: DkimDomains,
  message: Buffer,
): Promise<{ atOnce: Buffer; filled: Buffer; count: number }> {
  const offset = bodyOffsetOf(message);
  const { fields } = parseHeaderBlock(message.subarray(0, offset));
  const keyring = await openKeyring(domains, {
    readFile: keyFiles(pems),
  });
  const unsigned = {
    keyring,
    fromDomain: 'example.com',
    fields,
    body: message.subarray(offset),
    nowMs: 1_796_119_200_987,
  };
  const { headers, blanks } = await signMessage({ ...unsigned, mayLeaveBlank: true });
  const filled = Buffer.concat([headers, message]);
  for (const blank of blanks) fillIn(filled, blank);
  return { atOnce: Buffer.concat([(await signMessage(unsigned)).headers, message]), filled, count: blanks.length };
}

test.each([['rsa'], ['ed'], ['rsa', 'ed'], ['ed', 'rsa', 'other'], ['odd'], ['small', 'odd']])(
  'signatures that were left blank are, filled in, those that are made at once: %s %s %s',
  async (...names) => {
    const { atOnce, filled, count } = await bothWays(keysOf(...names), MESSAGE);
    expect(filled.toString('latin1')).toBe(atOnce.toString('latin1'));
    expect(count).toBe(names.length);
  },
);

test('so they are with a selector of any length, which moves the folds', async () => {
  for (let length = 1; length <= 63; length++) {
    const selector = 'x'.repeat(length);
    const domains = {
      'example.com': {
        dkim: [
          { selector, key: 'rsa' },
          { selector, key: 'ed' },
        ],
      },
    };
    const { atOnce, filled } = await bothWays(domains, MESSAGE);
    expect(filled.toString('latin1')).toBe(atOnce.toString('latin1'));
  }
});

test.each([[['ed', 'large']], [['rsa', 'odd', 'small']]])(
  'all are made at once where they take milliseconds: %s',
  async (names) => {
    const { atOnce, filled, count } = await bothWays(keysOf(...names), MESSAGE);
    expect(count).toBe(0);
    expect(filled.equals(atOnce)).toBe(true);
  },
);
