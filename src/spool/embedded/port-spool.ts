import { availableParallelism } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import type { CameBack, MessageEvent } from '../../message/event.ts';
import { messageIdOf, type DeliveryId, type MessageId } from '../../message/ids.ts';
import { PRIORITIES } from '../../message/message.ts';
import type { Reply } from '../../message/reply.ts';
import type { Clock } from '../../ports.ts';
import { type BlankSignature, oneThreadSigns } from '../../sign/blank-signature.ts';
import type { Feed } from '../feed.ts';
import { freshlyLeased } from '../fresh.ts';
import { packDoubt, packLastReply } from '../last-reply.ts';
import type { MarkStore } from '../marks.ts';
import type { Peek, Peeked, PeekTerms } from '../peek.ts';
import { headerNeedle, providerIdKey, providerIdsOf } from '../provider-ids.ts';
import type { Search, SearchAsk, SearchPage } from '../search.ts';
import type {
  AcceptResult,
  AuditReport,
  ClaimRequest,
  ClaimResult,
  LeasedDelivery,
  MessageStory,
  QueuedDelivery,
  QueueFilter,
  QueueOverview,
  Settlement,
  ShapeAsk,
  ShapeRow,
  Spool,
  Submission,
} from '../spool.ts';
import type { Suppressions } from '../suppressions.ts';
import type { Accounts } from '../tallies.ts';
import type { Traffic, TrafficAsk, TrafficPage } from '../traffic.ts';
import { Link } from './link.ts';
import { portAccounts, portFeed, portMarks, portSuppressions } from './port-accounts.ts';
import { STATES } from './rows.ts';
import type { AcceptAsk, Calls, EventAsk, LeaseAsk, LongCalls, SettleAsk } from './wire.ts';

type Leases = readonly { readonly deliveryId: DeliveryId; readonly token: number }[];

/** The spool, and what is kept beside it, as seen through a port to the thread that owns them. */
export class PortSpool implements Spool, Traffic, Search, Peek {
  readonly ledger: Accounts;
  readonly marks: MarkStore;
  readonly suppressions: Suppressions;
  readonly feed: Feed;
  readonly sign?: (blanks: readonly BlankSignature[]) => Promise<readonly string[]>;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #holdWhenInDoubt: () => readonly string[];

  /** @param holdWhenInDoubt see `EmbeddedSpoolOptions` */
  constructor(link: Link, clock: Clock, holdWhenInDoubt: () => readonly string[] = () => []) {
    this.#link = link;
    this.#clock = clock;
    this.#holdWhenInDoubt = holdWhenInDoubt;
    this.ledger = portAccounts(link, clock);
    this.marks = portMarks(link);
    this.suppressions = portSuppressions(link);
    this.feed = portFeed(link);
    if (oneThreadSigns(availableParallelism())) this.sign = (blanks) => link.call('sign', blanks);
  }

  /** Calls that are not answered yet, of the mail and of what is kept beside it. */
  get underWay(): number {
    return this.#link.underWay;
  }

  async accept(submission: Submission): Promise<AcceptResult> {
    const ask = acceptAsk(submission);
    const answer = await this.#link.call('accept', ask, ask.content.buffer as ArrayBuffer);
    if (answer.kind !== 'accepted') return answer;
    return { kind: 'accepted', leased: freshlyLeased(submission, (place) => answer.tokens[place] ?? 0) };
  }

  claim(request: ClaimRequest): Promise<ClaimResult> {
    return this.#link.call('claim', request);
  }

  async extend(leases: Leases, untilMs: number): Promise<readonly DeliveryId[]> {
    if (leases.length === 0) return [];
    const lost = await this.#link.call('extend', { leases: leases.map(leaseAsk), untilMs });
    return lost.map((place) => leases[place]?.deliveryId).filter((id) => id !== undefined);
  }

  settle(settlement: Settlement): Promise<'settled' | 'lost'> {
    return this.#link.call('settle', settleAsk(settlement));
  }

  async giveBack(leases: Leases): Promise<void> {
    if (leases.length > 0) await this.#link.call('giveBack', leases.map(leaseAsk));
  }

  reap(nowMs: number): Promise<number> {
    const reason = 'its lease ended with no result';
    return this.#link.call('reap', { beforeMs: nowMs, atMs: nowMs, reason, hold: this.#holdWhenInDoubt() });
  }

  async content(id: MessageId): ReturnType<Spool['content']> {
    const answer = await this.#link.call('content', { id, atMs: this.#clock.nowMs() });
    if (answer.kind !== 'found') return { kind: answer.kind };
    const { buffer, byteOffset, byteLength } = answer.content;
    return { kind: 'found', content: Buffer.from(buffer, byteOffset, byteLength) };
  }

  list(
    filter: QueueFilter,
    page: { readonly limit: number; readonly after?: DeliveryId },
  ): Promise<readonly QueuedDelivery[]> {
    return this.#link.call('list', { filter, limit: page.limit, after: page.after ?? null });
  }

  hold(filter: QueueFilter, atMs: number, why?: string): Promise<number> {
    return this.#link.call('hold', { filter, atMs, why: why ?? null });
  }

  release(filter: QueueFilter, atMs: number, why?: string): Promise<number> {
    return this.#link.call('release', { filter, atMs, why: why ?? null });
  }

  retry(filter: QueueFilter, atMs: number): Promise<number> {
    return this.#change('retry', filter, atMs);
  }

