/** An attempt that is in doubt, before the next one: where its exit can be asked whether it took the mail, it is. */
import type { Whether } from '../../egress/egress.ts';
import { ANY_EXIT } from '../../message/delivery.ts';
import type { Recipient } from '../../message/message.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import { REAPED } from '../../spool/last-reply.ts';
import type { Exits } from '../exits/exits.ts';
import type { Told } from '../settlement/settlement.ts';
import type { Entry } from '../window/entry.ts';
import type { Conversation, ReversePath } from './converse.ts';
import { ASK_AFTER_MS } from './doubt-left.ts';

export type DoubtNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly exits: Pick<Exits, 'find' | 'namesOf'>;
  readonly reversePath?: ReversePath;
};

/** Before an attempt: who is left for it, and what is known of the others. */
export type DoubtSettled = {
  readonly recipients: readonly Recipient[];
  readonly told: readonly Told[];
  readonly conversations: readonly Conversation[];
  /** Whose attempt stays in doubt, though there is another now. */
  readonly doubtBy?: string;
  /** When it is asked about again, ms from now. Default: 0. */
  readonly waitMs?: number;
};

/**
 * Taken: these recipients' story ends as delivered, and no copy is made. Not taken: it goes on. Not known: as `onDoubt` says.
 * Where several exits may have had it, each is asked for whom none before it took. Never rejects.
 */
export async function settleDoubt(needs: DoubtNeeds, entry: Entry, content: Buffer): Promise<DoubtSettled> {
  const { recipients, doubtBy, lastReply } = entry.leased.delivery;
  const nothing = { told: [], conversations: [] };
  if (doubtBy === undefined) return { recipients, ...nothing };
  const said = await askAll(needs, entry, { recipients, content, exits: askedOf(needs, entry, doubtBy) });
  // It is being stopped: what is left of it is asked about again.
  if (said === null || entry.abort.signal.aborted) return { recipients, ...nothing, doubtBy };
  const { left, told, conversations, unknownTo } = said;
  if (left.length === 0) return { recipients: left, told, conversations };
  if (isAskedTooEarly(entry))
    return {
      recipients: [],
      told: [...told, ...left.map(asksLater(entry, unknownTo))],
      conversations,
      doubtBy,
      waitMs: ASK_AFTER_MS,
    };
  if (unknownTo === null) return { recipients: left, told, conversations };
  // Who released it from that very hold wants it sent.
  const isReleased = lastReply?.text === NOT_KNOWN.text || lastReply?.text === REAPED.text;
  if (isReleased || onDoubtOf(needs.policy(), entry) === 'retry')
    return { recipients: left, told, conversations, doubtBy };
  const waiting = left.map((recipient) => held(recipient, unknownTo));
  return { recipients: [], told: [...told, ...waiting], conversations, doubtBy };
}

/**
 * Its relay died with the attempt, a moment ago for all that is known: it came up again at once, since where nobody can be asked
 * there is nothing to wait for.
 */
function isAskedTooEarly({ leased }: Entry): boolean {
  const { doubtBy, lastReply } = leased.delivery;
  return doubtBy === ANY_EXIT && ![ASKED_LATER.text, NOT_KNOWN.text, REAPED.text].includes(lastReply?.text ?? '');
}

function asksLater({ leased }: Entry, unknownTo: string | null): (recipient: Recipient) => Told {
  const outcome: Outcome = { kind: 'deferred', own: true, scope: 'message', reply: ASKED_LATER };
  const egress = unknownTo ?? leased.delivery.lastEgress ?? '';
  return (recipient) => ({ recipient, outcome, egress, host: null, reportsSuccess: false, doubt: 'asks' });
}

/** Whoever may have had it: of the route as it is now, and the last that tried it. */
function askedOf({ exits }: DoubtNeeds, { leased, group }: Entry, doubtBy: string): readonly string[] {
  if (doubtBy !== ANY_EXIT) return [doubtBy];
  const { lastEgress } = leased.delivery;
  const names = new Set(lastEgress === null ? [] : [lastEgress]);
  if (group.route !== null) for (const name of exits.namesOf(group.route)) names.add(name);
  return [...names].filter((name) => exits.find(name)?.whether !== undefined);
}

type Said = {
  readonly left: readonly Recipient[];
  readonly told: readonly Told[];
  readonly conversations: readonly Conversation[];
  /** An exit that cannot say whether it took it for those who are left; null: none did. */
  readonly unknownTo: string | null;
};

/** null: none can be asked, as was known when it came into doubt. */
async function askAll(
  needs: DoubtNeeds,
  entry: Entry,
  of: { readonly recipients: readonly Recipient[]; readonly content: Buffer; readonly exits: readonly string[] },
): Promise<Said | null> {
  let left = of.recipients;
  let unknownTo: string | null = null;
  let isAsked = false;
  const told: Told[] = [];
  const conversations: Conversation[] = [];
  for (const exit of of.exits) {
    if (left.length === 0 || entry.abort.signal.aborted) break;
    const startMs = needs.clock.monotonicMs();
    const whether = await ask(needs, entry, { exit, content: of.content, recipients: left });
    if (whether === null) continue;
    isAsked = true;
    if (whether.kind === 'unknown' || (whether.kind === 'taken' && whether.others === 'unknown')) unknownTo = exit;
    if (whether.kind !== 'taken') continue;
    const { addresses } = whether;
    const taken = left.filter(({ address }) => addresses?.includes(address) ?? true);
    left = left.filter((recipient) => !taken.includes(recipient));
    if (taken.length === 0) continue;
    told.push(...taken.map((recipient) => delivered(recipient, exit)));
    const tookMs = Math.round(needs.clock.monotonicMs() - startMs);
    conversations.push(conversationOf(entry, { exit, whether, taken, tookMs }));
  }
  return isAsked ? { left, told, conversations, unknownTo } : null;
}

const TAKEN: Outcome = {
  kind: 'delivered',
  own: true,
  reply: { code: 250, detail: '0.0', text: 'taken after all, as its provider says: nothing was sent again' },
};

/** The same words mark that the time was given. */
const ASKED_LATER: Reply = {
  code: 451,
  detail: '4.2',
  text: 'in doubt: its exits are given time to tell whether they took it',
};

const NOT_KNOWN: Reply = { code: 451, detail: '4.2', text: 'its exit cannot say whether it took it' };

/** null: the exit cannot be asked, as was known when it came into doubt. */
async function ask(
  { exits, reversePath }: DoubtNeeds,
  { leased, abort }: Entry,
  {
    exit,
    content,
    recipients,
  }: { readonly exit: string; readonly content: Buffer; readonly recipients: readonly Recipient[] },
): Promise<Whether | null> {
  const egress = exits.find(exit);
  if (egress === undefined) return { kind: 'unknown' };
  if (egress.whether === undefined) return null;
  const { message, delivery } = leased;
  const { id: deliveryId, domain } = delivery;
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
