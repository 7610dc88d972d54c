import type { Reply } from '../message/reply.ts';
import type { NamedClient } from '../policy/admit.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';
import { REPLIES } from './replies.ts';

/**
 * Takes so many recipients out of the client's quota.
 * @returns why not; null: granted, or the client has no quota. Never rejects: a ledger that fails is a temporary refusal
 */
export async function drawQuota(
  deps: { readonly ledger: Ledger; readonly clock: Clock; readonly emit: Emit },
  { name, client }: NamedClient,
  amount: number,
): Promise<Reply | null> {
  if (client.quota === undefined) return null;
  const { count: limit, windowMs } = client.quota;
  const nowMs = deps.clock.nowMs();
  try {
    const drawn = await deps.ledger.draw({ account: `client:${name}`, amount, limit, windowMs, nowMs });
    return drawn.kind === 'granted' ? null : REPLIES.overQuota;
  } catch (error) {
    deps.emit({ event: 'failed', atMs: nowMs, where: 'ingress quota', cause: String(error) });
    return REPLIES.temporary;
  }
}
