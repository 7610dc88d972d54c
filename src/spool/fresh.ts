import type { Delivery } from '../message/delivery.ts';
import { deliveryIdOf } from '../message/ids.ts';
import type { LeasedDelivery, Submission } from './spool.ts';

/** What a submission that was just accepted leases to its acceptor. @param tokenOf of each of them, counted from 0 */
export function freshlyLeased(
  { message, deliveries }: Submission,
  tokenOf: (place: number) => number,
): readonly LeasedDelivery[] {
  const leased: LeasedDelivery[] = [];
  for (const [place, fresh] of deliveries.entries()) {
    if (fresh.leaseUntilMs === null) continue;
    const delivery: Delivery = {
      id: deliveryIdOf(message.id, place + 1),
      messageId: message.id,
      domain: fresh.domain,
      recipients: fresh.recipients,
      client: message.client,
      stream: message.stream,
      priority: message.priority,
      state: 'queued',
      attempts: 0,
      createdAtMs: message.receivedAtMs,
      dueAtMs: fresh.dueAtMs,
      warnedAtMs: null,
      lastReply: null,
      lastEgress: null,
    };
    leased.push({ delivery, message, lease: { token: tokenOf(leased.length), untilMs: fresh.leaseUntilMs } });
  }
  return leased;
}
