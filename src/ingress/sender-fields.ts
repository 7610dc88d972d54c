/** Whom a message says that it is from, where its readers see it. Pure. */
import type { Reply } from '../message/reply.ts';
import { type NamedClient, senderAllowed } from '../policy/admit.ts';
import type { Canonical } from './canonical.ts';
import { REPLIES } from './replies.ts';

/**
 * Why a client may not use these; null: it may. What cannot be read is only for clients that may send as anyone. Sender is
 * held to the same as From: mailbox programs show it ("on behalf of").
 */
export function whySenderDenied(
  { client }: NamedClient,
  { from, senders }: Pick<Canonical, 'from' | 'senders'>,
): Reply | null {
  const isAllowed = (addresses: readonly string[] | null): boolean =>
    addresses === null ? client.senders.includes('*') : addresses.every((address) => senderAllowed(client, address));
  if (!isAllowed(from)) return REPLIES.fromDenied;
  return isAllowed(senders) ? null : REPLIES.senderFieldDenied;
}
