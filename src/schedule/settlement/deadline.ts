/**
 * Mail that is of use only until some time: how much is left, and what becomes of what is late (docs/decisions/0017-deadlines.md).
 * Pure.
 */
import { expiryOf, startOf } from '../../message/expiry.ts';
import type { Message } from '../../message/message.ts';
import { formatReply, type Reply } from '../../message/reply.ts';
import type { Policy, RetryPolicy } from '../../policy/schema.ts';

/** A message's own end, before `retry.expire`. */
export type Deadline = {
  /** Wall time, as it is told to people. */
  readonly atMs: number;
  /** 0 or less: it is late. */
  readonly leftMs: number;
  readonly onLate: 'return' | 'drop';
};

type Now = { readonly nowMs: number; readonly ageMs: number };

/** null: it names none. Whichever comes first counts; who asked by SMTP to have it returned gets it returned. */
export function deadlineOf(message: Message, policy: Policy, now: Now): Deadline | null {
  const { deliverBy, stream } = message;
  const expiresAtMs = expiryOf(message);
  const onLate = Object.hasOwn(policy.streams, stream) ? (policy.streams[stream]?.onLate ?? 'return') : 'return';
  const ends = [
    ...(deliverBy?.mode === 'return' ? [endAt(message, now, { atMs: deliverBy.atMs, onLate: 'return' })] : []),
    ...(expiresAtMs === null ? [] : [endAt(message, now, { atMs: expiresAtMs, onLate })]),
  ];
  return ends.reduce<Deadline | null>(
    (first, one) => (first === null || one.leftMs < first.leftMs ? one : first),
    null,
  );
}

/**
 * By the wall clock and by its age, whichever leaves less: a machine that slept, as well as a clock that was set back (by
 * less than the mail is old: else nobody can tell), must not let anything out that is late.
 */
function endAt(message: Message, { nowMs, ageMs }: Now, end: Pick<Deadline, 'atMs' | 'onLate'>): Deadline {
  return { ...end, leftMs: Math.min(end.atMs - nowMs, end.atMs - startOf(message) - ageMs) };
}

/** Whether it must not be sent any more. Cheap for mail without such an end. */
export function isLate(message: Message, policy: Policy, now: () => Now): boolean {
  const { deliverBy, expiresAtMs, expiresAfterMs } = message;
  if (deliverBy === undefined && expiresAtMs === undefined && expiresAfterMs === undefined) return false;
  const deadline = deadlineOf(message, policy, now());
  return deadline !== null && deadline.leftMs <= 0;
}

/**
 * The policy's plan as it is for this message: it ends no later than its deadline, and its sender hears of the delay when
 * he asked to hear of it (RFC 2852, mode N).
 */
export function planWithin(
  plan: RetryPolicy,
  { message, deadline, now }: { readonly message: Message; readonly deadline: Deadline | null; readonly now: Now },
): RetryPolicy {
  const { deliverBy } = message;
  const noticeMs = deliverBy?.mode === 'notify' ? Math.max(0, now.ageMs + deliverBy.atMs - now.nowMs) : null;
  if (deadline === null && noticeMs === null) return plan;
  const { warnAfterMs } = plan;
  return {
    ...plan,
    expireMs: deadline === null ? plan.expireMs : Math.min(plan.expireMs, now.ageMs + deadline.leftMs),
    warnAfterMs: noticeMs === null ? warnAfterMs : Math.min(warnAfterMs ?? noticeMs, noticeMs),
  };
}

/** RFC 3463 §3.5: delivery time expired, for good. @param last what was said last; null: nothing */
export function lateReply({ atMs }: Pick<Deadline, 'atMs'>, last: Reply | null): Reply {
  const at = new Date(Math.min(Math.max(atMs, 0), 8.64e15)).toISOString();
  const before = last === null ? '' : `; the last answer was: ${formatReply(last)}`;
  return { code: 554, detail: '4.7', text: `not delivered by ${at}, after which it was of no more use${before}` };
}

/** As which a story ends that is late. */
export function lateEnd({ onLate }: Deadline): 'expired' | 'discarded' {
  return onLate === 'drop' ? 'discarded' : 'expired';
}
