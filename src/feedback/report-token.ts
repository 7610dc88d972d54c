/**
 * Fields of outgoing mail by which a complaint tells what it is about (RFC 5965): providers take the recipient and the return
 * path out of what they enclose, and leave the other fields. Signed with the keys of return paths, so that nobody can make one up.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type HeaderField, rawOf } from '../message/header.ts';
import { type MessageId, parseMessageId } from '../message/ids.ts';
import type { VerpKeys } from './verp.ts';

export const REPORT_TOKEN_FIELD = 'X-Report-Token';

/** 96 bits: more guesses than a mail server can be asked. */
const SIGNATURE_BYTES = 12;

export type ReportToken = {
  readonly messageId: MessageId;
  /** Days since 1970 (UTC) of when the message was first to be sent. */
  readonly day: number;
};

/** `ID-DAY-SIGNATURE`, in lower case. */
export function reportToken({ messageId, day }: ReportToken, keys: VerpKeys): string {
  const [key] = keys;
  if (key === undefined) throw new Error('there is no key to sign report tokens with');
  const claim = `${messageId.toLowerCase()}-${day.toString(36)}`;
  return `${claim}-${signatureOf(claim, key).toString('hex')}`;
}

/** null: no such token, or one that was not signed with any of the keys. */
export function readReportToken(text: string, keys: VerpKeys): ReportToken | null {
  const match = /^(([0-9a-z]{26})-([0-9a-z]{1,5}))-([0-9a-f]{24})$/.exec(text.trim().toLowerCase());
  if (match === null) return null;
  const [, claim = '', id = '', day = '', hex = ''] = match;
  const given = Buffer.from(hex, 'hex');
  const isSigned = keys.some((key) => timingSafeEqual(given, signatureOf(claim, key)));
  const messageId = parseMessageId(id);
  return isSigned && messageId !== null ? { messageId, day: Number.parseInt(day, 36) } : null;
}

/**
 * The fields for a message.
 * @param address where its complaints are taken (RFC 9477); null: nowhere, or it names an address of its own
 */
export function reportFields(token: string, address: string | null): readonly HeaderField[] {
  const fields = [{ name: REPORT_TOKEN_FIELD.toLowerCase(), raw: rawOf(`${REPORT_TOKEN_FIELD}: ${token}\r\n`) }];
  if (address === null) return fields;
  return [...fields, { name: 'cfbl-address', raw: rawOf(`CFBL-Address: ${address}; report=arf\r\n`) }];
}

function signatureOf(claim: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`relevo report token\0${claim}`).digest().subarray(0, SIGNATURE_BYTES);
}
