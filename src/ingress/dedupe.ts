/** The digest by which a resend is known (RFC 5321 §4.5.4.1: a client that saw no reply sends the message again). */
import { createHash } from 'node:crypto';
import type { Submission } from '../spool/spool.ts';
import type { Canonical } from './canonical.ts';
import type { Incoming } from './receive.ts';

export type Resendable = {
  readonly client: string;
  /** As submitted: without one, two messages that look alike are two messages. */
  readonly messageId: string;
  readonly recipients: readonly string[];
  /** As submitted. Must not change until the promise settles. */
  readonly body: Buffer;
};

/** How a message is known that came with a name of its sender's choice (`Idempotency-Key`). */
export type Once = {
  /** A digest of that name, and of whoever chose it. */
  readonly key: string;
  readonly windowMs: number;
  /** 10 bytes that stand in its id for chance: by them it is seen whether a resend is of the same message. */
  readonly entropy: Uint8Array;
};

/** A resend within this time gets the first answer. */
const WINDOW_MS = 3_600_000;

const SLICE_BYTES = 1024 * 1024;

/** Hashes large bodies in slices, so that no other session waits. */
export async function dedupeKey({ client, messageId, recipients, body }: Resendable): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${client}\0${messageId}\0${recipients.toSorted().join('\0')}\0\0`);
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(body.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest('base64url');
}

/** What the spool knows a resend of it by; null: nothing tells it from another message. */
export async function dedupeOf(
  { client, recipients, once }: Pick<Incoming, 'client' | 'recipients' | 'once'>,
  { submittedMessageId, body }: Pick<Canonical, 'submittedMessageId' | 'body'>,
): Promise<Submission['dedupe']> {
  if (once !== undefined) return { key: once.key, windowMs: once.windowMs };
  if (submittedMessageId === null) return null;
  const addresses = recipients.map(({ address }) => address);
  const resendable = { client: client.name, messageId: submittedMessageId, recipients: addresses, body };
  return { key: await dedupeKey(resendable), windowMs: WINDOW_MS };
}
