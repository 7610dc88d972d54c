/** Which delivery an event of a provider is about, from what the provider was told of the message and from its history. Pure. */
import type { MessageEvent } from '../../message/event.ts';
import { type DeliveryId, messageIdOf, type MessageId, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { sentIn } from '../came-back.ts';
import type { ProviderEvent } from './provider-event.ts';

/** By which names exits tell providers of a message (custom arguments, tags). */
export type TagNames = {
  readonly message: string;
  readonly delivery: string;
  /** What a provider says as a delivery, in the form of its id. */
  readonly deliveryOf: (value: string) => string;
};

/** null: the provider was not told, or does not say. */
export type Named = { readonly messageId: MessageId; readonly deliveryId: DeliveryId | null };

export function namedIn({ tags }: Pick<ProviderEvent, 'tags'>, names: TagNames): Named | null {
  const deliveryId = parseDeliveryId(names.deliveryOf(tags[names.delivery] ?? ''));
  if (deliveryId !== null) return { messageId: messageIdOf(deliveryId), deliveryId };
  const messageId = parseMessageId(tags[names.message] ?? '');
  return messageId === null ? null : { messageId, deliveryId: null };
}

/** One delivery, and those of its recipients that an event is about, as the message has them. */
export type Place = {
  readonly deliveryId: DeliveryId;
  readonly domain: string;
  readonly recipients: readonly string[];
  /** The exit that tried it last among those that may be meant; null: none has, so far as is recorded. */
  readonly egress: string | null;
};

/**
 * @param deliveryId null: whichever has the recipients
 * @param isMeant whether an exit may be the one that the provider speaks of
 * @returns null: it has no such recipient, or went by other exits only
 */
export function placeIn(
  story: MessageStory,
  event: Pick<ProviderEvent, 'recipients'>,
  { deliveryId, isMeant }: { readonly deliveryId: DeliveryId | null; readonly isMeant: (egress: string) => boolean },
): Place | null {
  for (const id of deliveryId === null ? deliveriesOf(story) : [deliveryId]) {
    const sent = sentIn(story, id);
    const recipients = sent === null ? [] : recipientsMeant(event.recipients, sent.recipients);
    if (sent === null || recipients.length === 0) continue;
    const exits = story.events.flatMap((one) => (isAttemptOf(one, id) ? [one.attempt.egress] : []));
    const egress = exits.findLast(isMeant) ?? null;
    const isQueued = story.queued.some(({ delivery }) => delivery.id === id);
    // An attempt is recorded once it is over: what is queued may be under way by another exit by now.
    if (egress === null && exits.length > 0 && !isQueued) continue;
    return { deliveryId: id, domain: sent.domain, recipients, egress };
  }
  return null;
}

function isAttemptOf(event: MessageEvent, id: DeliveryId): event is MessageEvent & { readonly event: 'attempted' } {
  return event.event === 'attempted' && event.deliveryId === id;
}

function deliveriesOf({ events, queued }: MessageStory): readonly DeliveryId[] {
  const found = events.flatMap((event) => ('deliveryId' in event ? [event.deliveryId] : []));
  return [...new Set([...found, ...queued.map(({ delivery }) => delivery.id)])];
}

/** Providers may fold the case of an address. */
function recipientsMeant(said: readonly string[], recipients: readonly string[]): string[] {
  const exact = new Set(said);
  const folded = new Set(said.map((address) => address.toLowerCase()));
  const meant = recipients.filter((address) => exact.has(address));
  return meant.length > 0 ? meant : recipients.filter((address) => folded.has(address.toLowerCase()));
}
