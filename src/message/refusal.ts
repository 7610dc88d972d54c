/** What a server's refusal is about, beyond its class: one documented table of reply patterns. Pure. */
import type { Reply } from './reply.ts';
import type { ReplyPattern } from './reply-pattern.ts';
import { REPLY_PATTERNS } from './reply-patterns.ts';

export const REFUSALS = [
  'greylisted',
  'rate-limited',
  'reputation',
  'listed',
  'mailbox-full',
  'unknown-user',
  'policy',
  'other',
] as const;

/**
 * `greylisted`: come again by the same address. `rate-limited`: too much at once. `reputation`: of the sending address.
 * `listed`: the sending address is in a blocklist. `policy`: of the content or of the sender's domain. `other`: anything else.
 */
export type Refusal = (typeof REFUSALS)[number];

/** More of a text is not looked at: what says why stands at its beginning. */
const TEXT_MOST = 1_000;

/** @param reply 4yz or 5yz, of a server: the relay's own words are nobody's refusal */
export function refusalOf(reply: Reply): Refusal {
  return patternOf(reply)?.refusal ?? 'other';
}

/** The row of the table that a reply fits first; null: none. */
export function patternOf({ code, detail, text }: Reply): ReplyPattern | null {
  const digits = String(code);
  if (digits[0] !== '4' && digits[0] !== '5') return null;
  const start = text.slice(0, TEXT_MOST);
  const fits = (pattern: ReplyPattern): boolean =>
    digits.startsWith(pattern.code) &&
    (pattern.detail === undefined || (detail !== null && pattern.detail.test(detail))) &&
    (pattern.text === undefined || pattern.text.test(start));
  return REPLY_PATTERNS.find(fits) ?? null;
}

/** Whether it is the sending address that is refused, so that another one might be taken. */
export function isBlock(refusal: Refusal): boolean {
  return refusal === 'reputation' || refusal === 'listed';
}
