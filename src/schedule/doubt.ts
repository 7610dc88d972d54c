/** An attempt that is in doubt, before the next one: where its exit can be asked whether it took the mail, it is. */
import type { Whether } from '../egress/egress.ts';
import type { Recipient } from '../message/message.ts';
import type { Outcome } from '../message/outcome.ts';
import type { Reply } from '../message/reply.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Conversation, ReversePath } from './converse.ts';
import type { Entry } from './entry.ts';
import type { Exits } from './exits.ts';
import type { Told } from './settlement.ts';

export type DoubtNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly exits: Pick<Exits, 'find'>;
  readonly reversePath?: ReversePath;
};

/** Before an attempt: who is left for it, and what is known of the others. */
export type DoubtSettled = {
  readonly recipients: readonly Recipient[];
  readonly told: readonly Told[];
  readonly conversations: readonly Conversation[];
  /** Whose attempt stays in doubt, though there is another now. */
  readonly doubtBy?: string;
};

/**
 * Taken: these recipients' story ends as delivered, and no copy is made. Not taken: it goes on. Not known: as `onDoubt` says.
 * Never rejects.
 */
export async function settleDoubt(needs: DoubtNeeds, entry: Entry, content: Buffer): Promise<DoubtSettled> {
  const { recipients, doubtBy } = entry.leased.delivery;
  const nothing = { told: [], conversations: [] };
  if (doubtBy === undefined) return { recipients, ...nothing };
  const startMs = needs.clock.monotonicMs();
  const whether = await ask(needs, entry, { exit: doubtBy, content });
  // It is being stopped: what is left of it is asked about again.
  if (whether === null || entry.abort.signal.aborted) return { recipients, ...nothing, doubtBy };
  if (whether.kind === 'not-taken') return { recipients, ...nothing };
  const isTaken = ({ address }: Recipient): boolean =>
    whether.kind === 'taken' && (whether.addresses?.includes(address) ?? true);
  const taken = recipients.filter(isTaken);
  const left = recipients.filter((recipient) => !isTaken(recipient));
  const tookMs = Math.round(needs.clock.monotonicMs() - startMs);
  const conversations =
    whether.kind === 'taken' && taken.length > 0
      ? [conversationOf(entry, { exit: doubtBy, whether, taken, tookMs })]
      : [];
  const told = taken.map((recipient) => delivered(recipient, doubtBy));
  if (whether.kind === 'taken' && whether.others !== 'unknown') return { recipients: left, told, conversations };
  // Who released it from that very hold wants it sent.
  const isReleased = entry.leased.delivery.lastReply?.text === NOT_KNOWN.text;
  if (isReleased || onDoubtOf(needs.policy(), entry) === 'retry')
    return { recipients: left, told, conversations, doubtBy };
  return { recipients: [], told: [...told, ...left.map((recipient) => held(recipient, doubtBy))], conversations };
}

const TAKEN: Outcome = {
  kind: 'delivered',
  own: true,
  reply: { code: 250, detail: '0.0', text: 'taken after all, as its provider says: nothing was sent again' },
};

const NOT_KNOWN: Reply = { code: 451, detail: '4.2', text: 'its exit cannot say whether it took it' };

/** null: the exit cannot be asked, as was known when it came into doubt. */
async function ask(
  { exits, reversePath }: DoubtNeeds,
  { leased, abort }: Entry,
  { exit, content }: { readonly exit: string; readonly content: Buffer },
): Promise<Whether | null> {
  const egress = exits.find(exit);
  if (egress === undefined) return { kind: 'unknown' };
  if (egress.whether === undefined) return null;
  const { message, delivery } = leased;
  const { id: deliveryId, domain, recipients } = delivery;
  const sender = reversePath?.(message, deliveryId) ?? message.envelope.sender;
  try {
    return await egress.whether({ message, deliveryId, domain, recipients, sender, content }, abort.signal);
  } catch {
    return { kind: 'unknown' };
  }
}

function onDoubtOf({ streams }: Policy, { leased }: Entry): 'retry' | 'hold' {
  const { stream } = leased.delivery;
  return Object.hasOwn(streams, stream) ? (streams[stream]?.onDoubt ?? 'retry') : 'retry';
}

function delivered(recipient: Recipient, egress: string): Told {
  return { recipient, outcome: TAKEN, egress, host: null, reportsSuccess: false };
}

function held(recipient: Recipient, egress: string): Told {
  const outcome: Outcome = { kind: 'deferred', own: true, scope: 'message', reply: NOT_KNOWN };
  return { recipient, outcome, egress, host: null, reportsSuccess: false, doubt: 'stays' };
}

function conversationOf(
  { leased }: Entry,
  {
    exit,
    whether,
    taken,
    tookMs,
  }: {
    readonly exit: string;
    readonly whether: Extract<Whether, { kind: 'taken' }>;
    readonly taken: readonly Recipient[];
    readonly tookMs: number;
  },
): Conversation {
  const peer = { host: null, address: null, source: null, tls: null };
  const { providerId } = whether;
  return {
    result: { ...peer, outcomes: taken.map(() => TAKEN), mailed: false },
    record: {
      number: Math.max(1, leased.delivery.attempts),
      egress: exit,
      ...peer,
      reply: TAKEN.reply,
      own: true,
      ...(providerId === null ? {} : { providerId }),
      tookMs,
    },
    addresses: taken.map(({ address }) => address),
  };
}
