import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { keyFiles } from '../../tests/fakes/key-files.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import { fillIn, type MakeValues, valueOf } from './blank-signature.ts';
import { leaveBlank, signMessage, type Unsigned } from './dkim.ts';
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

async function unsignedBy(domains: DkimDomains, message: Buffer = MESSAGE): Promise<Unsigned> {
  const offset = bodyOffsetOf(message);
  const { fields } = parseHeaderBlock(message.subarray(0, offset));
  const keyring = await openKeyring(domains, { readFile: keyFiles(pems) });
  const body = message.subarray(offset);
  return { keyring, fromDomain: 'example.com', fields, body, nowMs: 1_796_119_200_987 };
}

/** Signed at once, with values that are filled in afterwards, made by the calling thread and on the pool; `length` of a value. */
async function eachWay(domains: DkimDomains, message: Buffer) {
  const unsigned = await unsignedBy(domains, message);
  const { headers, blanks, areQuick, make } = await leaveBlank(unsigned);
  const filledWith = (values: readonly string[]): string => {
    const filled = Buffer.concat([headers, message]);
    fillIn(filled, blanks, values);
    return filled.toString('latin1');
  };
  const atOnce = `${(await signMessage(unsigned)).headers.toString('latin1')}${message.toString('latin1')}`;
  return {
    atOnce,
    here: filledWith(blanks.map(valueOf)),
    pool: filledWith(await make()),
    count: blanks.length,
    areQuick,
  };
}

test.each([['rsa'], ['ed'], ['rsa', 'ed'], ['ed', 'rsa', 'other'], ['odd'], ['small', 'odd'], ['ed', 'large']])(
  'signatures that were left blank are, filled in, those that are made at once: %s %s %s',
  async (...names) => {
    const { atOnce, here, pool, count } = await eachWay(keysOf(...names), MESSAGE);
    expect([here, pool]).toEqual([atOnce, atOnce]);
    expect(count).toBe(names.length);
  },
);

test('so they are with a selector of any length, which moves the folds', async () => {
  for (let length = 1; length <= 63; length++) {
    const dkim = ['rsa', 'ed'].map((key) => ({ selector: 'x'.repeat(length), key }));
    const { atOnce, here } = await eachWay({ 'example.com': { dkim } }, MESSAGE);
    expect(here).toBe(atOnce);
  }
});

test.each([
  { names: ['rsa', 'ed'], quick: true },
  { names: ['ed', 'rsa', 'other'], quick: true },
  { names: ['ed', 'large'], quick: false },
  { names: ['rsa', 'odd', 'small'], quick: false },
])('whether a thread that does something else may make them: $names $quick', async ({ names, quick }) => {
  expect((await eachWay(keysOf(...names), MESSAGE)).areQuick).toBe(quick);
});

test('a value for which the place is not made is an error', async () => {
  const blank = { text: 'x', algorithm: 'ed25519-sha256', key: keys.ed, at: 0, length: 84 } as const;
  expect(() => valueOf(blank)).toThrow('a signature of 88 characters for a place of 84');
});

describe('with somebody who makes values that are quick to make', () => {
  test('they are made there, and all others on the thread pool', async () => {
    const asked: (readonly string[])[] = [];
    const makeValues: MakeValues = async (blanks) => {
      asked.push(blanks.map(({ algorithm }) => algorithm));
      return blanks.map(valueOf);
    };
    for (const names of [['rsa', 'ed'], ['large']]) {
      const unsigned = await unsignedBy(keysOf(...names));
      const { headers } = await signMessage(unsigned);
      expect((await signMessage({ ...unsigned, makeValues })).headers).toEqual(headers);
    }
    expect(asked).toEqual([['rsa-sha256', 'ed25519-sha256']]);
  });

  test('the thread pool makes them where nobody does any more', async () => {
    const unsigned = await unsignedBy(keysOf('rsa', 'ed'));
    const makeValues = (): Promise<never> => Promise.reject(new Error('the thread that signs ended'));
    expect(await signMessage({ ...unsigned, makeValues })).toEqual(await signMessage(unsigned));
  });
});
