/**
 * Variable envelope return paths: the envelope sender names the delivery, so that whatever comes back tells by its address
 * what it is about. Signed, so that nobody can make one up.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type DeliveryId, parseDeliveryId } from '../message/ids.ts';

/** The first key signs; every key is believed, so that a new one can be put before the old ones. Never empty. */
export type VerpKeys = readonly Buffer[];

/** What a return path says. */
export type VerpToken = {
  readonly deliveryId: DeliveryId;
  /** Days since 1970 (UTC) of when the message was first to be sent: the same at every attempt. */
  readonly day: number;
};

export const DAY_MS = 86_400_000;

const PREFIX = 'b+';
/** 96 bits: more guesses than a mail server can be asked. */
const SIGNATURE_BYTES = 12;

/**
 * `b+ID-ORDINAL-DAY-SIGNATURE`: at most 64 octets (RFC 5321 §4.5.3.1.1), all in lower case, so that it survives servers
 * that fold the case of local parts.
 */
export function verpLocal({ deliveryId, day }: VerpToken, domain: string, keys: VerpKeys): string {
  const [key] = keys;
  if (key === undefined) throw new Error('there is no key to sign return paths with');
  const claim = `${deliveryId.toLowerCase().replace('.', '-')}-${day.toString(36)}`;
  return `${PREFIX}${claim}-${signatureOf(claim, domain, key).toString('hex')}`;
}

/** null: no such return path, or one that was not signed with any of the keys for this domain. Case does not count. */
export function readVerpLocal(local: string, domain: string, keys: VerpKeys): VerpToken | null {
  const match = /^b\+(([0-9a-z]{26})-([1-9][0-9]{0,5})-([0-9a-z]{1,5}))-([0-9a-f]{24})$/.exec(local.toLowerCase());
  if (match === null) return null;
  const [, claim = '', id = '', ordinal = '', day = '', hex = ''] = match;
  const given = Buffer.from(hex, 'hex');
  const isSigned = keys.some((key) => timingSafeEqual(given, signatureOf(claim, domain, key)));
  const deliveryId = parseDeliveryId(`${id}.${ordinal}`);
  return isSigned && deliveryId !== null ? { deliveryId, day: Number.parseInt(day, 36) } : null;
}

function signatureOf(claim: string, domain: string, key: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(`relevo return path\0${domain}\0${claim}`)
    .digest()
    .subarray(0, SIGNATURE_BYTES);
}
