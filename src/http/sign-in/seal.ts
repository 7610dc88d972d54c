/** What is kept so that whoever reads the store alone has nothing of it: AES-256-GCM, with the key elsewhere. Pure but for the nonce. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Random } from '../../ports.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORM = /^sealed\.1\.([0-9a-f]{16})\.([A-Za-z0-9_-]+)$/;

/** @param of `about` is whose it is: for another it cannot be opened; `key` has 32 bytes */
export function seal(
  text: string,
  { key, about, random }: { readonly key: Buffer; readonly about: string; readonly random: Random },
): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(about));
  const kept = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `sealed.1.${keyName(key)}.${kept.toString('base64url')}`;
}

/** @returns null: none of these keys opens it for that one; a text that is not sealed as it is */
export function unseal(
  kept: string,
  { keys, about }: { readonly keys: readonly Buffer[]; readonly about: string },
): string | null {
  const [, name, packed = ''] = FORM.exec(kept) ?? [];
  if (name === undefined) return kept;
  const key = keys.find((one) => keyName(one) === name);
  const bytes = Buffer.from(packed, 'base64url');
  if (key === undefined || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString();
  } catch {
    return null;
  }
}

/** Whether it is sealed with that very key. */
export function isSealedWith(kept: string, key: Buffer): boolean {
  return FORM.exec(kept)?.[1] === keyName(key);
}

/** Tells keys apart, and nothing of them. */
function keyName(key: Buffer): string {
  return createHash('sha256').update('relevo seal\0').update(key).digest('hex').slice(0, 16);
}
