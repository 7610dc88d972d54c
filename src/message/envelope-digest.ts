import { createHash } from 'node:crypto';

/** By which it is known that an envelope comes again: of its sender, and its recipients in whatever order. */
export function envelopeDigest(sender: string, recipients: readonly string[]): string {
  const text = [sender, ...recipients.toSorted()].join('\0');
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
