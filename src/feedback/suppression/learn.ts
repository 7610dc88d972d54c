/** Learns from events which addresses are not to be written to any more: what is kept of them, for whom, and for how long. */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { type Message, OWN_CLIENT } from '../../message/message.ts';
import { plainText } from '../../message/plain-text.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Spool } from '../../spool/spool.ts';
import {
  type Suppression,
  suppressionAddress,
  type SuppressionKey,
  SUPPRESSIONS_AT_ONCE,
  type SuppressionReason,
  type Suppressions,
} from '../../spool/suppressions.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { type Lesson, lessonOf } from './lessons.ts';
import { countSoft, hasSoftAfter, TALLY_CLIENT, tallyEntry, uncountSoft } from './tally.ts';
import type { SieveWatch } from './watch.ts';

/**
 * Keeps what events say of addresses that are not to be written to any more: whoever tells a source that its report was
 * taken waits for it first. What was learnt before does no harm again. Rejects where the store does not answer: what the
 * source is asked to send again is learnt then.
 */
export type Learn = (events: readonly MessageEvent[]) => Promise<void>;

export type LearnNeeds = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'story'>;
  readonly suppressions: Suppressions;
  readonly tallies: Tallies;
  readonly sieve: Pick<SieveWatch, 'has' | 'isKnown' | 'add'>;
  readonly clock: Clock;
};

/** Entries of one address: more than there are clients and streams that wrote to it is of no use. */
const OF_ONE_ADDRESS = 200;
const EVIDENCE_MOST = 1_000;

export function createLearner(needs: LearnNeeds): Learn {
  return async (events) => {
    const mails = new Map<MessageId, Mail>();
    for (const event of events) {
      const lesson = lessonOf(event);
      if (lesson === null || !isWorthwhile(needs, lesson)) continue;
      if (lesson.kind === 'alive') {
        if (!isOnItsWay(needs.policy(), event)) await forgetSoft(needs, lesson);
        continue;
      }
      const mail = mails.get(lesson.messageId) ?? (await mailOf(needs, lesson.messageId));
      mails.set(lesson.messageId, mail);
      if (mail.isOwn) continue;
      if (lesson.kind === 'soft-bounce') await count(needs, lesson, mail);
      else await keep(needs, entriesFor(needs.policy(), lesson, mail));
    }
  };
}

/** A provider or a server of one's own took it: whether it gets through is said later, as it is of what bounces. */
function isOnItsWay({ egress: exits }: Policy, event: MessageEvent): boolean {
  if (event.event !== 'delivered' || event.egress === null || !Object.hasOwn(exits, event.egress)) return false;
  const type = exits[event.egress]?.type;
  return type === 'sendgrid' || type === 'mailgun' || type === 'ses' || type === 'smtp';
}

/** A delivery says something new only of those of whom something is known. */
export function isWorthwhile({ sieve }: { readonly sieve: Pick<SieveWatch, 'has'> }, lesson: Lesson): boolean {
  return lesson.kind !== 'alive' || lesson.addresses.some((address) => sieve.has(address));
}

/** Whose mail it was; null: not known. */
type Whose = { readonly client: string | null; readonly stream: string | null };

type Mail = Whose & {
  /** A report of the relay's own, or from the null sender: what came of it says nothing. */
  readonly isOwn: boolean;
};

async function mailOf({ spool }: LearnNeeds, id: MessageId): Promise<Mail> {
  const story = await spool.story(id);
  // Its history is over. Whose mail it was is not known then: what was learnt holds for all.
  if (story === null) return { client: null, stream: null, isOwn: false };
  const { client, stream, envelope }: Message = story.message;
  return { client, stream, isOwn: client === OWN_CLIENT || envelope.sender === '' };
}

type Kept = { readonly scope: 'global' | 'client' | 'stream' | 'off'; readonly keepMs: number | null };

function entriesFor({ suppression }: Policy, lesson: Lesson, mail: Mail): readonly Suppression[] {
  switch (lesson.kind) {
    case 'hard-bounce':
      return entriesOf(lesson, mail, { reason: 'hard-bounce', kept: suppression.hardBounces });
    case 'complaint':
      return entriesOf(lesson, mail, { reason: 'complaint', kept: suppression.complaints });
    case 'unsubscribe':
      return entriesOf(lesson, mail, { reason: 'unsubscribe', kept: suppression.unsubscribes });
    case 'soft-bounce':
    case 'alive':
      return [];
  }
}

type KeepNeeds = Omit<LearnNeeds, 'spool' | 'tallies'>;

