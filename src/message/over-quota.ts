/** Mail that waits for its client's quota, as its history says it. */
import type { Delivery } from './delivery.ts';
import { deliveryIdOf } from './ids.ts';
import type { MessageEvent } from './event.ts';
import type { Message, Recipient } from './message.ts';
import type { Reply } from './reply.ts';

/** How the reason of such a hold begins. */
export const HELD_OVER_QUOTA = 'over its quota';

/** @param rate the quota, as people write it */
export function overQuotaText(rate: string): string {
  return `${HELD_OVER_QUOTA} of ${rate}: it goes by itself, in its turn, as soon as there is room`;
}

/** The same as a list of the queue shows it. */
export function overQuotaReply(reason: string): Reply {
  return { code: 451, detail: '4.5', text: reason };
}

/** Whether a delivery was set aside for that, and nothing else came since: by what it was told last. */
export function waitsForQuota({ state, lastReply }: Pick<Delivery, 'state' | 'lastReply'>): boolean {
  return state === 'held' && lastReply?.text.startsWith(HELD_OVER_QUOTA) === true;
}

/** What its recipients are drawn from, of whatever window. */
export function quotaAccount(client: string): string {
  return `client:${client}`;
}

/** An event for each delivery of a message that is accepted as held. */
export function heldEvents(
  { id, receivedAtMs }: Pick<Message, 'id' | 'receivedAtMs'>,
  deliveries: readonly { readonly domain: string; readonly recipients: readonly Recipient[] }[],
  reason: string,
): (MessageEvent & { readonly event: 'held' })[] {
  return deliveries.map(({ domain, recipients }, place) => ({
    event: 'held',
    atMs: receivedAtMs,
    messageId: id,
    deliveryId: deliveryIdOf(id, place + 1),
    domain,
    recipients: recipients.map(({ address }) => address),
    reason,
  }));
}

/** Why a delivery is held, as the last hold says; null: it is not held, or nothing says it. */
export function heldReason(
  { id, state }: Pick<Delivery, 'id' | 'state'>,
  events: readonly MessageEvent[],
): string | null {
  if (state !== 'held') return null;
  const held = events.findLast((event) => event.event === 'held' && event.deliveryId === id);
  return held !== undefined && 'reason' in held ? held.reason : null;
}
