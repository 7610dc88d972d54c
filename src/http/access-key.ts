/**
 * Access keys, as programs have them that sign their requests (AWS Signature Version 4). Checking a signature takes the
 * secret itself. It is kept nowhere: it is made again of the key's id and a key of the installation. Pure.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Random } from '../ports.ts';

/** As a token keeps one: nothing of it is secret. */
export type AccessKey = {
  readonly id: string;
  /** Which key of the installation its secret is made with: `madeWith`. */
  readonly madeWith: string;
};

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const ID_LETTERS = 16;
const SECRET_BYTES = 30;

/** 20 capitals and digits, the length that programs know; 80 of its bits are random. */
export function newAccessKeyId(random: Random): string {
  return `RLVA${[...random.bytes(ID_LETTERS)].map((byte) => ALPHABET.charAt(byte % 32)).join('')}`;
}

/** Whether a text has the form of an id of ours. */
export function isAccessKeyId(text: string): boolean {
  return /^RLVA[A-Z2-7]{16}$/.test(text);
}

/** 40 characters. Without `key` nobody can tell it, whatever other secrets he knows. */
export function secretAccessKey(key: Buffer, id: string): string {
  return createHmac('sha256', key)
    .update(`relevo access key ${id}`)
    .digest()
    .subarray(0, SECRET_BYTES)
    .toString('base64');
}

/** Tells keys of the installation apart, and nothing of them. */
export function madeWith(key: Buffer): string {
  return createHash('sha256').update('relevo access keys\0').update(key).digest('hex').slice(0, 16);
}

/** @returns null: the key that it was made with is not among them any more */
export function secretOf(accessKey: AccessKey, keys: readonly Buffer[]): string | null {
  const key = keys.find((one) => madeWith(one) === accessKey.madeWith);
  return key === undefined ? null : secretAccessKey(key, accessKey.id);
}
