import { randomInt } from 'node:crypto';

/** Without characters that are taken for one another, and none that a shell or a policy file would need quoted. */
const ALPHABET = '23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ';

/** 24 random characters, 139 bits. */
export function newPassword(): string {
  return Array.from({ length: 24 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}
