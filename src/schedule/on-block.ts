/** What becomes of mail when a site refuses the address that it comes by: what `onBlock` says. Pure. */
import type { Delivery } from '../message/delivery.ts';
import { isBlock, refusalOf } from '../message/refusal.ts';
import type { Policy } from '../policy/schema.ts';
import { isWaitText } from './groups.ts';

/** By another exit, each once; if not, it waits for an operator. A stream that the policy no longer has moves. */
export function movesWhenBlocked({ streams }: Pick<Policy, 'streams'>, stream: string): boolean {
  return !Object.hasOwn(streams, stream) || streams[stream]?.onBlock !== 'hold';
}

/** Whether the site refused that exit's address at the last attempt. */
export function isBlockedBefore({ lastReply, lastEgress }: Delivery, exit: string): boolean {
  if (lastReply === null || lastEgress !== exit || isWaitText(lastReply.text)) return false;
  return isBlock(refusalOf(lastReply));
}
