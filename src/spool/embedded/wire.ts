/**
 * What goes between a thread that uses the spool and the one that owns it. What is stored as JSON is written as JSON
 * by the asker and passes the owner unread: cheaper than cloning the objects (measured, docs/decisions/0001).
 */
import type {
  AuditReport,
  ClaimRequest,
  LeasedDelivery,
  MessageStory,
  QueuedDelivery,
  QueueFilter,
  QueueOverview,
  ShapeAsk,
  ShapeRow,
  SpoolTrouble,
} from '../spool.ts';
import type { FeedPlace } from '../feed.ts';
import type { Mark, MarkExchange } from '../marks.ts';
import type { Suppression, SuppressionFilter, SuppressionKey, SuppressionPage, Suppressions } from '../suppressions.ts';
import type { Count, TakeTurns, Tally } from '../tallies.ts';
import type { Peeked, PeekTerms } from '../peek.ts';
import type { SearchAsk, SearchPage } from '../search.ts';
import type { TrafficAsk, TrafficPage } from '../traffic.ts';
import type { Block, Draw, DrawResult, ReturnBlock, SpendBlock, TakeBlock, TakeSlot, Slot } from '../ledger.ts';
import type { MessagePort } from 'node:worker_threads';
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import type { BlankSignature } from '../../sign/blank-signature.ts';

export type AcceptAsk = {
  readonly id: MessageId;
  readonly sender: string;
  readonly client: string;
  readonly priority: number;
  readonly receivedAtMs: number;
  /** See `Message`. */
  readonly sizeBytes: number;
  /** The message, as JSON. */
  readonly meta: string;
  readonly deliveries: readonly NewDeliveryAsk[];
  readonly content: Uint8Array;
  readonly event: EventAsk;
  readonly dedupe: { readonly key: string; readonly untilMs: number } | null;
  /** Absent: they are queued. */
  readonly held?: readonly EventAsk[];
  readonly endsMail: boolean;
};

export type NewDeliveryAsk = {
  readonly domain: string;
  /** As JSON. */
  readonly recipients: string;
  readonly dueAtMs: number;
  readonly leaseUntilMs: number | null;
  /** As JSON. Absent: none. */
  readonly lastReply?: string;
};

export type EventAsk = { readonly kind: string; readonly atMs: number; readonly body: string };

/** `tokens`, in order, of the deliveries that asked for a lease. `known`: this message id is in the spool already. */
export type AcceptAnswer =
  | { readonly kind: 'accepted'; readonly tokens: readonly number[] }
  | { readonly kind: 'known' }
  | { readonly kind: 'duplicate'; readonly of: MessageId };

export type LeaseAsk = { readonly messageId: MessageId; readonly ordinal: number; readonly token: number };

export type SettleAsk = LeaseAsk & {
  readonly atMs: number;
  readonly finished: readonly string[];
  readonly rest: {
    readonly dueAtMs: number;
    readonly attempts: number;
    readonly lastReply: string | null;
    /** What is kept of it where there is no room. */
    readonly doubt: string | null;
    readonly lastEgress: string | null;
    readonly warnedAtMs: number | null;
    readonly state: number;
  };
  readonly events: readonly EventAsk[];
  /** What providers call it, where they were told to take it. */
  readonly providerIds?: readonly string[];
};

export type ContentAnswer =
  | { readonly kind: 'found'; readonly content: Uint8Array }
  | { readonly kind: 'missing' | 'corrupt' };

type FilterAsk = { readonly filter: QueueFilter; readonly atMs: number };

/** Where a page goes on: after this. */
export type CountCursor = Pick<Count, 'account' | 'startsAtMs'>;

export type CountsAsk = {
  readonly prefix: string;
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly after: CountCursor | null;
};

/** `next` null: that was the last. */
export type CountsPage = { readonly counts: readonly Count[]; readonly next: CountCursor | null };
export type MarksPage = { readonly marks: readonly Mark[]; readonly next: string | null };

export type SuppressedAsk = Parameters<Suppressions['suppressed']>[0];
export type SuppressionsAsk = {
  readonly filter: SuppressionFilter;
  readonly limit: number;
  readonly after: string | null;
};

/** Events as JSON, in order. */
export type FeedPage = { readonly bodies: readonly string[]; readonly next: FeedPlace | null };

type ReapAsk = {
  /** null: all leases, whose owners are dead. */
  readonly beforeMs: number | null;
  readonly atMs: number;
  readonly reason: string;
  /** Streams whose deliveries are held then. */
  readonly hold: readonly string[];
};

