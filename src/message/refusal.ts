/** What a server's refusal is about, beyond its class: one documented table of reply patterns. Pure. */
import type { Reply } from './reply.ts';

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

/** @param reply 4yz or 5yz */
export function refusalOf(reply: Reply): Refusal {
  return reply.code === 450 ? 'greylisted' : 'other';
}
