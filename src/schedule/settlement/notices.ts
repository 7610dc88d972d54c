/** Who is to be told what of a delivery, as the sender asked (RFC 3461, RFC 2852). Pure. */
import { OWN_CLIENT, type Recipient } from '../../message/message.ts';
import type { Notice, NoticeKind, NoticeRecipient } from '../../message/notice.ts';
import type { FinalState } from '../../message/outcome.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { Fate, Terms, Told, TurnOutcome } from './settlement.ts';

/** What senders are to be told of a turn: of each end, and of the delay. */
export function noticesOf(
  turn: TurnOutcome,
  {
    fates,
    terms,
    delayed,
  }: { readonly fates: readonly Fate[]; readonly terms: Terms; readonly delayed: readonly Told[] },
): Notice[] {
  const notice = noticeMaker(turn.leased, terms);
  const of = (state: FinalState): Told[] => fates.flatMap((fate) => (fate.state === state ? [fate.told] : []));
  const isReported = ({ recipient: { notify }, reportsSuccess }: Told): boolean =>
    reportsSuccess && (notify?.includes('success') === true || !isTraced(turn.leased));
  const relayed = of('delivered').filter((told) => !isReported(told));
  return [
    ...notice('failed', of('bounced').map(noticeRecipient)),
    ...notice('expired', of('expired').map(noticeRecipient)),
    ...notice('relayed', relayed.map(noticeRecipient)),
    ...notice('delayed', delayed.map(noticeRecipient)),
  ];
}

function noticeRecipient({ recipient, outcome, host }: Told): NoticeRecipient {
  return { recipient, reply: outcome.reply, host: outcome.own === true ? null : host };
}

/** A notice of one kind to those who asked for it, or none. */
export function noticeMaker(
  { delivery, message }: LeasedDelivery,
  { nowMs, ageMs, retry, content }: Pick<Terms, 'nowMs' | 'ageMs' | 'retry' | 'content'>,
): (kind: NoticeKind, recipients: readonly NoticeRecipient[]) => Notice[] {
  return (kind, recipients) => {
    // Reports of our own ask for none (RFC 3461 §4.1); whether a postmaster hears of their end is the reporter's to say.
    const isOwn = message.client === OWN_CLIENT && (kind === 'failed' || kind === 'expired');
    // RFC 5321 §6.1: the null sender is told nothing.
    if (message.envelope.sender === '' && !isOwn) return [];
    const asked = isOwn
      ? recipients
      : recipients.filter(({ recipient }) => wants(recipient, kind, isTraced({ message })));
    if (asked.length === 0) return [];
    const retryUntilMs = kind === 'delayed' ? nowMs + Math.max(0, retry.expireMs - ageMs) : null;
    return [{ kind, message, deliveryId: delivery.id, recipients: asked, atMs: nowMs, retryUntilMs, content }];
  };
}

/** RFC 2852: the sender wants to hear to whom it was handed on. */
function isTraced({ message }: Pick<LeasedDelivery, 'message'>): boolean {
  return message.deliverBy?.trace === true;
}

/** RFC 3461 §4.1: without NOTIFY failure and delay are reported. */
function wants({ notify }: Recipient, kind: NoticeKind, traced: boolean): boolean {
  if (notify === 'never') return false;
  if (kind === 'relayed') return traced || notify?.includes('success') === true;
  if (notify === null) return true;
  return notify.includes(kind === 'delayed' ? 'delay' : 'failure');
}
