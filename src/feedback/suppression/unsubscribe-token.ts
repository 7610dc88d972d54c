/**
 * The address by which one recipient unsubscribes from one client's mail of one stream (RFC 8058 §3.1). It says all of that
 * itself and is signed, so that it works for as long as the mail lies in somebody's mailbox, and nobody can make one up.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type MessageId, parseMessageId } from '../../message/ids.ts';
import type { Policy } from '../../policy/schema.ts';
import type { VerpKeys } from '../verp.ts';

export type UnsubscribeToken = {
  readonly messageId: MessageId;
  readonly client: string;
  readonly stream: string;
  /** As in `Recipient`. */
  readonly address: string;
};

/** Where such addresses begin, below `http.publicUrl`. */
export const UNSUBSCRIBE_PATH = '/unsubscribe/';

/** 128 bits: it stands open on the web. */
const SIGNATURE_BYTES = 16;
/** More than any that was made: an address has 320 characters at most, names 64. */
const LONGEST = 1_000;

/** @returns what makes the address for a token; null: there is no key, or nobody could reach it from outside */
export function unsubscribeUrl(needs: {
  readonly policy: () => Policy;
  /** null: they cannot be had. */
  readonly keys: () => VerpKeys | null;
}): (token: UnsubscribeToken) => string | null {
  return (token) => {
    const { publicUrl } = needs.policy().http;
    const keys = needs.keys();
    return publicUrl === null || keys === null
      ? null
      : `${publicUrl}${UNSUBSCRIBE_PATH}${unsubscribeToken(token, keys)}`;
  };
}

/** @param keys the first signs; never empty */
export function unsubscribeToken({ messageId, client, stream, address }: UnsubscribeToken, keys: VerpKeys): string {
  const [key] = keys;
  if (key === undefined) throw new Error('there is no key to sign with');
  const claim = Buffer.from([messageId, client, stream, address].join('\0')).toString('base64url');
  return `${claim}.${signatureOf(claim, key).toString('base64url')}`;
}

/** null: it was not signed with any of the keys. */
export function readUnsubscribeToken(text: string, keys: VerpKeys): UnsubscribeToken | null {
  const match = text.length > LONGEST ? null : /^([\w-]+)\.([\w-]{22})$/.exec(text);
  if (match === null) return null;
  const [, claim = '', signature = ''] = match;
  const given = Buffer.from(signature, 'base64url');
  if (!keys.some((key) => timingSafeEqual(given, signatureOf(claim, key)))) return null;
  const [id = '', client, stream, address] = Buffer.from(claim, 'base64url').toString().split('\0');
  const messageId = parseMessageId(id);
  if (messageId === null || client === undefined || stream === undefined || address === undefined) return null;
  return { messageId, client, stream, address };
}

function signatureOf(claim: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`relevo unsubscribe\0${claim}`).digest().subarray(0, SIGNATURE_BYTES);
}
