/** What becomes of mail when a site refuses the address that it comes by: what `onBlock` says. Pure. */
import type { Delivery } from '../../message/delivery.ts';
import { isBlock, refusalOf } from '../../message/refusal.ts';
import type { Policy } from '../../policy/schema.ts';
import { isWaitText, type Refusals } from '../window/groups.ts';

/** By another exit, each once; if not, it waits for an operator. A stream that the policy no longer has moves. */
export function movesWhenBlocked({ streams }: Pick<Policy, 'streams'>, stream: string): boolean {
  return !Object.hasOwn(streams, stream) || streams[stream]?.onBlock !== 'hold';
}

/** The exits by which the site refused it, as far as the next choice goes around them. */
export function refusalsOf(policy: Pick<Policy, 'streams'>, delivery: Delivery): Refusals {
  const { stream, lastReply, lastEgress, refusedBy = [] } = delivery;
  if (!movesWhenBlocked(policy, stream)) return { refused: [], avoid: null };
  const isBlocked = lastReply !== null && !isWaitText(lastReply.text) && isBlock(refusalOf(lastReply));
  const avoid = isBlocked && lastEgress !== null && !refusedBy.includes(lastEgress) ? lastEgress : null;
  return { refused: refusedBy, avoid };
}
