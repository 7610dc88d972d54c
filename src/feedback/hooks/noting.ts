/**
 * Writes what a provider says into the history of the messages that it is about: each event once, whatever the order, and only
 * of mail that went that way. What is known already is found in the history itself, so that all nodes know it, for as long.
 */
import { type CameBack, ofMail } from '../../message/event.ts';
import type { DeliveryId, MessageId } from '../../message/ids.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { MessageStory, Spool } from '../../spool/spool.ts';
import type { Learn } from '../suppression/learn.ts';
import type { Doubts, Ended } from './doubts.ts';
import { type TellReturned, toldOf } from './returned.ts';
import { namedIn, type Place, placeIn, type TagNames } from './placing.ts';
import type { ProviderEvent } from './provider-event.ts';

export type NotingNeeds = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'story' | 'note' | 'byProviderId'>;
  readonly doubts: Pick<Doubts, 'settle'>;
  /** Resolves once what is to be learnt of addresses is kept. */
  readonly learn: Learn;
  /** The sender, by mail. */
  readonly tellReturned: TellReturned;
  readonly tags: TagNames;
  readonly clock: Clock;
  readonly emit: Emit;
};

/**
 * `repeat`: noted before, or of a recipient whose story ended so. `unknown`: no such message is known (any more), or none that
 * left that way. `surplus`: what others bring about was noted too often of that delivery.
 */
export type Noted = Record<'noted' | 'repeat' | 'unknown' | 'surplus', number>;

const MESSAGES_AT_ONCE = 16;
/** Of one delivery, beside one a recipient: whoever has the message can open it as often as he likes. */
const MOST_OF_OTHERS = 100;
const BY_OTHERS: ReadonlySet<string> = new Set(['opened', 'clicked', 'put-off']);

type Named = { readonly event: ProviderEvent; readonly deliveryId: DeliveryId | null };

export class Noting {
  readonly #needs: NotingNeeds;
  /** One after the other of one message: two posts of one event at one time would note it twice. */
  readonly #turns = new Map<MessageId, Promise<unknown>>();

  constructor(needs: NotingNeeds) {
    this.#needs = needs;
  }

  /** Resolves once all is stored. Rejects with `SpoolError`: some may be stored then; a repeat does no harm. @param exit whose provider it is */
  async note(exit: string, events: readonly ProviderEvent[]): Promise<Noted> {
    const sum: Noted = { noted: 0, repeat: 0, unknown: 0, surplus: 0 };
    const messages = [...(await this.#byMessage(events, sum))];
    const next = async (): Promise<void> => {
      for (let one = messages.pop(); one !== undefined; one = messages.pop()) {
        const [messageId, named] = one;
        const noted = await this.#inTurn(messageId, () => this.#noteOf(exit, messageId, named));
        for (const kind of Object.keys(sum) as (keyof Noted)[]) sum[kind] += noted[kind];
      }
    };
    await Promise.all(Array.from({ length: MESSAGES_AT_ONCE }, next));
    return sum;
  }

  async #byMessage(events: readonly ProviderEvent[], sum: Noted): Promise<Map<MessageId, Named[]>> {
    const messages = new Map<MessageId, Named[]>();
    const asked = new Map<string, MessageId | null>();
    for (const event of events) {
      const named = namedIn(event, this.#needs.tags);
      const messageId = named?.messageId ?? (await this.#byProviderId(event, asked));
      if (messageId === null) {
        sum.unknown += 1;
        continue;
      }
      const of = messages.get(messageId) ?? [];
      messages.set(messageId, of);
      of.push({ event, deliveryId: named?.deliveryId ?? null });
    }
    return messages;
  }

  async #byProviderId({ providerIds }: ProviderEvent, asked: Map<string, MessageId | null>): Promise<MessageId | null> {
    for (const id of providerIds) {
      const known = asked.has(id) ? asked.get(id) : (await this.#needs.spool.byProviderId?.(id))?.[0];
      asked.set(id, known ?? null);
      if (known !== undefined && known !== null) return known;
    }
    return null;
  }

  async #inTurn<Result>(messageId: MessageId, run: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(messageId) ?? Promise.resolve()).then(run, run);
    this.#turns.set(messageId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(messageId) === turn) this.#turns.delete(messageId);
    }
  }

  async #noteOf(exit: string, messageId: MessageId, named: readonly Named[]): Promise<Noted> {
    const { spool, doubts, learn, emit } = this.#needs;
    const noted: Noted = { noted: 0, repeat: 0, unknown: 0, surplus: 0 };
    const ids = new Set(named.map(({ deliveryId }) => deliveryId));
    const [only] = ids;
    const story = await spool.story(messageId, ids.size === 1 ? (only ?? undefined) : undefined);
    if (story === null) return { ...noted, unknown: named.length };
    const isMeant = this.#exitsOf(exit);
    const said = saidIn(story, { exit, named, noted, isMeant });
    const bounced = [...bouncedIn(story), ...(await doubts.settle(story, said, isMeant))];
    const fresh: CameBack[] = [];
    const told: CameBack[] = [];
    for (const { event, place } of said) {
      const made = this.#cameBackOf(event, { exit, place, story });
      if (made === null) continue;
      const earlier = [...story.events.filter(isCameBack), ...fresh];
      const known = earlier.find((one) => isSame(one, made));
      told.push(known ?? made);
      if (known !== undefined || endedSo(made, bounced)) noted.repeat += 1;
      else if (isTooMuch(made, earlier)) noted.surplus += 1;
      else fresh.push(await this.#told(made, story, fresh));
    }
    if (fresh.length > 0 && (await spool.note(fresh)) === 'unknown')
      return { ...noted, unknown: noted.unknown + fresh.length };
    for (const event of fresh) emit(ofMail(event, story.message));
    if (told.length > 0) await learn(told);
    return { ...noted, noted: fresh.length };
  }

  /** Before it is noted: after a crash in between it is posted again, and the sender is not told twice. */
  async #told(made: CameBack, story: MessageStory, fresh: readonly CameBack[]): Promise<CameBack> {
    if (made.event !== 'bounced-later') return made;
    const { tellReturned: tell, clock } = this.#needs;
    return toldOf(made, { story, earlier: [...story.events, ...fresh], tell, nowMs: clock.nowMs() });
  }

