/** What an event says of whether addresses are to be written to. Pure. */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { refusalOf } from '../../message/refusal.ts';
import { formatReply, type Reply } from '../../message/reply.ts';

/**
 * `hard-bounce`: there is no such address. `soft-bounce`: a message came to nothing for now. `alive`: it took a message.
 */
export type Lesson = {
  readonly kind: 'hard-bounce' | 'soft-bounce' | 'complaint' | 'unsubscribe' | 'alive';
  readonly addresses: readonly string[];
  readonly messageId: MessageId;
  readonly evidence: string;
  /** As in `Suppression`. */
  readonly source: string;
  readonly atMs: number;
};

/** Who unsubscribed by a link of the relay's own: that was kept before its event was made. */
export const ONE_CLICK = 'one-click';

/** null: it says nothing of them, or nothing new. */
export function lessonOf(event: MessageEvent): Lesson | null {
  switch (event.event) {
    case 'confirmed':
    case 'delivered':
      return lesson(event, { kind: 'alive', evidence: '', source: 'delivery' });
    case 'bounced':
    case 'expired':
      return bounce(event, event.reply, 'bounce');
    case 'bounced-later':
      return bounce(event, event.reply, event.source ?? 'bounce');
    case 'complained':
      return lesson(event, { kind: 'complaint', evidence: event.detail, source: event.source });
    case 'unsubscribed':
      if (event.source === ONE_CLICK) return null;
      return lesson(event, { kind: 'unsubscribe', evidence: event.detail, source: event.source });
    case 'answered':
    case 'attempted':
    case 'clicked':
    case 'deferred':
    case 'discarded':
    case 'held':
    case 'in-doubt':
    case 'opened':
    case 'put-off':
    case 'quarantined':
    case 'received':
    case 'released':
    case 'rescheduled':
    case 'retried':
    case 'suppressed':
    case 'warned':
      return null;
  }
}

type Of = { readonly recipients: readonly string[]; readonly messageId: MessageId; readonly atMs: number };

function lesson({ recipients, messageId, atMs }: Of, of: Pick<Lesson, 'kind' | 'evidence' | 'source'>): Lesson | null {
  return recipients.length === 0 ? null : { ...of, addresses: recipients, messageId, atMs };
}

function bounce(event: Of & { readonly event: string }, reply: Reply | null, source: string): Lesson | null {
  if (reply === null) return null;
  const evidence = formatReply(reply);
  if (event.event !== 'expired' && isHard(reply)) return lesson(event, { kind: 'hard-bounce', evidence, source });
  return isSoft(reply) ? lesson(event, { kind: 'soft-bounce', evidence, source }) : null;
}

/** RFC 3463 §3.2: no such system, a system that takes no mail (RFC 7505 §4.2). */
const NO_SYSTEM: ReadonlySet<string | null> = new Set(['1.2', '1.10']);

/** Nobody is there; never what is about the content, the sender or its address, or for now. */
function isHard(reply: Reply): boolean {
  if (reply.code < 500) return false;
  return refusalOf(reply) === 'unknown-user' || NO_SYSTEM.has(reply.detail);
}

/** It is about this mailbox, and may pass: it is full, or the server does not take mail for it now (RFC 3463 §3.2, §3.3). */
function isSoft(reply: Reply): boolean {
  const refusal = refusalOf(reply);
  if (refusal === 'mailbox-full') return true;
  return reply.code < 500 && refusal === 'other' && reply.detail !== null && /^[12]\./.test(reply.detail);
}
