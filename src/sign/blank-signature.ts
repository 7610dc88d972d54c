/** DKIM signatures but for their values, which are made, by whoever has the time, and written into their places later. */
import type { KeyObject } from 'node:crypto';

import { type DkimAlgorithm, signAtOnce, type SigningKey } from './signing-key.ts';

/** Can be sent to another thread. */
export type BlankSignature = {
  /** What is signed, one character a byte. */
  readonly text: string;
  readonly algorithm: DkimAlgorithm;
  readonly key: KeyObject;
  /** Where in the fields its value begins; folds may be in between. */
  readonly at: number;
  /** Of the value, in base64. */
  readonly length: number;
};

/** All signatures of a message but for their values. */
export type BlankSignatures = {
  /** The fields, to be put before the header section, as long as they will be; may be empty. */
  readonly headers: Buffer;
  readonly blanks: readonly BlankSignature[];
  /** Their values take so short a time that they may be made by a thread that does something else, too. */
  readonly areQuick: boolean;
  /** Makes the values, in order, on other threads. Rejects when the cryptography itself fails. */
  readonly make: () => Promise<readonly string[]>;
};

/** Makes quick values, in order. Rejects when it cannot (any more): the thread pool can. */
export type MakeValues = (blanks: readonly BlankSignature[]) => Promise<readonly string[]>;

/**
 * Whether one thread makes the signatures of all new mail. On two cores the thread pool takes one from whoever works anyway, and
 * waking two threads besides: it takes an eighth more CPU in all (docs/decisions/0042, 0044). On more, it makes several at a time.
 */
export function oneThreadSigns(cores: number): boolean {
  return cores <= 2;
}

/** Signatures with larger keys take milliseconds, and so do many: too long for a thread that others wait for. */
const MOST_RSA_BITS = 2048;
const MOST_RSA_KEYS = 2;

/** See `BlankSignatures.areQuick`. */
export function areQuick(keys: readonly SigningKey[]): boolean {
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
 * Makes the value, on the thread that calls. Again, it is the same: neither RSA (RFC 8017 §8.2) nor Ed25519 draws anything by lot.
 * @returns base64
 * @throws when the cryptography itself fails, or makes a value for which the place is not made
 */
export function valueOf({ text, algorithm, key, length }: BlankSignature): string {
  return fitting(signAtOnce(algorithm, key, Buffer.from(text, 'latin1')), length);
}

/** @throws when it is not of that length in base64 */
export function fitting(signature: Buffer, length: number): string {
  const value = signature.toString('base64');
  if (value.length !== length) throw new Error(`a signature of ${value.length} characters for a place of ${length}`);
  return value;
}

/** Writes all values into their places. @param content what begins with the fields */
export function fillIn(content: Uint8Array, blanks: readonly BlankSignature[], values: readonly string[]): void {
  for (const [place, { at }] of blanks.entries()) writeValue(content, at, values[place] ?? '');
}

/** Around the folds. */
function writeValue(message: Uint8Array, at: number, value: string): void {
  let place = at;
  for (let index = 0; index < value.length; index++) {
    while (isFold(message[place])) place += 1;
    message[place++] = value.charCodeAt(index);
  }
}

function isFold(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x0a;
}
