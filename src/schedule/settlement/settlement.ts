/** What becomes of a delivery: outcomes → one settlement and the notices that go with it. Pure. */
import type { DeliveryState } from '../../message/delivery.ts';
import type { MessageEvent } from '../../message/event.ts';
import type { Recipient } from '../../message/message.ts';
import type { Notice } from '../../message/notice.ts';
import type { FinalState, Outcome } from '../../message/outcome.ts';
import { formatReply } from '../../message/reply.ts';
import type { RetryPolicy } from '../../policy/schema.ts';
import type { LeasedDelivery, Settlement } from '../../spool/spool.ts';
import type { Conversation } from '../attempt/converse.ts';
import { ASK_AFTER_MS, askedInTime, doubtOf, givesTime } from '../attempt/doubt-left.ts';
import { isRateLimited, isUnfit } from '../attempt/verdict.ts';
import { type Deadline, lateEnd, lateReply } from './deadline.ts';
import { noticesOf } from './notices.ts';
import { cutToDeadlines, deadlinesOf, delayAfter, slowedDelayMs } from './retry.ts';

/** What a turn came to for one recipient. */
export type Told = {
  readonly recipient: Recipient;
  readonly outcome: Outcome;
  readonly egress: string;
  readonly host: string | null;
  /** The next hop took over the duty to report success (RFC 3461 §5.2.1). */
  readonly reportsSuccess: boolean;
  /**
   * The site refused the exit's address, and the story goes on whatever the reply: by another exit, as the plan
   * has it (by one that was asked, but did not refuse for good), or when an operator says so. Or the exit cannot carry it.
   */
  readonly waitsFor?: 'exit' | 'retry' | 'operator';
  /**
   * `asks`: in doubt, and the exit can be asked before the next attempt. `hears`: it cannot, and its webhook may tell.
   * `stays`: it was asked, and cannot say; it is held.
   */
  readonly doubt?: 'asks' | 'hears' | 'stays';
};

export type TurnOutcome = {
  readonly leased: LeasedDelivery;
  /** One a recipient of the delivery, in its order. */
  readonly told: readonly Told[];
  /** In the order in which they were held. */
  readonly conversations: readonly Conversation[];
  /** Whether the turn used up a try: false where nothing but exits of one's own failed. */
  readonly counted: boolean;
  /** When an uncounted turn may go on, ms from now. */
  readonly waitMs: number;
  /** As in `Delivery`, after the turn. Default: none. */
  readonly refusedBy?: readonly string[];
  /** As in `Delivery`, of an attempt before this turn. Default: none. */
  readonly doubtBy?: string;
};

export type Terms = {
  readonly nowMs: number;
  readonly ageMs: number;
  /** As it is for this message: no longer than its deadline. */
  readonly retry: RetryPolicy;
  /** Absent or null: it has none of its own. */
  readonly deadline?: Deadline | null;
  readonly onDoubt: 'retry' | 'hold';
  /** Uniform in [0, 1): jitter. */
  readonly fraction: number;
  readonly content: Buffer | null;
};

export type Plan = { readonly settlement: Settlement; readonly notices: readonly Notice[] };

/** `state`: how the recipient's story ends; null: it goes on. */
export type Fate = { readonly told: Told; readonly state: FinalState | null };

/** Every recipient of the delivery ends in exactly one place: finished, or in the rest. */
export function settlementOf(turn: TurnOutcome, terms: Terms): Plan {
  const { delivery } = turn.leased;
  const deadlines = deadlinesOf(terms.retry, { ageMs: terms.ageMs, warned: delivery.warnedAtMs !== null });
  const fates = turn.told.map((told): Fate => fateOf(askedInTime(told, deadlines.expiresInMs), { deadlines, terms }));
  const left = fates.flatMap(({ told, state }) => (state === null ? [told] : []));
  const attempts = delivery.attempts + (turn.counted ? 1 : 0);
  const delayMs = delayOf(left, { turn, terms, attempts });
  const dueAtMs = terms.nowMs + cutToDeadlines(delayMs, deadlines);
  // A delivery is tried as a whole: those who were only put off wait with the held, or these would go out once more.
  const state = left.some((told) => isHeld(told, terms)) ? 'held' : 'queued';
  const warns = left.length > 0 && deadlines.warnsInMs !== null && deadlines.warnsInMs <= 0 && state === 'queued';
  const notices = noticesOf(turn, { fates, terms, delayed: warns ? left : [] });
  const last = left.at(-1);
  return {
    settlement: {
      deliveryId: delivery.id,
      token: turn.leased.lease.token,
      atMs: terms.nowMs,
      finished: fates.flatMap(({ told, state: end }) =>
        end === null ? [] : [{ address: told.recipient.address, state: end }],
      ),
      rest: {
        dueAtMs,
        attempts,
        lastReply: last?.outcome.reply ?? delivery.lastReply,
        lastEgress: last?.egress ?? delivery.lastEgress,
        ...(turn.refusedBy === undefined || turn.refusedBy.length === 0 ? {} : { refusedBy: turn.refusedBy }),
        ...doubtOf(left, turn),
        warnedAtMs: warns ? terms.nowMs : delivery.warnedAtMs,
        state,
      },
      events: eventsOf(turn, { fates, terms, dueAtMs, state, notices }),
    },
    notices,
  };
}

/** What is late says so, whatever was said last. */
function fateOf(told: Told, of: Parameters<typeof endOf>[1]): Fate {
  const state = endOf(told, of);
  const { deadline = null } = of.terms;
  if (state !== 'expired' || deadline === null || deadline.leftMs > 0) return { told, state };
  const reply = lateReply(deadline, told.outcome.reply);
  return { told: { ...told, outcome: { ...told.outcome, reply, own: true } }, state: lateEnd(deadline) };
}

