import { domainOf } from '../message/address.ts';
import { deliveryIdOf } from '../message/ids.ts';
import type { Message, Recipient } from '../message/message.ts';
import { overQuotaReply } from '../message/over-quota.ts';
import { isPathPerRecipient } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { FreshDelivery, Handoff } from '../spool/handoff.ts';
import type { NewDelivery } from '../spool/spool.ts';
import type { Incoming } from './receive.ts';

/** `fresh`: those that are leased to this node; what the hand-off has room for is reserved. */
export type Deliveries = { readonly deliveries: readonly NewDelivery[]; readonly fresh: readonly FreshDelivery[] };

/**
 * One for each destination domain, or for each recipient where the return path is to name one; those that the hand-off has
 * room for are leased to this node at once.
 */
export function deliveriesOf(
  { incoming, message }: { readonly incoming: Incoming; readonly message: Message },
  { policy, handoff }: { readonly policy: Policy; readonly handoff: Pick<Handoff, 'reserve'> },
): Deliveries {
  const isEach = message.envelope.sender !== '' && isPathPerRecipient(policy, message.fromDomain);
  const deliveries: NewDelivery[] = [];
  const fresh: FreshDelivery[] = [];
  const { id, client, priority, sizeBytes } = message;
  const { heldFor = null } = incoming;
  const held = heldFor === null ? null : { leaseUntilMs: null, lastReply: overQuotaReply(heldFor) };
  const dueAtMs = Math.max(message.receivedAtMs, message.sendAtMs ?? 0);
  for (const [key, recipients] of grouped(incoming.recipients, isEach)) {
    const domain = isEach ? domainOf(key) : key;
    if (held !== null) {
      deliveries.push({ domain, recipients, dueAtMs, ...held });
      continue;
    }
    const deliveryId = deliveryIdOf(id, deliveries.length + 1);
    const delivery = { id: deliveryId, domain, client, priority, sizeBytes, dueAtMs };
    const leaseUntilMs = handoff.reserve(delivery);
    if (leaseUntilMs !== null) fresh.push(delivery);
    deliveries.push({ domain, recipients, dueAtMs, leaseUntilMs });
  }
  return { deliveries, fresh };
}

function grouped(recipients: readonly Recipient[], isEach: boolean): Map<string, Recipient[]> {
  const groups = new Map<string, Recipient[]>();
  for (const recipient of recipients) {
    const key = isEach ? recipient.address : domainOf(recipient.address);
    const others = groups.get(key);
    if (others === undefined) groups.set(key, [recipient]);
    else others.push(recipient);
  }
  return groups;
}
