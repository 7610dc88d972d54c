/** The digest by which a resend is known (RFC 5321 §4.5.4.1: a client that saw no reply sends the message again). */
import { createHash } from 'node:crypto';

export type Resendable = {
  readonly client: string;
  /** As submitted: without one, two messages that look alike are two messages. */
  readonly messageId: string;
  readonly recipients: readonly string[];
  /** As submitted. Must not change until the promise settles. */
  readonly body: Buffer;
};

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
