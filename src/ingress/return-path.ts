/** Mail to return paths (VERP): anybody may send it, and it is not relayed. */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock } from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';
import type { Reply } from '../message/reply.ts';
import type { LimitsPolicy } from '../policy/schema.ts';
import { REPLIES } from './replies.ts';

/**
 * Of one such message: what it says stands at its start. Servers that return the whole message may send as much as
 * clients; the rest of it is read and dropped.
 */
export const RETURNED_KEPT_BYTES = 1_000_000;
/** Of all that are being received at once, so that strangers leave the memory for messages to clients. */
export const RETURNED_MEMORY_BYTES = 40_000_000;

/** Whose mail comes back, and who takes it. */
export type ReturnPaths = {
  /** `known`: an address that the relay made and still believes. `unknown`: any other at a return-path domain. */
  judge(address: string): 'elsewhere' | 'unknown' | 'known';
  /** 2yz: it is durable, or nobody is to hear of it. Rejects where the spool fails. */
  take(returned: Returned): Promise<Reply>;
  /** Fields that a message gets so that complaints tell what they are about. Absent: none. */
  fieldsFor?(message: Marked): readonly HeaderField[];
};

/** A message, as far as it is known before it is signed. */
export type Marked = {
  readonly id: MessageId;
  readonly fromDomain: string | null;
  /** When it is first to be sent. */
  readonly firstAtMs: number;
  readonly fields: readonly HeaderField[];
};

export type Returned = {
  readonly address: string;
  readonly content: Buffer;
  /** It was longer, and its first `RETURNED_KEPT_BYTES` were kept, up to the end of a line. */
  readonly isCut: boolean;
  /** The trace field for it, in the form of `HeaderField.raw`. @param id under which it is passed on */
  readonly trace: (id: MessageId) => string;
};

/** Where there are none. */
export const NO_RETURN_PATHS: ReturnPaths = {
  judge: () => 'elsewhere',
  take: () => Promise.resolve(REPLIES.unknownRecipient),
};

/** What is wrong with the header of what came back, before anybody reads it; null: nothing. */
export function whyNotReturned(content: Buffer, { headerSizeBytes, receivedFields }: LimitsPolicy): Reply | null {
  const bodyAt = bodyOffsetOf(content);
  if (bodyAt > headerSizeBytes + 2) return REPLIES.headerTooBig;
  const { fields } = parseHeaderBlock(content.subarray(0, bodyAt));
  return fields.filter(({ name }) => name === 'received').length > receivedFields ? REPLIES.loop : null;
}
