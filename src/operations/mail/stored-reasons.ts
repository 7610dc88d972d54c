import { expiryOf } from '../../message/expiry.ts';
import type { Message } from '../../message/message.ts';
import { formatReply } from '../../message/reply.ts';
import { isoTime } from '../../report/log-fields.ts';
import { isWaitText } from '../../schedule/window/groups.ts';
import type { MessageStory, QueuedDelivery } from '../../spool/spool.ts';

function* deadlineLines(message: Message): Generator<string> {
  const { deliverBy } = message;
  const expiresAtMs = expiryOf(message);
  if (expiresAtMs !== null) yield `expires at ${isoTime(expiresAtMs)}: not sent after that`;
  if (deliverBy?.mode === 'return') yield `is returned when not delivered by ${isoTime(deliverBy.atMs)}`;
  if (deliverBy?.mode === 'notify') yield `its sender is told when it is not delivered by ${isoTime(deliverBy.atMs)}`;
}

/** Why a delivery is where it is, as far as the store alone tells: a line each. */
export function* storedReasons({ delivery }: QueuedDelivery, story: MessageStory, nowMs: number): Generator<string> {
  if (delivery.state !== 'queued') {
    const wanted = delivery.state === 'held' ? 'held' : 'quarantined';
    const cause = story.events.findLast((event) => event.event === wanted && event.deliveryId === delivery.id);
    const reason = cause !== undefined && 'reason' in cause && cause.reason !== '' ? `: ${cause.reason}` : '';
    yield `${delivery.state}${reason}; \`relevo queue release ${delivery.id}\` lets it go`;
    return;
  }
  if (delivery.dueAtMs > nowMs) {
    const untried = delivery.lastEgress === null ? 'not tried yet' : 'no attempt counts yet';
    const after = delivery.attempts === 0 ? untried : `after attempt ${delivery.attempts}`;
    const { sendAtMs = 0 } = story.message;
    const isForExit = delivery.lastReply !== null && isWaitText(delivery.lastReply.text);
    if (sendAtMs > nowMs) yield `scheduled: not to be sent before ${isoTime(sendAtMs)}`;
    else if (isForExit) yield `waits for an exit (${after}), looked at again at ${isoTime(delivery.dueAtMs)} or sooner`;
    else yield `waits until ${isoTime(delivery.dueAtMs)} (${after})`;
  }
  yield* deadlineLines(story.message);
  if (delivery.lastReply !== null && delivery.attempts === 0) {
    // Words of the relay's own, or of an exit that failed: nothing that the destination said.
    yield `put off: ${formatReply(delivery.lastReply)}`;
  } else if (delivery.lastReply !== null) {
    const egress = delivery.lastEgress === null ? '' : ` by ${delivery.lastEgress}`;
    yield `the last attempt${egress} got: ${formatReply(delivery.lastReply)}`;
  }
}
