/** What a bounce means for the address that it is about: by the table of replies, and by RFC 3463 where that says nothing. Pure. */
import { refusalOf } from './refusal.ts';
import { replyClass, type Reply } from './reply.ts';

const BOUNCE_KINDS = ['hard', 'soft', 'block', 'mailbox-full', 'unknown-user', 'policy'] as const;

/**
 * `unknown-user`: no such mailbox, or none in use. `hard`: it cannot be reached, for good (no such domain, say).
 * `block`: the sending address is refused. `policy`: the content, its size, or a rule of theirs. `soft`: may pass.
 */
export type BounceKind = (typeof BOUNCE_KINDS)[number];

/** @param reply 4yz or 5yz, of a server or made from what one reported */
export function bounceKindOf(reply: Reply): BounceKind {
  const refusal = refusalOf(reply);
  switch (refusal) {
    case 'unknown-user':
    case 'mailbox-full':
    case 'policy':
      return refusal;
    case 'reputation':
    case 'listed':
      return 'block';
    case 'greylisted':
    case 'rate-limited':
      return 'soft';
    case 'other':
      return replyClass(reply) === 'permanent' ? kindOfDetail(reply.detail ?? '') : 'soft';
  }
}

type BounceEvent = {
  readonly event: string;
  readonly reply: Reply | null;
  readonly egress: string | null;
};

/** What a bounce says of the addresses; null: nobody said a word, the relay or an operator ended it. */
export function kindOfBounce({ event, reply, egress }: BounceEvent): BounceKind | null {
  if (event === 'bounced' && egress === null) return null;
  return reply === null ? null : bounceKindOf(reply);
}

/**
 * RFC 3463 §3, of class 5: `X.3` and `X.4` are about systems and ways, and those are mended. `X.4.4`, and Microsoft's `X.4.310`:
 * there is no way, for DNS has none.
 */
function kindOfDetail(detail: string): BounceKind {
  if (/^(?:2\.3|3\.4|6\.\d+|7\.\d+)$/.test(detail)) return 'policy';
  return /^(?:3\.|4\.(?!4$|310$))/.test(detail) ? 'soft' : 'hard';
}
