import type { Delivery } from '../message/delivery.ts';
import { messageIdOf, parseDeliveryId, type DeliveryId, type MessageId } from '../message/ids.ts';
import { waitsForQuota } from '../message/over-quota.ts';
import type { Reply } from '../message/reply.ts';
import type { Clock, Emit } from '../ports.ts';
import { isoTime } from '../report/log-fields.ts';
import { refusedTexts } from '../schedule/reasons/refused-text.ts';
import { movedText } from '../spool/reschedule.ts';
import type { MessageStory, QueuedDelivery, QueueFilter, Spool } from '../spool/spool.ts';
import type { Suppressions } from '../spool/suppressions.ts';
import type { Traffic } from '../spool/traffic.ts';
import {
  type AuditOperations,
  OperationsError,
  type ChangeResult,
  type Explanation,
  type LiveRelay,
  type Operations,
  type QueueAction,
} from './operations.ts';
import { type AlertOperations, UNKNOWN_ALERTS } from './alert-operations.ts';
import { type ClientOperations, UNKNOWN_CLIENTS } from './client-operations.ts';
import { formatAge } from '../policy/units.ts';
import { type FigureOperations, NO_FIGURES } from './figures/figure-operations.ts';
import { recordOperations, type RecordNeeds } from './mail/record-operations.ts';
import { NO_REPORTS, type ReportOperations } from './figures/report-operations.ts';
import { storedReasons } from './mail/stored-reasons.ts';
import { suppressOperations } from './suppress/suppress-operations.ts';
import { type TokenOperations, UNKNOWN_TOKENS } from './token-operations.ts';
import { UNKNOWN_USERS, type UserOperations } from './user-operations.ts';
import { UNKNOWN_WEBHOOKS, type WebhookOperations } from './webhook-operations.ts';
import { findMessages } from './mail/find-message.ts';
import { withoutSubject } from './mail/without-subject.ts';
import { AGES_MS, ShapeCounter, shapeOf } from './mail/shape.ts';

export type StoreOperationsNeeds = {
  /** One that cannot tell of its traffic, or of addresses that are not written to, refuses to. */
  readonly spool: Spool & Partial<Traffic> & RecordNeeds['spool'] & { readonly suppressions?: Suppressions };
  readonly clock: Clock;
  /** Whether the policy allows subjects to be shown (`log.subjects`). */
  readonly showsSubjects: () => boolean;
  /** How far ahead mail may be scheduled (`limits.futureRelease`), ms. Default: as far as one likes. */
  readonly furthestMs?: () => number;
  /** null: no relay is running, the store was opened for this one command. */
  readonly live: LiveRelay | null;
  /** Default: there are none. */
  readonly nodes?: Operations['nodes'];
  /** Default: it is refused. */
  readonly route?: Operations['route'];
  /** Default: they cannot be asked. */
  readonly exits?: Pick<Operations, 'stats' | 'exits' | 'exitPasts' | 'pause' | 'resume'>;
  /** Default: they cannot be asked. */
  readonly tokens?: TokenOperations;
  /** Default: they cannot be asked. */
  readonly users?: UserOperations;
  /** Default: they cannot be asked. */
  readonly webhooks?: WebhookOperations;
  /** Default: they cannot be asked. */
  readonly figures?: FigureOperations;
  /** Default: none can be sent. */
  readonly reports?: ReportOperations;
  /** Default: they cannot be asked. */
  readonly alerts?: AlertOperations;
  /** Default: they cannot be asked. */
  readonly clients?: ClientOperations;
  /** Default: it cannot be asked. */
  readonly auditLog?: AuditOperations['auditLog'];
  /** Default: it is refused. */
  readonly tryEgress?: Operations['tryEgress'];
  /** Hears of each delivery that an operator changed. */
  readonly emit?: Emit;
};

const PAGE = 1_000;
const MOST_SHAPED = 200_000;
const MOST_TOLD = 10_000;
const NOT_RUNNING = 'no relay is running on this data folder: start it with `relevo start`';