  discard(filter: QueueFilter, atMs: number, why?: Reply): Promise<number> {
    return this.#link.call('discard', { filter, atMs, why: why ?? null });
  }

  reschedule(ids: readonly MessageId[], toMs: number, atMs: number): Promise<number> {
    return this.#link.call('reschedule', { ids, toMs, atMs });
  }

  take(filter: QueueFilter, leaseUntilMs: number, limit: number): Promise<readonly LeasedDelivery[]> {
    return this.#link.call('take', { filter, leaseUntilMs, limit, atMs: this.#clock.nowMs() });
  }

  story(id: MessageId): Promise<MessageStory | null> {
    return this.#link.call('story', id);
  }

  byProviderId(id: string): Promise<readonly MessageId[]> {
    return this.#link.call('byProviderId', providerIdKey(id));
  }

  byMessageIdHeader(header: string): Promise<readonly MessageId[]> {
    return this.#link.call('byHeader', { needle: headerNeedle(header) });
  }

  firstWith(key: string, atMs: number): Promise<MessageId | null> {
    return this.#link.call('firstWith', { key, atMs });
  }

  async note(events: readonly CameBack[]): Promise<'noted' | 'unknown'> {
    const [first] = events;
    if (first === undefined) return 'noted';
    return await this.#link.call('note', { id: first.messageId, events: events.map(eventAsk) });
  }

  overview(): Promise<QueueOverview> {
    return this.#link.call('overview', null);
  }

  shape(ask: ShapeAsk): Promise<readonly ShapeRow[]> {
    return this.#link.call('shape', ask);
  }

  audit(): Promise<AuditReport> {
    return this.#link.call('audit', null);
  }

  traffic(ask: TrafficAsk): Promise<TrafficPage> {
    return this.#link.call('traffic', ask);
  }

  search(ask: SearchAsk): Promise<SearchPage> {
    return this.#link.call('search', ask);
  }

  peek(filter: QueueFilter, terms: PeekTerms): Promise<Peeked> {
    return this.#link.call('peek', { filter, ...terms });
  }

  prune(beforeMs: number): Promise<number> {
    return this.#link.call('prune', { beforeMs });
  }

  trouble(): string | null {
    return this.#link.trouble;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#link.detach('the spool is closed');
    return Promise.resolve();
  }

  #change<Name extends 'hold' | 'release' | 'retry'>(
    name: Name,
    filter: QueueFilter,
    atMs: number,
  ): Promise<Calls[Name]['answer'] & LongCalls[Name]['answer']> {
    return this.#link.call(name, { filter, atMs });
  }
}

/** The spool of another thread, which was given `port` by `EmbeddedSpool.connect`. */
export function spoolOverPort(port: MessagePort, clock: Clock): PortSpool {
  const link = new Link();
  link.attach(port);
  return new PortSpool(link, clock);
}

/** A submission as it goes to the owner. */
export function acceptAsk(submission: Submission): AcceptAsk {
  const { message, deliveries, content, received, dedupe, held, endsMail } = submission;
  return {
    id: message.id,
    sender: message.envelope.sender,
    client: message.client,
    priority: PRIORITIES.indexOf(message.priority),
    receivedAtMs: message.receivedAtMs,
    sizeBytes: message.sizeBytes,
    meta: JSON.stringify(message),
    deliveries: deliveries.map((delivery) => ({
      domain: delivery.domain,
      recipients: JSON.stringify(delivery.recipients),
      dueAtMs: Math.ceil(delivery.dueAtMs),
      leaseUntilMs: delivery.leaseUntilMs,
      ...(delivery.lastReply === undefined ? {} : { lastReply: JSON.stringify(delivery.lastReply) }),
    })),
    // A copy that is handed over: a view would drag along the pool that Node cuts small buffers from.
    content: new Uint8Array(content),
    event: eventAsk(received),
    dedupe: dedupe === null ? null : { key: dedupe.key, untilMs: message.receivedAtMs + dedupe.windowMs },
    ...(held === undefined ? {} : { held: held.map(eventAsk) }),
    endsMail: endsMail === true,
  };
}

/** A settlement as it goes to the owner. */
export function settleAsk(settlement: Settlement): SettleAsk {
  const { rest } = settlement;
  const providerIds = providerIdsOf(settlement.events);
  return {
    ...leaseAsk(settlement),
    atMs: settlement.atMs,
    finished: settlement.finished.map((one) => one.address),
    rest: {
      // A fraction would be refused by the strict column, and with it a settlement that must not be lost.
      dueAtMs: Math.ceil(rest.dueAtMs),
      attempts: rest.attempts,
      lastReply: packLastReply(rest),
      doubt: packDoubt(rest),
      lastEgress: rest.lastEgress,
      warnedAtMs: rest.warnedAtMs,
      state: STATES.indexOf(rest.state),
    },
    events: settlement.events.map(eventAsk),
    ...(providerIds.length === 0 ? {} : { providerIds }),
  };
}

function eventAsk(event: MessageEvent): EventAsk {
  return { kind: event.event, atMs: event.atMs, body: JSON.stringify(event) };
}

function leaseAsk(lease: Leases[number]): LeaseAsk {
  return {
    messageId: messageIdOf(lease.deliveryId),
    ordinal: Number(lease.deliveryId.slice(27)),
    token: lease.token,
  };
}
