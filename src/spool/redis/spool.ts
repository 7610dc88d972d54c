import type { CameBack, MessageEvent } from '../../message/event.ts';
import type { DeliveryId, MessageId } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import type { Clock } from '../../ports.ts';
import type { Nodes } from '../nodes.ts';
import {
  SpoolError,
  type AcceptResult,
  type AuditReport,
  type ClaimRequest,
  type ClaimResult,
  type LeasedDelivery,
  type MessageStory,
  type QueuedDelivery,
  type QueueFilter,
  type QueueOverview,
  type Settlement,
  type ShapeAsk,
  type ShapeRow,
  type Spool,
  type Submission,
} from '../spool.ts';
import type { Peek, Peeked, PeekTerms } from '../peek.ts';
import type { Search, SearchAsk, SearchPage } from '../search.ts';
import type { Traffic, TrafficAsk, TrafficPage } from '../traffic.ts';
import { accept, firstWith } from './accept.ts';
import { audit } from './audit.ts';
import { claim } from './claim.ts';
import { RedisFeed, wantFeed } from './feed.ts';
import { byMessageIdHeader, byProviderId, content, note, overview, prune, story } from './find.ts';
import { openForm, raiseForm } from './form.ts';
import { Keys } from './keys.ts';
import { RedisLedger } from './ledger.ts';
import type { RedisLink } from './link.ts';
import { RedisMarks } from './marks.ts';
import { refuseWhileMoved } from './move-mark.ts';
import { RedisNodes } from './nodes.ts';
import { discard, hold, list, reap, reapOwn, release, retry, take } from './operate.ts';
import { peek } from './peek.ts';
import { reschedule } from './reschedule.ts';
import { search } from './search.ts';
import { extend, giveBack, settle } from './settle.ts';
import { RedisShape } from './shape.ts';
import { Store } from './store.ts';
import { RedisSuppressions } from './suppressions.ts';
import { traffic } from './traffic.ts';
import { identityOf, watchOf } from './watch.ts';

export type RedisSpoolOptions = {
  /** Taken over: it ends with the spool. */
  readonly link: RedisLink;
  /** In front of every key, so that several relays can share a server. Without braces. */
  readonly prefix: string;
  readonly clock: Clock;
  /**
   * How many parts a new spool is made of, each of which Redis keeps in one place; fixed with the first opening. Default:
   * 16 on a cluster, else 1.
   */
  readonly shards?: number;
  /**
   * Who owns the leases that are booked here: unlike that of any other process that lives, and the same after a restart.
   * Opening frees what a dead process of that name held.
   */
  readonly node: string;
  /** Called before that, with the nodes that share the spool; rejects where another process of that name may live. */
  readonly admit?: (nodes: Nodes) => Promise<void>;
  /**
   * Hears of what the engine did by itself once that is kept: deliveries that it quarantined, held, or found in doubt
   * (`reap`). Those that a dead process left in doubt are counted by `report.reaped` instead: they may be very many.
   */
  readonly onEvents?: (events: readonly MessageEvent[]) => void;
  /**
   * Streams whose deliveries are held rather than queued when whoever leased them died: a copy may be out. Asked each
   * time. Default: none.
   */
  readonly holdWhenInDoubt?: () => readonly string[];
  /**
   * Whether somebody follows the history of all messages (`feed`), so that it is written. Asked at the opening, and now and then.
   * Default: whoever asks for it wants it, and it stays.
   */
  readonly feed?: () => boolean;
};

/** `identity` is of no other spool; `reaped`: leases of a dead process of this node's name that were freed; each may have been a copy on its way. */
export type OpenReport = { readonly reaped: number; readonly identity: string };

type Leases = readonly { readonly deliveryId: DeliveryId; readonly token: number }[];

/**
 * Opens the spool under a prefix, made where there is none.
 * @throws SpoolError `in-use` when it is kept in a form that this version does not know, or cannot use beside nodes of before
 */
export async function openRedisSpool(options: RedisSpoolOptions): Promise<RedisSpool> {
  const { link, prefix, clock } = options;
  const store = await openStore(options);
  await refuseWhileMoved(store, link, prefix);
  await options.admit?.(new RedisNodes((ask) => ask(store)));
  await raiseForm(store, link, prefix);
  link.watch(watchOf(prefix, store.format));
  if (options.feed?.() === true) await wantFeed(store);
  const report = { reaped: await reapOwn(store, clock.nowMs()), identity: identityOf(store.format) };
  return new RedisSpool({ store, link, report });
}

/** The shards of the spool under a prefix, made where there is none. Rejects as `openRedisSpool`. */
export async function openStore(options: RedisSpoolOptions): Promise<Store> {
  const {
    link,
    prefix,
    clock,
    node,
    onEvents = () => undefined,
    holdWhenInDoubt = () => [],
    feed = () => true,
  } = options;
  const { format, shards } = await openForm(options);
  return new Store({ link, keys: new Keys(prefix, shards), format, clock, node, onEvents, holdWhenInDoubt, feed });
}

/** A spool on a Redis server that many processes share, and what is kept beside it. */
export class RedisSpool implements Spool, Traffic, Search, Peek {
  readonly ledger: RedisLedger;
  readonly marks: RedisMarks;
  readonly suppressions: RedisSuppressions;
  readonly feed: RedisFeed;
  readonly nodes: RedisNodes;
  /** What the opening found. */
  readonly report: OpenReport;
  readonly #store: Store;
  readonly #shape: RedisShape;
  readonly #link: RedisLink;
  readonly #pending = new Set<Promise<unknown>>();
  #closed: Promise<void> | null = null;

