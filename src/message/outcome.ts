import type { Reply } from './reply.ts';

/**
 * How far a failure reaches. `recipient`: this mailbox only. `message`: this message anywhere on that site.
 * `host`: anything to that host (another MX may do). `egress`: anything by that exit (another exit may do).
 */
export type Scope = 'recipient' | 'message' | 'host' | 'egress';

/**
 * What one attempt did to one recipient. Nothing else may be made of an attempt: unknown is `deferred`.
 * `in-doubt`: the final dot went out and no reply came back, so the peer may have it (RFC 5321 §6.1).
 */
export type Outcome = (
  | { readonly kind: 'delivered'; readonly reply: Reply }
  | {
      readonly kind: 'deferred';
      readonly reply: Reply;
      readonly scope: Scope;
      /** The exit is not to be asked for so long: its provider says so. No try is used up. */
      readonly restMs?: number;
      /** The message would lose something by this exit: it goes by another, and this one is not asked for it again. */
      readonly unfit?: true;
    }
  | { readonly kind: 'bounced'; readonly reply: Reply; readonly scope: Scope }
  | { readonly kind: 'in-doubt'; readonly reply: Reply }
) & {
  /** The reply is in the relay's own words, for what no server said: a connection that was lost, a time that ran out. */
  readonly own?: true;
};

/** How a recipient's story ends. Each accepted recipient gets exactly one of these, or is still queued. */
export const FINAL_STATES = ['delivered', 'bounced', 'expired', 'suppressed', 'discarded'] as const;
export type FinalState = (typeof FINAL_STATES)[number];

/** Fails to compile where a union was not handled whole; throws if the types lied. */
export function assertNever(value: never): never {
  throw new Error(`not handled: ${JSON.stringify(value)}`);
}