  /** Several exits may be of one account, which posts to one address: they are told apart by the history. */
  #exitsOf(exit: string): (egress: string) => boolean {
    const { egress } = this.#needs.policy();
    const typeOf = (name: string): string | undefined => (Object.hasOwn(egress, name) ? egress[name]?.type : undefined);
    return (name) => name === exit || typeOf(name) === undefined || typeOf(name) === typeOf(exit);
  }

  /** null: there is nothing to note. */
  #cameBackOf(
    { what, ref, atMs: saidMs, reply, host, detail, recipients: named }: ProviderEvent,
    { exit, place, story }: { readonly exit: string; readonly place: Said['place']; readonly story: MessageStory },
  ): CameBack | null {
    const nowMs = this.#needs.clock.nowMs();
    const atMs = Math.min(nowMs, Math.max(saidMs ?? nowMs, story.message.receivedAtMs));
    // Of several it says who may have complained, not who did: SES knows the mailbox provider, and looks up who is there.
    const unclear = what === 'complained' && named.length > 1 ? { recipients: [] } : {};
    const by = { ...(ref === '' ? {} : { ref }), source: `hook:${exit}` };
    const of = { atMs, messageId: story.message.id, ...place, ...by, ...unclear };
    if (what === 'bounced-later') return reply === null ? null : { event: what, ...of, reply, host, report: null };
    return what === 'taken' ? null : { event: what, ...of, detail };
  }
}

/** Those that are of nobody are counted. */
function saidIn(
  story: MessageStory,
  {
    exit,
    named,
    noted,
    isMeant,
  }: {
    readonly exit: string;
    readonly named: readonly Named[];
    readonly noted: Noted;
    readonly isMeant: (egress: string) => boolean;
  },
): Said[] {
  return named.flatMap(({ event, deliveryId }) => {
    const place = placeIn(story, event, { deliveryId, isMeant });
    if (place === null) noted.unknown += 1;
    return place === null ? [] : [{ event, place: { ...place, egress: place.egress ?? exit } }];
  });
}

export type Said = { readonly event: ProviderEvent; readonly place: Place & { readonly egress: string } };

function isCameBack(event: MessageStory['events'][number]): event is CameBack {
  return 'source' in event;
}

/** Without a name of its own an event is what it says. */
function isSame(one: CameBack, other: CameBack): boolean {
  if (one.event !== other.event || one.event === 'answered' || other.event === 'answered') return false;
  if (one.deliveryId !== other.deliveryId || one.recipients.join('\0') !== other.recipients.join('\0')) return false;
  if (one.ref !== undefined || other.ref !== undefined) return one.ref === other.ref && one.source === other.source;
  return one.source === other.source && one.atMs === other.atMs;
}

function bouncedIn({ events }: MessageStory): Ended[] {
  return events.flatMap((event) =>
    event.event === 'bounced' ? event.recipients.map((recipient) => ({ deliveryId: event.deliveryId, recipient })) : [],
  );
}

/** Their stories ended as bounced: that they bounced later as well would be told twice. */
function endedSo({ event: what, deliveryId, recipients }: CameBack, bounced: readonly Ended[]): boolean {
  if (what !== 'bounced-later') return false;
  return recipients.every((address) =>
    bounced.some((one) => one.deliveryId === deliveryId && one.recipient === address),
  );
}

function isTooMuch(made: CameBack, earlier: readonly CameBack[]): boolean {
  if (!BY_OTHERS.has(made.event)) return false;
  const alike = earlier.filter(({ event, deliveryId }) => event === made.event && deliveryId === made.deliveryId);
  return alike.length >= MOST_OF_OTHERS + made.recipients.length;
}
