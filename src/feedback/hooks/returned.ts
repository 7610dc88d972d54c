/** What senders hear by mail of a provider's bounces: the provider had taken the message, so nothing told them yet. */
import type { CameBack, MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import type { Notice } from '../../message/notice.ts';
import type { MessageStory } from '../../spool/spool.ts';

/** Resolves once the report is durable. The same news twice is one report. @returns null: nobody is told */
export type TellReturned = (notice: Notice) => Promise<MessageId | null>;

type BouncedLater = CameBack & { readonly event: 'bounced-later' };

/**
 * Tells the sender of a bounce that is not noted yet.
 * @param earlier all that is known of the message
 * @returns the event with its report: one that told of these recipients before, or a new one
 */
export async function toldOf(
  event: BouncedLater,
  {
    story,
    earlier,
    tell,
    nowMs,
  }: {
    readonly story: MessageStory;
    readonly earlier: readonly MessageEvent[];
    readonly tell: TellReturned;
    readonly nowMs: number;
  },
): Promise<BouncedLater> {
  const before = earlier.find((one) => hasTold(one, event));
  if (before !== undefined) return { ...event, report: before.report };
  const recipients = event.recipients.filter((address) => wantsToHear(story, event, address));
  if (recipients.length === 0) return event;
  const { reply, host, deliveryId } = event;
  const report = await tell({
    kind: 'returned',
    message: story.message,
    deliveryId,
    recipients: recipients.map((address) => ({ recipient: { address, notify: null, orcpt: null }, reply, host })),
    atMs: nowMs,
    retryUntilMs: null,
    content: null,
  });
  return { ...event, report };
}

/** By this webhook under another name, or by a report that came to the return path. */
function hasTold(one: MessageEvent, { deliveryId, recipients }: BouncedLater): one is BouncedLater {
  if (one.event !== 'bounced-later' || one.report === null || one.deliveryId !== deliveryId) return false;
  return recipients.every((address) => one.recipients.includes(address));
}

/** Who still waits is told of by how that ends; an attempt that is under way is most likely the one that was taken. */
function wantsToHear({ events, queued }: MessageStory, { deliveryId }: BouncedLater, address: string): boolean {
  const isUnasked = events.some((one) => one.event === 'received' && one.unasked?.includes(address) === true);
  const isWaiting = queued.some(
    ({ delivery, leasedUntilMs }) =>
      leasedUntilMs === null &&
      delivery.id === deliveryId &&
      delivery.recipients.some((one) => one.address === address),
  );
  return !isUnasked && !isWaiting;
}
