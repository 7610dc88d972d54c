/** When to try again, and when to give up. Pure. */
import { refusalOf } from '../../message/refusal.ts';
import type { Reply } from '../../message/reply.ts';
import type { RetryPolicy } from '../../policy/schema.ts';

/** Share by which a delay wanders either way, so that what failed together does not come back together. */
const JITTER = 0.15;

/**
 * How long to wait after so many attempts that used up a try: the policy's delays in turn, the last one repeating,
 * with ±15 % of jitter (RFC 5321 §4.5.4.1 leaves the plan to the operator).
 * @param attempts from 1, the one just made included
 * @param fraction uniform in [0, 1)
 */
export function retryDelayMs(plan: RetryPolicy, attempts: number, fraction: number): number {
  const place = Math.min(Math.max(attempts, 1), plan.delaysMs.length) - 1;
  return jittered(plan.delaysMs[place] ?? 0, fraction);
}

/** Greylisting lasts 5 minutes where the reply does not say (postgrey, rspamd), and is believed so often. */
const GREYLIST_MS = 300_000;
const GREYLIST_LEAST_MS = 60_000;
const GREYLIST_MOST_MS = 3_600_000;
const GREYLIST_TIMES = 3;
/** A mailbox that is full will not be empty in a minute. */
const FULL_LEAST_MS = 3_600_000;

/**
 * The same, for what the last reply asks for: greylisting has its own time, never less than it says; a full mailbox a long
 * one.
 */
export function delayAfter(
  plan: RetryPolicy,
  reply: Reply | null,
  { attempts, fraction }: { readonly attempts: number; readonly fraction: number },
): number {
  const delayMs = retryDelayMs(plan, attempts, fraction);
  const refusal = reply === null ? 'other' : refusalOf(reply);
  if (refusal === 'mailbox-full') return Math.max(delayMs, jittered(FULL_LEAST_MS, fraction));
  if (refusal !== 'greylisted') return delayMs;
  const namedMs = namedTimeMs(reply?.text ?? '');
  if (namedMs === null && attempts > GREYLIST_TIMES) return delayMs;
  const waitMs = Math.min(GREYLIST_MOST_MS, Math.max(GREYLIST_LEAST_MS, namedMs ?? GREYLIST_MS));
  return Math.max(attempts > GREYLIST_TIMES ? delayMs : 0, Math.round(waitMs * (1 + JITTER * fraction)));
}

/** “try again in 300 seconds”, “for 5 minutes”, “in 00:05:00”; null: it names no time. */
function namedTimeMs(text: string): number | null {
  const clock = /\b(\d{1,2}):(\d{2}):(\d{2})\b/.exec(text);
  if (clock !== null) return ((Number(clock[1]) * 60 + Number(clock[2])) * 60 + Number(clock[3])) * 1_000;
  const words = /\b(\d{1,5}) ?(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?)\b/i.exec(text);
  if (words === null) return null;
  return Number(words[1]) * (words[2]?.toLowerCase().startsWith('s') === true ? 1_000 : 60_000);
}

/** What asked for less comes up again without a try used up: after a third of its age, within bounds. */
const SLOWED_LEAST_MS = 60_000;
const SLOWED_MOST_MS = 1_800_000;

/** @param fraction uniform in [0, 1) */
export function slowedDelayMs(ageMs: number, fraction: number): number {
  return jittered(Math.min(SLOWED_MOST_MS, Math.max(SLOWED_LEAST_MS, ageMs / 3)), fraction);
}

/** @param fraction uniform in [0, 1) */
export function jittered(delayMs: number, fraction: number): number {
  return Math.round(delayMs * (1 + JITTER * (2 * fraction - 1)));
}

/** What is left of the time that a delivery has, by its age. Negative: it is over. */
export type Deadlines = {
  readonly expiresInMs: number;
  /** Until the sender is to be told of the delay; null: never, or told already. */
  readonly warnsInMs: number | null;
};

/** @param warned the sender was told of the delay already */
export function deadlinesOf(
  plan: RetryPolicy,
  { ageMs, warned }: { readonly ageMs: number; readonly warned: boolean },
): Deadlines {
  const warnsInMs = warned || plan.warnAfterMs === null ? null : plan.warnAfterMs - ageMs;
  return { expiresInMs: plan.expireMs - ageMs, warnsInMs };
}

/**
 * A delay cut so that the delivery comes up when its sender is to be told of the delay, and when its time is over, and
 * is then tried once more. Never below a second: a deadline that is past is no reason for a hot loop.
 */
export function cutToDeadlines(delayMs: number, { expiresInMs, warnsInMs }: Deadlines): number {
  const ends = [expiresInMs, ...(warnsInMs === null ? [] : [warnsInMs])].filter((endMs) => endMs > 0);
  // Whole, as the store keeps times: ages come from a monotonic clock, which counts in fractions.
  return Math.ceil(Math.max(1_000, Math.min(delayMs, ...ends)));
}

/**
 * Whether a server asked to come again by the same address: greylisting knows sender, recipient and client address
 * (RFC 6647 §2.1), so that another exit would start over.
 */
export function looksGreylisted(reply: Reply | null): boolean {
  return reply !== null && refusalOf(reply) === 'greylisted';
}