  /** Made by `openRedisSpool`. */
  constructor(of: { readonly store: Store; readonly link: RedisLink; readonly report: OpenReport }) {
    this.#store = of.store;
    this.#link = of.link;
    this.report = of.report;
    this.ledger = new RedisLedger((ask) => this.#ask(ask));
    this.marks = new RedisMarks((ask) => this.#ask(ask));
    this.suppressions = new RedisSuppressions((ask) => this.#ask(ask));
    this.feed = new RedisFeed((ask) => this.#ask(ask));
    this.nodes = new RedisNodes((ask) => this.#ask(ask));
    this.#shape = new RedisShape((ask) => this.#ask(ask));
  }

  accept(submission: Submission): Promise<AcceptResult> {
    return this.#ask((store) => accept(store, submission));
  }

  claim(request: ClaimRequest): Promise<ClaimResult> {
    return this.#ask((store) => claim(store, request));
  }

  extend(leases: Leases, untilMs: number): Promise<readonly DeliveryId[]> {
    return this.#ask((store) => extend(store, leases, untilMs));
  }

  settle(settlement: Settlement): Promise<'settled' | 'lost'> {
    return this.#ask((store) => settle(store, settlement));
  }

  giveBack(leases: Leases, node?: string): Promise<void> {
    return this.#ask((store) => giveBack(store, leases, node));
  }

  reap(nowMs: number): Promise<number> {
    return this.#ask((store) => reap(store, nowMs));
  }

  content(id: MessageId): ReturnType<Spool['content']> {
    return this.#ask((store) => content(store, id));
  }

  list(
    filter: QueueFilter,
    page: { readonly limit: number; readonly after?: DeliveryId },
  ): Promise<readonly QueuedDelivery[]> {
    return this.#ask((store) => list(store, filter, page));
  }

  hold(filter: QueueFilter, atMs: number, why?: string): Promise<number> {
    return this.#ask((store) => hold(store, filter, { atMs, why }));
  }

  release(filter: QueueFilter, atMs: number, why?: string): Promise<number> {
    return this.#ask((store) => release(store, filter, { atMs, why }));
  }

  retry(filter: QueueFilter, atMs: number): Promise<number> {
    return this.#ask((store) => retry(store, filter, atMs));
  }

  discard(filter: QueueFilter, atMs: number, why: Reply | null = null): Promise<number> {
    return this.#ask((store) => discard(store, filter, { atMs, why }));
  }

  reschedule(ids: readonly MessageId[], toMs: number, atMs: number): Promise<number> {
    return this.#ask((store) => reschedule(store, ids, { toMs, atMs }));
  }

  take(filter: QueueFilter, leaseUntilMs: number, limit: number): Promise<readonly LeasedDelivery[]> {
    return this.#ask((store) => take(store, filter, { leaseUntilMs, limit }));
  }

  story(id: MessageId, of?: DeliveryId): Promise<MessageStory | null> {
    return this.#ask((store) => story(store, id, of));
  }

  byProviderId(id: string): Promise<readonly MessageId[]> {
    return this.#ask((store) => byProviderId(store, id));
  }

  byMessageIdHeader(header: string): Promise<readonly MessageId[]> {
    return this.#ask((store) => byMessageIdHeader(store, header));
  }

  firstWith(key: string, atMs: number): Promise<MessageId | null> {
    return this.#ask((store) => firstWith(store, key, atMs));
  }

  note(events: readonly CameBack[]): Promise<'noted' | 'unknown'> {
    return this.#ask((store) => note(store, events));
  }

  overview(): Promise<QueueOverview> {
    return this.#ask(overview);
  }

  shape(ask: ShapeAsk): Promise<readonly ShapeRow[]> {
    return this.#shape.rows(ask);
  }

  audit(): Promise<AuditReport> {
    return this.#ask(audit);
  }

  traffic(ask: TrafficAsk): Promise<TrafficPage> {
    return this.#ask((store) => traffic(store, ask));
  }

  search(ask: SearchAsk): Promise<SearchPage> {
    return this.#ask((store) => search(store, ask));
  }

  peek(filter: QueueFilter, terms: PeekTerms): Promise<Peeked> {
    return this.#ask((store) => peek(store, filter, terms));
  }

  async prune(beforeMs: number): Promise<number> {
    const pruned = await this.#ask((store) => prune(store, beforeMs));
    // Whoever is told of none does not ask again for a while.
    if (pruned === 0) await this.#shape.pour(this.#store.clock.nowMs());
    return pruned;
  }

  trouble(): string | null {
    return this.#closed === null ? this.#link.trouble() : 'the spool is closed';
  }

  isFull(): boolean {
    return this.#link.isFull();
  }

  /** Everything asked before is answered first. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#pending);
      await this.#link[Symbol.asyncDispose]();
    })();
    return this.#closed;
  }

  async #ask<Answer>(ask: (store: Store) => Promise<Answer>): Promise<Answer> {
    if (this.#closed !== null) throw new SpoolError('unavailable', 'the spool is closed');
    const answer = ask(this.#store);
    this.#pending.add(answer);
    try {
      return await answer;
    } finally {
      this.#pending.delete(answer);
    }
  }
}
