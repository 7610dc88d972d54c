/** Ids: 26 Crockford base32 characters (48 bits of time in ms, 80 random bits), so that they sort by age. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type MessageId = Branded<'MessageId'>;
/** `<message id>.<n>`: the n-th destination of the message, from 1. */
export type DeliveryId = Branded<'DeliveryId'>;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * @param nowMs wall time, at most 48 bits
 * @param entropy at least 10 random bytes
 */
export function newMessageId(nowMs: number, entropy: Uint8Array): MessageId {
  let id = '';
  let time = nowMs;
  for (let i = 0; i < 10; i++) {
    id = ALPHABET.charAt(time % 32) + id;
    time = Math.floor(time / 32);
  }
  for (let group = 0; group < 2; group++) {
    const offset = group * 5;
    let low = ((entropy[offset + 3] ?? 0) << 8) | (entropy[offset + 4] ?? 0);
    let high = ((entropy[offset] ?? 0) << 16) | ((entropy[offset + 1] ?? 0) << 8) | (entropy[offset + 2] ?? 0);
    // 40 bits as 8 characters: 24 high bits and 16 low bits meet in the fifth character.
    const bits = high * 65536 + low;
    high = Math.floor(bits / 2 ** 20);
    low = bits % 2 ** 20;
    for (const half of [high, low]) {
      for (let shift = 15; shift >= 0; shift -= 5) id += ALPHABET.charAt((half >> shift) & 31);
    }
  }
  return id as MessageId;
}

/** Accepts only what `newMessageId` makes; lower case is folded. */
export function parseMessageId(text: string): MessageId | null {
  const id = text.toUpperCase();
  return /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id) ? (id as MessageId) : null;
}

/** @param ordinal from 1 */
export function deliveryIdOf(messageId: MessageId, ordinal: number): DeliveryId {
  return `${messageId}.${ordinal}` as DeliveryId;
}

/** A message id, a dot and an ordinal from 1 without leading zeros; null for anything else. */
export function parseDeliveryId(text: string): DeliveryId | null {
  const [message, ordinal, ...rest] = text.split('.');
  const messageId = parseMessageId(message ?? '');
  if (messageId === null || rest.length > 0 || !/^[1-9][0-9]{0,5}$/.test(ordinal ?? '')) return null;
  return deliveryIdOf(messageId, Number(ordinal));
}

export function messageIdOf(delivery: DeliveryId): MessageId {
  return delivery.slice(0, 26) as MessageId;
}

/** When the id was made, ms since 1970: the inverse of the time in `newMessageId`. */
export function messageTimeMs(id: MessageId): number {
  let timeMs = 0;
  for (const digit of id.slice(0, 10)) timeMs = timeMs * 32 + ALPHABET.indexOf(digit);
  return timeMs;
}