/** Answered at once, in groups that commit together. */
export type QuickCalls = {
  accept: { ask: AcceptAsk; answer: AcceptAnswer };
  claim: {
    ask: ClaimRequest;
    answer: { readonly leased: readonly LeasedDelivery[]; readonly nextDueAtMs: number | null };
  };
  /** The places in `leases` of those that were lost. */
  extend: { ask: { readonly leases: readonly LeaseAsk[]; readonly untilMs: number }; answer: readonly number[] };
  settle: { ask: SettleAsk; answer: 'settled' | 'lost' };
  giveBack: { ask: readonly LeaseAsk[]; answer: null };
  content: { ask: { readonly id: MessageId; readonly atMs: number }; answer: ContentAnswer };
  story: { ask: MessageId; answer: MessageStory | null };
  byProviderId: { ask: string; answer: readonly MessageId[] };
  firstWith: { ask: { readonly key: string; readonly atMs: number }; answer: MessageId | null };
  note: { ask: { readonly id: MessageId; readonly events: readonly EventAsk[] }; answer: 'noted' | 'unknown' };
  overview: { ask: null; answer: QueueOverview };
  prune: { ask: { readonly beforeMs: number }; answer: number };
  draw: { ask: Draw; answer: DrawResult };
  takeBlock: { ask: TakeBlock; answer: Block };
  spend: { ask: SpendBlock; answer: 'spent' | 'lost' };
  returnBlock: { ask: ReturnBlock; answer: null };
  takeSlot: { ask: TakeSlot; answer: Slot };
  count: { ask: { readonly tallies: readonly Tally[]; readonly nowMs: number }; answer: null };
  counts: { ask: CountsAsk; answer: CountsPage };
  takeTurns: { ask: TakeTurns & { readonly nowMs: number }; answer: readonly number[] };
  marks: { ask: { readonly prefix: string; readonly after: string | null }; answer: MarksPage };
  mark: { ask: readonly Mark[]; answer: null };
  unmark: { ask: readonly string[]; answer: null };
  exchange: { ask: MarkExchange; answer: boolean };
  suppressed: { ask: SuppressedAsk; answer: readonly Suppression[] };
  suppress: { ask: readonly Suppression[]; answer: null };
  unsuppress: { ask: readonly SuppressionKey[]; answer: number };
  suppressions: { ask: SuppressionsAsk; answer: SuppressionPage };
  suppressedSince: {
    ask: { readonly since: number; readonly limit: number };
    answer: Awaited<ReturnType<Suppressions['suppressedSince']>>;
  };
  sweepSuppressions: { ask: number; answer: number };
  feed: { ask: { readonly after: FeedPlace | null; readonly limit: number }; answer: FeedPage };
  feedEnd: { ask: null; answer: FeedPlace | null };
  feedAt: { ask: number; answer: FeedPlace | null };
};

/** May walk the whole queue: done in slices between the groups, each slice a transaction. */
export type LongCalls = {
  reap: { ask: ReapAsk; answer: number };
  list: {
    ask: { readonly filter: QueueFilter; readonly limit: number; readonly after: string | null };
    answer: readonly QueuedDelivery[];
  };
  shape: { ask: ShapeAsk; answer: readonly ShapeRow[] };
  hold: { ask: FilterAsk & { readonly why: string | null }; answer: number };
  release: { ask: FilterAsk & { readonly why: string | null }; answer: number };
  retry: { ask: FilterAsk; answer: number };
  discard: { ask: FilterAsk & { readonly why: Reply | null }; answer: number };
  reschedule: {
    ask: { readonly ids: readonly MessageId[]; readonly toMs: number; readonly atMs: number };
    answer: number;
  };
  take: {
    ask: { readonly filter: QueueFilter; readonly leaseUntilMs: number; readonly limit: number; readonly atMs: number };
    answer: readonly LeasedDelivery[];
  };
  audit: { ask: null; answer: AuditReport };
  traffic: { ask: TrafficAsk; answer: TrafficPage };
  byHeader: { ask: { readonly needle: string }; answer: readonly MessageId[] };
  search: { ask: SearchAsk; answer: SearchPage };
  peek: { ask: { readonly filter: QueueFilter } & PeekTerms; answer: Peeked };
};

/** What is no matter of the database: done between the groups, too. */
export type SigningCalls = {
  sign: { ask: readonly BlankSignature[]; answer: readonly string[] };
};

export type Calls = QuickCalls & LongCalls & SigningCalls;
export type CallName = keyof Calls;

/** One request: its number, which the answer repeats, and what is asked. */
export type Request<Name extends CallName = CallName> = readonly [number, Name, Calls[Name]['ask']];

/** All the requests of one turn of the asker's event loop. */
export type Batch = readonly Request[];

export type Answer =
  | readonly [id: number, kind: 'ok', value: unknown]
  /** `refused`: whatever the store's state, `SpoolError.isFinal`. */
  | readonly [id: number, kind: SpoolTrouble | 'refused', message: string];

/** All the answers of one group, and what `trouble()` says from now on. */
export type Answers = { readonly answers: readonly Answer[]; readonly trouble: string | null };

/** What the owner's thread is started with. */
export type OwnerStart = {
  readonly folder: string;
  readonly durability: 'fsync' | 'relaxed';
  /**
   * False at a process's start: whoever held leases is dead, and a missing spool is made. True when a thread takes over
   * from one that died: leases go on, and a spool that is gone is not replaced by an empty one.
   */
  readonly restart: boolean;
  readonly nowMs: number;
  /** Streams whose deliveries are held when their owner died. */
  readonly hold: readonly string[];
  readonly floorBytes: number | null;
  /** It may have part in a move: nobody else opens such a store. */
  readonly forMove?: true;
};

/** From the owner's thread to the one that started it. */
export type OwnerNews =
  | { readonly kind: 'opened'; readonly report: OpenReport }
  | { readonly kind: 'refused'; readonly trouble: SpoolTrouble; readonly message: string }
  /** What the store did by itself, in order. May come before `opened`. */
  | { readonly kind: 'events'; readonly events: readonly MessageEvent[] }
  | { readonly kind: 'closed' };

export type OwnerOrder = { readonly kind: 'port'; readonly port: MessagePort } | { readonly kind: 'close' };

export type OpenReport = {
  /** Leases of a dead owner that were freed, each with an `in-doubt` event in its story; those are not told one by one. */
  readonly reaped: number;
  /** null: the database was sound. */
  readonly salvaged: SalvageReport | null;
};

/** A damaged database was set aside and what could be read of it was carried over. */
export type SalvageReport = {
  /** Where the damaged database is now. */
  readonly keptAs: string;
  readonly cause: string;
  readonly messagesCarried: number;
  /** Open messages whose content or deliveries could not be read whole: in the queue, quarantined. */
  readonly messagesQuarantined: number;
  /** Rows that could not be read: at most so many messages are lost beyond those. null: nothing could be read at all. */
  readonly rowsUnreadable: number | null;
};
