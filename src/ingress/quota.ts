/** A client's recipients in a window, and what becomes of mail that has no room in it. */
import type { MessageId } from '../message/ids.ts';
import { overQuotaText, quotaAccount } from '../message/over-quota.ts';
import type { Reply } from '../message/reply.ts';
import type { NamedClient } from '../policy/admit.ts';
import { formatRate } from '../policy/units.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';
import { REPLIES } from './replies.ts';

/** Mail that waits for the quota of its client, where that may wait. */
export type OverQuota = {
  /** Whether some waits, so that what comes now waits behind it. Cheap. */
  isWaiting(client: string): boolean;
  /** Whether so many messages of it wait. Cheap. */
  isFull(client: string, most: number): boolean;
  /** A message is about to be accepted as held. Durable once it resolves: it will be let go, though whoever said so dies. */
  expect(client: string, id: MessageId): Promise<void>;
};

export type QuotaDeps = {
  readonly ledger: Ledger;
  /** Absent: all that is over its quota is refused. */
  readonly overQuota?: OverQuota;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** `held`: it may be taken, as held for that reason. */
export type Drawn =
  | { readonly kind: 'granted' }
  | { readonly kind: 'held'; readonly why: string }
  | { readonly kind: 'refused'; readonly reply: Reply };

const GRANTED: Drawn = { kind: 'granted' };

/** Takes so many recipients out of the client's quota. Never rejects: a ledger that fails is a temporary refusal. */
export async function drawQuota(deps: QuotaDeps, { name, client }: NamedClient, amount: number): Promise<Drawn> {
  const { quota } = client;
  if (quota === undefined) return GRANTED;
  const { count: limit, windowMs } = quota;
  const nowMs = deps.clock.nowMs();
  // More than all of it will never have room.
  const overQuota = client.overQuota === 'hold' && amount <= limit ? deps.overQuota : undefined;
  const held = (): Drawn =>
    overQuota === undefined || overQuota.isFull(name, client.overQuotaMost)
      ? { kind: 'refused', reply: REPLIES.overQuota }
      : { kind: 'held', why: overQuotaText(formatRate(quota)) };
  if (overQuota?.isWaiting(name) === true) return held();
  try {
    const drawn = await deps.ledger.draw({ account: quotaAccount(name), amount, limit, windowMs, nowMs });
    return drawn.kind === 'granted' ? GRANTED : held();
  } catch (error) {
    deps.emit({ event: 'failed', atMs: nowMs, where: 'ingress quota', cause: String(error) });
    return { kind: 'refused', reply: REPLIES.temporary };
  }
}
