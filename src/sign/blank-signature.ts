/** A DKIM signature but for its value, which whoever stores the message makes and writes into its place. */
import type { KeyObject } from 'node:crypto';

import { type DkimAlgorithm, signAtOnce, type SigningKey } from './signing-key.ts';

/** Can be sent to another thread. */
export type BlankSignature = {
  /** What is signed, one character a byte. */
  readonly text: string;
  readonly algorithm: DkimAlgorithm;
  readonly key: KeyObject;
  /** Where in the message its value begins; folds may be in between. */
  readonly at: number;
  /** Of the value, in base64. */
  readonly length: number;
};

/** Signatures with larger keys take milliseconds, and so do many: too long for a thread that others wait for. */
const MOST_RSA_BITS = 2048;
const MOST_RSA_KEYS = 2;

/** Whether all of them together sign in so short a time that it may be left to a thread that does something else, too. */
export function mayBeBlank(keys: readonly SigningKey[]): boolean {
  const bits = keys.flatMap(({ rsaBits }) => rsaBits ?? []);
  return bits.length <= MOST_RSA_KEYS && bits.every((one) => one <= MOST_RSA_BITS);
}

/** What stands in for a value, which is as long. */
export function blankValue({ rsaBits }: SigningKey): string {
  const bytes = rsaBits === null ? ED25519_BYTES : Math.ceil(rsaBits / 8);
  return 'A'.repeat(Math.ceil(bytes / 3) * 4);
}

const ED25519_BYTES = 64;

/** Where the value of a `DKIM-Signature` field begins, which has a blank one. */
export function blankAt(field: string): number {
  return field.lastIndexOf(' b=') + ' b='.length;
}

/**
 * Makes the value, on the thread that calls, and writes it into the message. Again, it writes the same.
 * @returns the value, base64
 * @throws when the cryptography itself fails, or makes a value for which the place is not made; nothing has been written then
 */
export function fillIn(message: Uint8Array, { text, algorithm, key, at, length }: BlankSignature): string {
  const value = signAtOnce(algorithm, key, Buffer.from(text, 'latin1')).toString('base64');
  if (value.length !== length) throw new Error(`a signature of ${value.length} characters for a place of ${length}`);
  writeValue(message, at, value);
  return value;
}

/** Writes a value into its place, around the folds. @param at as in `BlankSignature` */
export function writeValue(message: Uint8Array, at: number, value: string): void {
  let place = at;
  for (let index = 0; index < value.length; index++) {
    while (isFold(message[place])) place += 1;
    message[place++] = value.charCodeAt(index);
  }
}

function isFold(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x0a;
}
