/** What SendGrid's SMTP server means by its replies, by its documents, where that is not what any server means. Pure. */
import type { Outcome } from '../../message/outcome.ts';

/**
 * `key`: this key is refused, another may do. `throttled`: the exit is to rest. `closed`: somebody has to do something;
 * `isOfThis`: for mail like this one.
 */
export type SmtpMeaning =
  | { readonly kind: 'plain' | 'key' }
  | { readonly kind: 'throttled'; readonly restMs: number | null; readonly advice: string | null }
  | { readonly kind: 'closed'; readonly advice: string; readonly isOfThis: boolean };

const PLAIN: SmtpMeaning = { kind: 'plain' };

const CREDITS = /maximum credits exceeded|credit limit/i;
const SENDER = /verified sender identity|not authorized to send from/i;
const ACCOUNT = /account .{0,40}(?:suspended|disabled|under review|deactivated|frozen)|billing/i;
/** What it says to who did not sign in, or whose sign-in is not believed any more. */
const UNKNOWN_SENDER = /unauthenticated senders not allowed|authentication required/i;
const RATE =
  /too many (?:recipients|messages|emails|(?:concurrent )?connections|requests)|throttled|rate limit|too frequent|try again later|temporarily (?:deferred|blocked)/i;

/** So long nothing changes by itself. */
const CREDITS_REST_MS = 900_000;

export function meaningOf(outcome: Outcome): SmtpMeaning {
  if ((outcome.kind !== 'deferred' && outcome.kind !== 'bounced') || outcome.own === true) return PLAIN;
  const { code, text } = outcome.reply;
  if (CREDITS.test(text)) {
    const advice = 'Raise the plan, or wait until its credits are renewed';
    return { kind: 'throttled', restMs: CREDITS_REST_MS, advice };
  }
  if (SENDER.test(text)) {
    const advice = 'Verify the sender’s domain at SendGrid (sender authentication)';
    return { kind: 'closed', advice, isOfThis: true };
  }
  if (ACCOUNT.test(text)) return { kind: 'closed', advice: 'Ask SendGrid about the account', isOfThis: false };
  if (code === 535 || code === 534 || code === 538 || UNKNOWN_SENDER.test(text)) return { kind: 'key' };
  const isTemporary = code === 421 || code === 450 || code === 451 || code === 452;
  if (isTemporary && (code === 421 || RATE.test(text))) return { kind: 'throttled', restMs: null, advice: null };
  return PLAIN;
}

/** What it calls the message: `250 Ok: queued as l1QyKwo1Q1evz-c5cVN9Xw`. */
export function queuedIdOf(text: string): string | null {
  return /\bqueued as ([\w.-]{1,200})/i.exec(text)?.[1] ?? null;
}

/** A lack of the server that another exit may not have: internationalized mail, size, a time by which it is delivered. */
export function isLack(outcome: Outcome): boolean {
  if (outcome.kind !== 'bounced' || outcome.own !== true) return false;
  const { code, detail } = outcome.reply;
  return (code === 550 && detail === '6.7') || (code === 552 && detail === '3.4') || (code === 554 && detail === '4.7');
}
