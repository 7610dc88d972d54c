/**
 * The spool keeps what the relay answered 250 for until its story ends. This is the port; `spool.contract.ts` tests every
 * promise on every engine. All methods may reject with `SpoolError`; nothing was changed then, or it is unknown whether
 * it was (a repeat with the same message id is harmless).
 */
import type { Delivery, DeliveryState } from '../message/delivery.ts';
import type { CameBack, MessageEvent } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { Message, Priority, Recipient } from '../message/message.ts';
import type { FinalState } from '../message/outcome.ts';
import type { Reply } from '../message/reply.ts';
import type { BlankSignature } from '../sign/blank-signature.ts';

/**
 * A node's right to a delivery until a time. `token` is the fence: it changes with every lease of that delivery, and
 * `settle` with an old one changes nothing.
 */
export type Lease = { readonly token: number; readonly untilMs: number };

export type LeasedDelivery = {
  readonly delivery: Delivery;
  readonly message: Message;
  readonly lease: Lease;
  /** It was handed back for this very node (`giveBack`). */
  readonly forUs?: true;
};

export type Submission = {
  readonly message: Message;
  /** One or more per destination domain, ordinals from 1; `dueAtMs` in the future: scheduled mail. */
  readonly deliveries: readonly NewDelivery[];
  /** What leaves the relay, byte for byte, but for signatures that `message.unsigned` tells of. The caller must not change it afterwards. */
  readonly content: Buffer;
  readonly received: MessageEvent & { readonly event: 'received' };
  /**
   * A resend with the same key within the window gets the first answer (`duplicate`). null: no such check.
   * The key is a digest of client, Message-ID, recipients and body as submitted.
   */
  readonly dedupe: { readonly key: string; readonly windowMs: number } | null;
  /** All its deliveries wait held from the start, none is leased, and these are written behind `received`. Default: none is held. */
  readonly held?: readonly (MessageEvent & { readonly event: 'held' })[];
  /** It may have the last of the space: other mail ends, and frees its own, only once this is kept. Default: no. */
  readonly endsMail?: boolean;
};

export type NewDelivery = {
  readonly domain: string;
  readonly recipients: readonly Recipient[];
  readonly dueAtMs: number;
  /** Lease it to the acceptor until then, so that fresh mail never reads the store; null: queued for whoever claims. */
  readonly leaseUntilMs: number | null;
  /** Why it waits, of one that is held. Default: nothing says it. */
  readonly lastReply?: Reply;
};

/** `known`: this message id was accepted before, whoever learnt of it; nothing was written or leased, and no event is to be told. */
export type AcceptResult =
  | { readonly kind: 'accepted'; readonly leased: readonly LeasedDelivery[] }
  | { readonly kind: 'known' }
  | { readonly kind: 'duplicate'; readonly of: MessageId };

/** What an attempt came to, for one delivery. The recipients of one settlement are disjoint. */
export type Settlement = {
  readonly deliveryId: DeliveryId;
  readonly token: number;
  readonly atMs: number;
  /** Recipients whose story ends. */
  readonly finished: readonly { readonly address: string; readonly state: FinalState }[];
  /** What becomes of the recipients that are left. Ignored when none is. */
  readonly rest: {
    readonly dueAtMs: number;
    readonly attempts: number;
    readonly lastReply: Reply | null;
    readonly lastEgress: string | null;
    /** As in `Delivery`. */
    readonly refusedBy?: readonly string[];
    /** As in `Delivery`. */
    readonly doubtBy?: string;
    readonly warnedAtMs: number | null;
    readonly state: DeliveryState;
  };
  /** Written in the same transaction, in this order. */
  readonly events: readonly MessageEvent[];
};

export type ClaimRequest = {
  readonly nowMs: number;
  readonly leaseUntilMs: number;
  /** At most so many deliveries in all, and of one lane. */
  readonly limit: number;
  readonly perLane: number;
  /** Lanes (destination domains) that are full or resting: nothing is taken from them. */
  readonly exclude: readonly string[];
};

export type ClaimResult = {
  readonly leased: readonly LeasedDelivery[];
  /** Earliest time at which a lane outside `exclude` has more to claim; may be in the past; null: nothing is queued there. */
  readonly nextDueAtMs: number | null;
};

