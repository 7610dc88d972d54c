/** Unsubscribes whoever clicked: what a link says is kept, and becomes part of the history (RFC 8058 §3.2). */
import { deliveryIdOf } from '../../message/ids.ts';
import { domainOf } from '../../message/address.ts';
import { type CameBack, ofMail } from '../../message/event.ts';
import type { Emit } from '../../ports.ts';
import type { Spool } from '../../spool/spool.ts';
import { keepLesson, type LearnNeeds } from './learn.ts';
import { ONE_CLICK } from './lessons.ts';
import type { UnsubscribeToken } from './unsubscribe-token.ts';

export type UnsubscribeNeeds = Omit<LearnNeeds, 'spool'> & {
  readonly spool: Pick<Spool, 'story' | 'note'>;
  readonly emit: Emit;
};

/**
 * Durable once it resolves, and the same when it comes again. It works for as long as somebody has the link: without the
 * message's history there is no event in it, and the address is suppressed all the same. Rejects where the store fails.
 */
export async function unsubscribe(needs: UnsubscribeNeeds, token: UnsubscribeToken): Promise<void> {
  const { policy, spool, clock, emit } = needs;
  const { messageId, client, stream, address } = token;
  const atMs = clock.nowMs();
  const { keepMs, scope } = policy().suppression.unsubscribes;
  // The link promised it, whatever the policy says since.
  const kept = { keepMs, scope: scope === 'off' ? ('stream' as const) : scope };
  const lesson = { addresses: [address], messageId, evidence: `message ${messageId}`, source: ONE_CLICK, atMs };
  await keepLesson(needs, lesson, { mail: { client, stream }, why: { reason: 'unsubscribe', kept } });
  const story = await spool.story(messageId);
  const isKnown = story?.events.some((event) => event.event === 'unsubscribed' && event.source === ONE_CLICK);
  if (isKnown === true) return;
  const event: CameBack = {
    event: 'unsubscribed',
    source: ONE_CLICK,
    detail: '',
    egress: null,
    atMs,
    messageId,
    // Such a link is in mail with one recipient only.
    deliveryId: deliveryIdOf(messageId, 1),
    domain: domainOf(address),
    recipients: [address],
  };
  if (story !== null) await spool.note([event]);
  emit(story === null ? event : ofMail(event, story.message));
}
