/** Why exits are not asked again for a delivery while others may be had, in words. Pure. */
import type { Delivery } from '../../message/delivery.ts';
import type { MessageEvent } from '../../message/event.ts';
import { formatReply } from '../../message/reply.ts';

/** One line for each exit of `refusedBy`, with what its last attempt was told. None where it waits for an operator. */
export function refusedTexts(
  { id, state, refusedBy = [] }: Pick<Delivery, 'id' | 'state' | 'refusedBy'>,
  events: readonly MessageEvent[],
): readonly string[] {
  if (state !== 'queued') return [];
  return refusedBy.map((name) => {
    const last = events.findLast(
      (event) => event.event === 'attempted' && event.deliveryId === id && event.attempt.egress === name,
    );
    if (last?.event !== 'attempted') return `${name} refused it: other exits come first`;
    const { own, reply } = last.attempt;
    // In words of the relay's own: it was never offered to anybody.
    return own === true
      ? `${name} cannot carry it as it is (${formatReply(reply)}): other exits come first`
      : `its site refused the address of ${name} (${formatReply(reply)}): other exits come first`;
  });
}