/** Which queued deliveries; all given must hold; none given: all. */
export type QueueFilter = {
  readonly ids?: readonly (DeliveryId | MessageId)[];
  readonly domain?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly sender?: string;
  readonly recipient?: string;
  /** Of the last attempt. */
  readonly egress?: string;
  readonly state?: DeliveryState;
  /** Of messages that are not to be sent before a wall time after this one. */
  readonly scheduledAfterMs?: number;
};

export type QueuedDelivery = {
  readonly delivery: Delivery;
  readonly sender: string;
  readonly sizeBytes: number;
  /** End of the lease it is under; null: nobody is trying it. */
  readonly leasedUntilMs: number | null;
  /** The node that it waits for. */
  readonly waitsFor?: string;
  /** As in `Message`. */
  readonly sendAtMs?: number;
};

export type MessageStory = {
  readonly message: Message;
  readonly events: readonly MessageEvent[];
  readonly queued: readonly QueuedDelivery[];
};

export type QueueOverview = {
  readonly messages: number;
  readonly deliveries: number;
  readonly byState: Readonly<Record<DeliveryState, number>>;
  readonly byPriority: Readonly<Record<Priority, number>>;
  readonly leased: number;
  readonly oldestCreatedAtMs: number | null;
  readonly contentBytes: number;
};

/** `accepted = delivered + bounced + expired + suppressed + discarded + queued`, recipient by recipient. */
export type AuditReport = {
  readonly messages: number;
  readonly accepted: number;
  readonly finished: Readonly<Record<FinalState, number>>;
  readonly queued: number;
  /** Upper bound of the copies that may have been delivered twice (in doubt, or leases lost with an attempt begun). */
  readonly possibleDuplicates: number;
  /** Recipients for which the sum does not hold; at most 1,000 of them. Empty: the proof holds. */
  readonly violations: readonly {
    readonly messageId: MessageId;
    readonly recipient: string;
    readonly problem: string;
  }[];
};

/** `agesMs`: upper ends of the columns, rising. */
export type ShapeAsk = { readonly nowMs: number; readonly agesMs: readonly number[] };

/** `byAge`: one for each of the ages that were asked for, and one for what is older. */
export type ShapeRow = { readonly domain: string; readonly total: number; readonly byAge: readonly number[] };

export interface Spool extends AsyncDisposable {
  /**
   * Makes the values of signatures, in order, after what was asked to be accepted before. An engine leaves it out where
   * mail is no faster for it.
   */
  readonly sign?: (blanks: readonly BlankSignature[]) => Promise<readonly string[]>;
  /** Resolves only once message, content, deliveries and event are durable. The same message id twice is one message (`known`). */
  accept(submission: Submission): Promise<AcceptResult>;
  /** Leases what is due, fairly: lanes by waiting time, priorities 16:4:1, clients in turn. */
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /**
   * Prolongs leases that are still ours; returns the ids that are not. A call that comes late makes none shorter: only an
   * end more than 10 minutes earlier counts, by a clock that was set back.
   */
  extend(
    leases: readonly { readonly deliveryId: DeliveryId; readonly token: number }[],
    untilMs: number,
  ): Promise<readonly DeliveryId[]>;
  /** Ends a lease and writes what came of it, in one transaction. `lost`: the lease was not ours any more, nothing was written. */
  settle(settlement: Settlement): Promise<'settled' | 'lost'>;
  /**
   * Hands leases back untouched, due as before (shutdown).
   * @param node for this one to claim, due now, on an engine that nodes share; for all as soon as it is not up, or left
   * it lying for 10 minutes. Default: whoever claims
   */
  giveBack(
    leases: readonly { readonly deliveryId: DeliveryId; readonly token: number }[],
    node?: string,
  ): Promise<void>;
  /**
   * Frees what dead owners left: leases that ended before `nowMs`. Each is written as an `in-doubt` event, and held where
   * the engine was told that its stream wants that. Returns how many.
   */
  reap(nowMs: number): Promise<number>;
  /** The content as accepted; `missing` once the message is finished; `corrupt` when its checksum does not hold: the message is then quarantined. */
  content(
    id: MessageId,
  ): Promise<{ readonly kind: 'found'; readonly content: Buffer } | { readonly kind: 'missing' | 'corrupt' }>;