/** How the recipient's story ends; null: it goes on. */
function endOf(
  told: Told,
  { deadlines, terms }: { readonly deadlines: { readonly expiresInMs: number }; readonly terms: Terms },
): FinalState | null {
  const { outcome, waitsFor } = told;
  if (isHeld(told, terms)) return null;
  if (outcome.kind === 'delivered' || (outcome.kind === 'bounced' && waitsFor === undefined)) return outcome.kind;
  return deadlines.expiresInMs <= 0 ? 'expired' : null;
}

/** It waits for an operator. */
function isHeld({ outcome, waitsFor, doubt }: Told, { onDoubt }: Terms): boolean {
  if (waitsFor === 'operator' || doubt === 'stays') return true;
  return outcome.kind === 'in-doubt' && onDoubt === 'hold' && doubt !== 'asks';
}

/** Until the first of them is to be tried again, ms. */
function delayOf(
  left: readonly Told[],
  { turn, terms, attempts }: { readonly turn: TurnOutcome; readonly terms: Terms; readonly attempts: number },
): number {
  const delays = left.map(({ outcome, waitsFor }) => {
    if (waitsFor === 'exit') return turn.waitMs;
    if (isRateLimited(outcome))
      return Math.max(slowedDelayMs(terms.ageMs, terms.fraction), turn.counted ? 0 : turn.waitMs);
    if (!turn.counted) return turn.waitMs;
    const said = outcome.own === true ? null : outcome.reply;
    return delayAfter(terms.retry, said, { attempts, fraction: terms.fraction });
  });
  const delayMs = delays.length === 0 ? 0 : Math.min(...delays);
  // It is tried as a whole: with who was only put off, who is in doubt would be sent to as well.
  return left.some(givesTime) ? Math.max(ASK_AFTER_MS, delayMs) : delayMs;
}

type EventContext = {
  readonly fates: readonly Fate[];
  readonly terms: Terms;
  readonly dueAtMs: number;
  readonly state: DeliveryState;
  readonly notices: readonly Notice[];
};

function eventsOf(turn: TurnOutcome, { fates, terms, dueAtMs, state, notices }: EventContext): MessageEvent[] {
  const about = aboutOf(turn.leased, terms.nowMs);
  const events: MessageEvent[] = turn.conversations.map(({ record, addresses }) => ({
    event: 'attempted',
    attempt: record,
    ...about(addresses),
  }));
  const doubted = fates.filter(({ told }) => told.outcome.kind === 'in-doubt');
  for (const [reason, some] of Map.groupBy(doubted, ({ told }) => formatReply(told.outcome.reply))) {
    events.push({ event: 'in-doubt', reason, ...about(some.map(addressOf)) });
  }
  const ended = fates.filter((fate) => fate.state !== null);
  const sameEnd = ({ told, state: end }: Fate): string => `${end} ${told.egress} ${formatReply(told.outcome.reply)}`;
  for (const [, some] of Map.groupBy(ended, sameEnd)) {
    const [first] = some;
    if (first === undefined || first.state === null) continue;
    const { outcome, egress } = first.told;
    events.push({ event: first.state, reply: outcome.reply, egress, ...about(some.map(addressOf)) });
  }
  const left = fates.filter((fate) => fate.state === null);
  if (left.length > 0 && state === 'held') {
    for (const [reason, some] of Map.groupBy(left, ({ told }) => heldReason(told)))
      events.push({ event: 'held', reason, ...about(some.map(addressOf)) });
  } else {
    for (const [reason, some] of Map.groupBy(left, ({ told }) => formatReply(told.outcome.reply))) {
      events.push({ event: 'deferred', dueAtMs, reason, ...about(some.map(addressOf)) });
    }
  }
  return [...events, ...warningsOf(notices, about)];
}

/** What an operator has to know who lets it go. */
const RELEASE_TEXT =
  'relevo queue release sends it by whatever exit is open then, which may be another address; it does not expire while held';

/** Why it waits for an operator; those who were put off wait with the others. */
function heldReason({ outcome, egress, waitsFor, doubt }: Told): string {
  if (doubt === 'stays') return `in doubt, and ${egress} cannot say whether it took it: waits for an operator`;
  if (waitsFor === 'operator' && isUnfit(outcome))
    return `no exit of its route can carry it as it is: ${egress}: ${formatReply(outcome.reply)}; ${RELEASE_TEXT}`;
  if (waitsFor === 'operator')
    return `the address of ${egress} was refused (${formatReply(outcome.reply)}): waits for an operator, as onBlock says; ${RELEASE_TEXT}`;
  return outcome.kind === 'in-doubt' ? 'in doubt: waits for an operator' : 'waits for an operator, with the others';
}

/** The fields that every event of a delivery has. */
export function aboutOf({ delivery }: LeasedDelivery, atMs: number) {
  return (recipients: readonly string[]) => ({
    atMs,
    messageId: delivery.messageId,
    deliveryId: delivery.id,
    domain: delivery.domain,
    recipients,
  });
}

/** One `warned` event for each notice of delay. */
export function warningsOf(notices: readonly Notice[], about: ReturnType<typeof aboutOf>): MessageEvent[] {
  return notices
    .filter(({ kind }) => kind === 'delayed')
    .map(({ recipients }) => ({
      event: 'warned',
      reason: 'the sender is told of the delay',
      ...about(recipients.map(({ recipient }) => recipient.address)),
    }));
}

function addressOf({ told }: Fate): string {
  return told.recipient.address;
}