/** The operations over a store: inside the running relay with `live`, or for one command without. */
export function createOperations(needs: StoreOperationsNeeds): Operations {
  const { spool, live } = needs;
  return {
    status: async () => live?.status() ?? null,
    overview: () => spool.overview(),
    list: ({ filter, limit, after }) => spool.list(filter, after === null ? { limit } : { limit, after }),
    shape: ({ filter }) => shape(needs, filter),
    change: ({ action, filter }) => change(needs, action, filter),
    reschedule: ({ ids, toMs }) => reschedule(needs, ids, toMs),
    story: async ({ id }) => shown(needs, await spool.story(id)),
    find: ({ text }) => findMessages(spool, text),
    explain: ({ id }) => explain(needs, id),
    route:
      needs.route ??
      (async () => {
        throw new OperationsError('the policy is not known here');
      }),
    submit: async (mail) => {
      if (live === null) throw new OperationsError(`cannot send: ${NOT_RUNNING}`);
      return live.submit(mail);
    },
    audit: () => spool.audit(),
    auditLog: needs.auditLog ?? (() => Promise.reject(new OperationsError('the audit log is not known here'))),
    traffic: async (ask) => {
      if (spool.traffic === undefined) throw new OperationsError('what passed is not known here');
      return spool.traffic(ask);
    },
    tryEgress: needs.tryEgress ?? (() => Promise.reject(new OperationsError(`cannot try it: ${NOT_RUNNING}`))),
    nodes: needs.nodes ?? (async () => []),
    ...(needs.exits ?? NO_EXITS),
    ...(needs.tokens ?? UNKNOWN_TOKENS),
    ...(needs.users ?? UNKNOWN_USERS),
    ...recordOperations(needs),
    ...suppressOperations(spool.suppressions),
    ...(needs.webhooks ?? UNKNOWN_WEBHOOKS),
    ...(needs.figures ?? NO_FIGURES),
    ...(needs.reports ?? NO_REPORTS),
    ...(needs.alerts ?? UNKNOWN_ALERTS),
    ...(needs.clients ?? UNKNOWN_CLIENTS),
  };
}

function unknownExits(): Promise<never> {
  return Promise.reject(new OperationsError('the exits are not known here'));
}

const NO_EXITS = {
  stats: unknownExits,
  exits: unknownExits,
  exitPasts: unknownExits,
  pause: unknownExits,
  resume: unknownExits,
};

