/** What becomes of deliveries without an attempt: put off, expired, bounced by an operator, set aside. Pure. */
import type { FinalState } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import { formatReply } from '../../message/reply.ts';
import type { LeasedDelivery, Settlement } from '../../spool/spool.ts';
import { lateEnd, lateReply } from './deadline.ts';
import { noticeMaker } from './notices.ts';
import { cutToDeadlines, deadlinesOf } from './retry.ts';
import { aboutOf, warningsOf, type Plan, type Terms } from './settlement.ts';

export type UntriedTerms = Pick<Terms, 'nowMs' | 'ageMs' | 'retry' | 'deadline' | 'content'>;

/**
 * Not now, for a reason of the relay's own: no try is used up. When the delivery's time is over, it expires instead.
 * @param delayMs until it comes up again; cut so that expiry and the delay notice come in time
 */
export function putOff(
  leased: LeasedDelivery,
  terms: UntriedTerms,
  { delayMs, reply }: { readonly delayMs: number; readonly reply: Reply },
): Plan {
  const { delivery } = leased;
  const deadlines = deadlinesOf(terms.retry, { ageMs: terms.ageMs, warned: delivery.warnedAtMs !== null });
  if (deadlines.expiresInMs <= 0) return expired(leased, terms, delivery.lastReply ?? reply);
  const dueAtMs = terms.nowMs + cutToDeadlines(delayMs, deadlines);
  const warns = deadlines.warnsInMs !== null && deadlines.warnsInMs <= 0;
  const about = aboutOf(leased, terms.nowMs);
  const recipients = delivery.recipients.map((recipient) => ({
    recipient,
    reply: delivery.lastReply ?? reply,
    host: null,
  }));
  const notices = warns ? noticeMaker(leased, terms)('delayed', recipients) : [];
  // What a server said last is worth more than that we wait; and the same news is not written twice.
  const isNews = delivery.attempts === 0 && delivery.refusedBy === undefined && delivery.lastReply?.text !== reply.text;
  const addresses = delivery.recipients.map(({ address }) => address);
  return {
    settlement: {
      ...unfinished(leased, terms.nowMs),
      rest: {
        ...restOf(leased),
        dueAtMs,
        lastReply: isNews ? reply : delivery.lastReply,
        warnedAtMs: warns ? terms.nowMs : delivery.warnedAtMs,
      },
      events: [
        ...(isNews ? [{ event: 'deferred' as const, dueAtMs, reason: formatReply(reply), ...about(addresses) }] : []),
        ...warningsOf(notices, about),
      ],
    },
    notices,
  };
}

/** Its time is over: by the policy's plan, or by its own end. @param reply what was said last; null: nothing */
export function expired(leased: LeasedDelivery, terms: UntriedTerms, reply: Reply | null): Plan {
  const { deadline = null } = terms;
  if (deadline === null || deadline.leftMs > 0) return ended(leased, terms, { state: 'expired', reply });
  return ended(leased, terms, { state: lateEnd(deadline), reply: lateReply(deadline, reply) });
}

/** All recipients' stories end, and those who asked are told; of what is discarded nobody is. */
export function ended(
  leased: LeasedDelivery,
  terms: UntriedTerms,
  { state, reply }: { readonly state: Exclude<FinalState, 'delivered' | 'suppressed'>; readonly reply: Reply | null },
): Plan {
  const { delivery } = leased;
  const recipients = delivery.recipients.map((recipient) => ({ recipient, reply, host: null }));
  const addresses = delivery.recipients.map(({ address }) => address);
  return {
    settlement: {
      ...unfinished(leased, terms.nowMs),
      finished: addresses.map((address) => ({ address, state })),
      rest: restOf(leased),
      events: [{ event: state, reply, egress: delivery.lastEgress, ...aboutOf(leased, terms.nowMs)(addresses) }],
    },
    notices:
      state === 'discarded' ? [] : noticeMaker(leased, terms)(state === 'expired' ? state : 'failed', recipients),
  };
}

/**
 * These recipients are not written to any more: their stories end, and those who asked are told, as of a bounce. The others
 * are due as before.
 */
export function withoutSuppressed(
  leased: LeasedDelivery,
  terms: UntriedTerms,
  replies: ReadonlyMap<string, Reply>,
): Plan {
  const about = aboutOf(leased, terms.nowMs);
  const ending = leased.delivery.recipients.flatMap((recipient) => {
    const reply = replies.get(recipient.address);
    return reply === undefined ? [] : [{ recipient, reply, host: null }];
  });
  const byReply = Map.groupBy(ending, ({ reply }) => formatReply(reply));
  return {
    settlement: {
      ...unfinished(leased, terms.nowMs),
      finished: ending.map(({ recipient }) => ({ address: recipient.address, state: 'suppressed' })),
      rest: restOf(leased),
      events: [...byReply.values()].flatMap((some) => {
        const [first] = some;
        const addresses = some.map(({ recipient }) => recipient.address);
        return first === undefined
          ? []
          : [{ event: 'suppressed' as const, reply: first.reply, egress: null, ...about(addresses) }];
      }),
    },
    notices: noticeMaker(leased, terms)('failed', ending),
  };
}

/** Its content cannot be trusted: kept for an operator, neither sent nor lost. */
export function setAside(leased: LeasedDelivery, nowMs: number, reason: string): Plan {
  const addresses = leased.delivery.recipients.map(({ address }) => address);
  return {
    settlement: {
      ...unfinished(leased, nowMs),
      rest: { ...restOf(leased), state: 'quarantined' },
      events: [{ event: 'quarantined', reason, ...aboutOf(leased, nowMs)(addresses) }],
    },
    notices: [],
  };
}

const UNWRITTEN = 'what came of its last attempt could not be written: waits for an operator';

/** Kept for an operator. Default: what came of it cannot be written, and it is not to be sent over and over. */
export function holdBack(leased: LeasedDelivery, nowMs: number, reason: string = UNWRITTEN): Plan {
  const addresses = leased.delivery.recipients.map(({ address }) => address);
  return {
    settlement: {
      ...unfinished(leased, nowMs),
      rest: { ...restOf(leased), state: 'held' },
      events: [{ event: 'held', reason, ...aboutOf(leased, nowMs)(addresses) }],
    },
    notices: [],
  };
}

function unfinished({ delivery, lease }: LeasedDelivery, nowMs: number): Omit<Settlement, 'rest' | 'events'> {
  return { deliveryId: delivery.id, token: lease.token, atMs: nowMs, finished: [] };
}

/** What becomes of those who are left: nothing. */
export function restOf({ delivery }: LeasedDelivery): Settlement['rest'] {
  const { dueAtMs, attempts, lastReply, lastEgress, refusedBy, doubtBy, warnedAtMs, state } = delivery;
  return {
    dueAtMs,
    attempts,
    lastReply,
    lastEgress,
    ...(refusedBy === undefined ? {} : { refusedBy }),
    ...(doubtBy === undefined ? {} : { doubtBy }),
    warnedAtMs,
    state,
  };
}