  /** Newest first by default; `after` pages on. */
  list(
    filter: QueueFilter,
    page: { readonly limit: number; readonly after?: DeliveryId },
  ): Promise<readonly QueuedDelivery[]>;
  /** Operator commands, on deliveries that nobody is trying; return how many they changed. Each writes an event a delivery. */
  /** @param why for the event. Default: an operator did, who also keeps what would go by itself when its quota has room. */
  hold(filter: QueueFilter, atMs: number, why?: string): Promise<number>;
  /** Makes what is held or quarantined due now; scheduled mail at its time. @param why as of `hold` */
  release(filter: QueueFilter, atMs: number, why?: string): Promise<number>;
  /** Makes them due now. */
  retry(filter: QueueFilter, atMs: number): Promise<number>;
  /** Ends them without a report to the sender. @param why in the event; default: nothing */
  discard(filter: QueueFilter, atMs: number, why?: Reply): Promise<number>;
  /**
   * Messages are not to be sent before `toMs` (now, where that is over), with all their deliveries and an event for each;
   * their age counts from then. Only those no delivery of which was tried or is being tried; returns how many deliveries.
   */
  reschedule(ids: readonly MessageId[], toMs: number, atMs: number): Promise<number>;
  /** Leases matching deliveries whatever their due time or state, so that the caller can settle them (operator bounce). */
  take(filter: QueueFilter, leaseUntilMs: number, limit: number): Promise<readonly LeasedDelivery[]>;

  /** @param of whoever needs the events of this delivery alone: those of others may be left out */
  story(id: MessageId, of?: DeliveryId): Promise<MessageStory | null>;
  /**
   * Adds to the history of a message, finished or not, what came back of it; all of one message. Durable once it resolves.
   * `unknown`: there is no such message (any more), nothing was written. Not once only: a repeat writes again.
   */
  note(events: readonly CameBack[]): Promise<'noted' | 'unknown'>;
  /** Messages that a provider has under this id, with or without angle brackets, while their history is kept; newest first, at most 10. */
  byProviderId(id: string): Promise<readonly MessageId[]>;
  /** Messages with this Message-ID field, with or without angle brackets; newest first, at most 10. Looks at every message: for people. */
  byMessageIdHeader(header: string): Promise<readonly MessageId[]>;
  /** The message that a resend with this key would be taken for at a time (`Submission.dedupe`); null: none that is known to be kept. */
  firstWith(key: string, atMs: number): Promise<MessageId | null>;
  overview(): Promise<QueueOverview>;
  /**
   * All deliveries by destination and age, at a cost that does not grow with their number; ages are right to half a minute
   * (less, of a queue over very many domains). An engine that keeps no such figures leaves it out: `list` has them all.
   */
  shape?(ask: ShapeAsk): Promise<readonly ShapeRow[]>;
  audit(): Promise<AuditReport>;
  /** Forgets finished messages and their events from before; returns how many messages. Bounded work per call. */
  prune(beforeMs: number): Promise<number>;
  /** Why nothing can be accepted now, in words for operators; null: healthy. Cheap, and never throws. */
  trouble(): string | null;
  /**
   * Whether there is no more room of the kind that history takes. Cheap, and never throws. An engine that cannot tell its own
   * part of what is full (a disk that others fill) leaves it out.
   */
  isFull?(): boolean;
}

/**
 * `full`: no space left. `unavailable`: the store cannot be reached or written now. Both are 4yz to a client, never loss.
 * `in-use`: another process owns the store.
 */
export type SpoolTrouble = 'full' | 'unavailable' | 'in-use';

export class SpoolError extends Error {
  readonly kind: SpoolTrouble;
  /**
   * What was asked is refused for what it is (a value that no column takes, say), so that a repeat comes to the same: a
   * bug of the caller. The store is sound, and nothing was changed. To a client still 4yz.
   */
  readonly isFinal: boolean;
  constructor(kind: SpoolTrouble, message: string, options?: ErrorOptions & { readonly isFinal?: boolean }) {
    super(message, options);
    this.name = 'SpoolError';
    this.kind = kind;
    this.isFinal = options?.isFinal ?? false;
  }
}