async function shape({ spool, clock }: StoreOperationsNeeds, filter: QueueFilter) {
  // Without a filter the engine may know it without a walk.
  const rows =
    Object.keys(filter).length > 0 ? undefined : await spool.shape?.({ nowMs: clock.nowMs(), agesMs: AGES_MS });
  if (rows !== undefined) return shapeOf(rows, true);
  const counter = new ShapeCounter(clock.nowMs());
  let after: DeliveryId | undefined;
  for (let seen = 0; seen < MOST_SHAPED; seen += PAGE) {
    const page = await spool.list(filter, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
    for (const queued of page) counter.add(queued);
    after = page.at(-1)?.delivery.id;
    if (page.length < PAGE) return counter.shape(true);
  }
  return counter.shape(false);
}

const CANCELLED: Reply = { code: 554, detail: '7.0', text: 'cancelled by an operator before its time came' };

async function change(needs: StoreOperationsNeeds, action: QueueAction, named: QueueFilter): Promise<ChangeResult> {
  const { spool, clock, live } = needs;
  const filter = action === 'cancel' ? { ...named, scheduledAfterMs: clock.nowMs() } : named;
  const before = await firstOf(spool, filter);
  // Counted before: a delivery that was let go in between was changed, and is not reported as busy for long.
  const busy = before.filter(({ leasedUntilMs }) => leasedUntilMs !== null).length;
  const atMs = clock.nowMs();
  if (action === 'bounce') {
    if (live === null) throw new OperationsError(`cannot write reports to senders: ${NOT_RUNNING}`);
    return { changed: await live.bounce(filter), busy };
  }
  const changed =
    action === 'cancel' ? await spool.discard(filter, atMs, CANCELLED) : await spool[action](filter, atMs);
  if (changed > 0) tell(needs, before, { action, atMs });
  if (changed > 0 && (action === 'release' || action === 'retry')) live?.wake();
  return { changed, busy };
}

async function reschedule(
  { spool, clock, live, emit, furthestMs }: StoreOperationsNeeds,
  ids: readonly MessageId[],
  toMs: number,
): Promise<ChangeResult> {
  const atMs = clock.nowMs();
  const mostMs = furthestMs?.() ?? Number.POSITIVE_INFINITY;
  if (toMs - atMs > mostMs)
    throw new OperationsError(
      `not moved: ${isoTime(toMs)} is further ahead than limits.futureRelease (${formatAge(mostMs)}) of the policy allows`,
    );
  const before = await firstOf(spool, { ids });
  const changed = await spool.reschedule(ids, toMs, atMs);
  const after = changed === 0 ? [] : await firstOf(spool, { ids });
  for (const { delivery, sendAtMs } of after) {
    const was = before.find((one) => one.delivery.id === delivery.id);
    if (sendAtMs === undefined || sendAtMs === was?.sendAtMs) continue;
    emit?.({ event: 'rescheduled', ...aboutOf(delivery, atMs), reason: movedText(sendAtMs) });
  }
  if (changed > 0) live?.wake();
  return { changed, busy: before.length - changed };
}

/** At most so many are looked at for what is told of them; a change reaches all. */
async function firstOf(spool: Spool, filter: QueueFilter): Promise<readonly QueuedDelivery[]> {
  const found: QueuedDelivery[] = [];
  for (let page = 0; page < MOST_TOLD / PAGE; page++) {
    const after = found.at(-1)?.delivery.id;
    const next = await spool.list(filter, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
    found.push(...next);
    if (next.length < PAGE) break;
  }
  return found;
}

type StoreAction = Exclude<QueueAction, 'bounce'>;

/** The store wrote an event for each delivery; log and metrics are told the same. */
function tell(
  { emit }: StoreOperationsNeeds,
  before: readonly QueuedDelivery[],
  { action, atMs }: { readonly action: StoreAction; readonly atMs: number },
): void {
  if (emit === undefined) return;
  for (const { delivery, leasedUntilMs } of before) {
    if (leasedUntilMs !== null || !concerns(action, delivery, atMs)) continue;
    const of = aboutOf(delivery, atMs);
    if (action === 'discard') emit({ event: 'discarded', ...of, reply: null, egress: null });
    else if (action === 'cancel') emit({ event: 'discarded', ...of, reply: CANCELLED, egress: null });
    else emit({ event: PAST[action], ...of, reason: 'by an operator' });
  }
}

function aboutOf({ id, messageId, domain, recipients }: Delivery, atMs: number) {
  return { atMs, messageId, deliveryId: id, domain, recipients: recipients.map(({ address }) => address) };
}

const PAST = { hold: 'held', release: 'released', retry: 'retried' } as const;

/** What each command changes; the others that its filter names stay as they are. */
function concerns(action: StoreAction, delivery: Delivery, atMs: number): boolean {
  const { state, dueAtMs } = delivery;
  switch (action) {
    case 'hold':
      return state === 'queued' || waitsForQuota(delivery);
    case 'release':
      return state !== 'queued';
    case 'retry':
      return state === 'queued' && dueAtMs > atMs;
    case 'discard':
    case 'cancel':
      return true;
  }
}

function shown({ showsSubjects }: StoreOperationsNeeds, story: MessageStory | null): MessageStory | null {
  if (story === null || showsSubjects()) return story;
  return withoutSubject(story);
}

async function explain(
  needs: StoreOperationsNeeds,
  id: MessageId | DeliveryId,
): Promise<readonly Explanation[] | null> {
  const deliveryId = parseDeliveryId(id);
  const story = await needs.spool.story(deliveryId === null ? (id as MessageId) : messageIdOf(deliveryId));
  if (story === null) return null;
  const asked = story.queued.filter(({ delivery }) => deliveryId === null || delivery.id === deliveryId);
  return Promise.all(asked.map((queued) => explainOne(needs, queued, story)));
}

async function explainOne(
  { clock, live }: StoreOperationsNeeds,
  queued: QueuedDelivery,
  story: MessageStory,
): Promise<Explanation> {
  const { delivery, leasedUntilMs } = queued;
  const reasons = [...storedReasons(queued, story, clock.nowMs())];
  if (delivery.state === 'queued')
    reasons.push(
      ...(live === null
        ? [...refusedTexts(delivery, story.events), 'no relay is running']
        : await live.explain(queued, story.message)),
    );
  return {
    deliveryId: delivery.id,
    domain: delivery.domain,
    recipients: delivery.recipients.map(({ address }) => address),
    state: delivery.state,
    attempts: delivery.attempts,
    dueAtMs: delivery.dueAtMs,
    leasedUntilMs,
    lastReply: delivery.lastReply,
    lastEgress: delivery.lastEgress,
    reasons,
  };
}