/** The same for what is known otherwise than from an event. */
export async function keepLesson(
  needs: KeepNeeds,
  lesson: Omit<Lesson, 'kind'>,
  { mail, why }: { readonly mail: Whose; readonly why: Why },
): Promise<void> {
  await keep(needs, entriesOf(lesson, mail, why));
}

type Why = { readonly reason: SuppressionReason; readonly kept: Kept };

function entriesOf(
  { addresses, evidence, source, atMs }: Omit<Lesson, 'kind'>,
  mail: Whose,
  { reason, kept }: Why,
): readonly Suppression[] {
  if (kept.scope === 'off') return [];
  const client = kept.scope === 'global' ? null : mail.client;
  const stream = kept.scope === 'stream' ? mail.stream : null;
  const untilMs = kept.keepMs === null ? null : atMs + kept.keepMs;
  return addresses.map((address) => ({
    address: suppressionAddress(address),
    client,
    stream,
    reason,
    evidence: plainText(evidence, EVIDENCE_MOST),
    source,
    atMs,
    untilMs,
  }));
}

/** What holds longer already stays as it is. */
async function keep(needs: KeepNeeds, entries: readonly Suppression[]): Promise<void> {
  const { suppressions, sieve, clock } = needs;
  const nowMs = clock.nowMs();
  const wanted: Suppression[] = [];
  for (const entry of entries) {
    if (entry.untilMs !== null && entry.untilMs <= nowMs) continue;
    const known = await knownOf(needs, entry);
    if (known === null || !outlasts(known, entry)) wanted.push(entry);
  }
  for (let start = 0; start < wanted.length; start += SUPPRESSIONS_AT_ONCE) {
    const some = wanted.slice(start, start + SUPPRESSIONS_AT_ONCE);
    await suppressions.suppress(some);
    sieve.add(some.map(({ address }) => address));
  }
}

/** Of the same key; null: there is none. Cheap for an address of which nothing is known. */
async function knownOf(
  { suppressions, sieve }: Pick<LearnNeeds, 'suppressions' | 'sieve'>,
  key: SuppressionKey,
): Promise<Suppression | null> {
  if (sieve.isKnown() && !sieve.has(key.address)) return null;
  const { entries } = await suppressions.suppressions({ address: key.address }, { limit: OF_ONE_ADDRESS, after: null });
  return entries.find(({ client, stream }) => client === key.client && stream === key.stream) ?? null;
}

function outlasts(known: Suppression, entry: Suppression): boolean {
  if (known.untilMs === null)
    return known.reason !== entry.reason || known.reason === 'manual' || known.atMs >= entry.atMs;
  return entry.untilMs !== null && known.untilMs >= entry.untilMs;
}

/** One more message that came to nothing; with as many as the policy allows they suppress. */
async function count(needs: LearnNeeds, lesson: Lesson, mail: Mail): Promise<void> {
  const { softBounces } = needs.policy().suppression;
  if (softBounces.scope === 'off') return;
  const { suppressions, tallies, sieve } = needs;
  for (const address of new Set(lesson.addresses.map(suppressionAddress))) {
    const soft = { address, messageId: lesson.messageId, atMs: lesson.atMs, withinMs: softBounces.withinMs };
    const times = await countSoft(tallies, soft);
    await suppressions.suppress([tallyEntry(soft, plainText(lesson.evidence, EVIDENCE_MOST))]);
    sieve.add([address]);
    if (times < softBounces.count) continue;
    // The count stays: when it is written to again and that comes to nothing as well, it is not tried as often anew.
    const evidence = `${times} messages came to nothing, the last one: ${lesson.evidence}`;
    const why = { reason: 'soft-bounces', kept: softBounces } as const;
    await keep(needs, entriesOf({ ...lesson, addresses: [address], evidence }, mail, why));
  }
}

/** A message got through: what was counted before says nothing any more. Mostly there is no count: looking costs less than writing. */
async function forgetSoft(needs: LearnNeeds, { addresses, atMs }: Lesson): Promise<void> {
  const { sieve, suppressions, tallies } = needs;
  const known = new Set(addresses.filter((address) => sieve.has(address)).map(suppressionAddress));
  for (const address of known) {
    const key = { address, client: TALLY_CLIENT, stream: null };
    if ((await knownOf(needs, key)) === null) continue;
    // In this order: what is counted in between finds its own entry afterwards. Providers tell late, and again.
    if (!(await hasSoftAfter(tallies, address, atMs))) await suppressions.unsuppress([key]);
    await uncountSoft(tallies, address, atMs);
  }
}
