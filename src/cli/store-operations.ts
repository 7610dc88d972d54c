import { messageIdOf, parseDeliveryId, type DeliveryId, type MessageId } from '../message/ids.ts';
import { formatReply } from '../message/reply.ts';
import type { Clock } from '../ports.ts';
import { isoTime } from '../report/log-fields.ts';
import type { MessageStory, QueuedDelivery, QueueFilter, Spool } from '../spool/spool.ts';
import {
  OperationsError,
  type ChangeResult,
  type Explanation,
  type LiveRelay,
  type Operations,
  type QueueAction,
} from './operations.ts';
import { ShapeCounter } from './shape.ts';

export type StoreOperationsNeeds = {
  readonly spool: Spool;
  readonly clock: Clock;
  /** Whether the policy allows subjects to be shown (`log.subjects`). */
  readonly showsSubjects: () => boolean;
  /** null: no relay is running, the store was opened for this one command. */
  readonly live: LiveRelay | null;
};

const PAGE = 1_000;
const MOST_SHAPED = 200_000;
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
    story: async ({ id }) => shown(needs, await spool.story(id)),
    explain: ({ id }) => explain(needs, id),
    submit: async (mail) => {
      if (live === null) throw new OperationsError(`cannot send: ${NOT_RUNNING}`);
      return live.submit(mail);
    },
    audit: () => spool.audit(),
  };
}

async function shape({ spool, clock }: StoreOperationsNeeds, filter: QueueFilter) {
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

async function change(needs: StoreOperationsNeeds, action: QueueAction, filter: QueueFilter): Promise<ChangeResult> {
  const { spool, clock, live } = needs;
  // Counted before: a delivery that was let go in between was changed, and is not reported as busy for long.
  const before = await spool.list(filter, { limit: PAGE });
  const busy = before.filter(({ leasedUntilMs }) => leasedUntilMs !== null).length;
  const nowMs = clock.nowMs();
  switch (action) {
    case 'hold':
      return { changed: await spool.hold(filter, nowMs), busy };
    case 'discard':
      return { changed: await spool.discard(filter, nowMs), busy };
    case 'release':
    case 'retry': {
      const changed = await (action === 'retry' ? spool.retry(filter, nowMs) : spool.release(filter, nowMs));
      if (changed > 0) live?.wake();
      return { changed, busy };
    }
    case 'bounce':
      if (live === null) throw new OperationsError(`cannot write reports to senders: ${NOT_RUNNING}`);
      return { changed: await live.bounce(filter), busy };
  }
}

function shown({ showsSubjects }: StoreOperationsNeeds, story: MessageStory | null): MessageStory | null {
  if (story === null || showsSubjects()) return story;
  const events = story.events.map((event) => (event.event === 'received' ? { ...event, subject: null } : event));
  return { ...story, message: { ...story.message, subject: null }, events };
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
    reasons.push(...(live === null ? ['no relay is running'] : await live.explain(queued, story.message)));
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

/** What the store alone tells. */
function* storedReasons({ delivery }: QueuedDelivery, story: MessageStory, nowMs: number): Generator<string> {
  if (delivery.state !== 'queued') {
    const wanted = delivery.state === 'held' ? 'held' : 'quarantined';
    const cause = story.events.findLast((event) => event.event === wanted && event.deliveryId === delivery.id);
    const reason = cause !== undefined && 'reason' in cause && cause.reason !== '' ? `: ${cause.reason}` : '';
    yield `${delivery.state}${reason}; \`relevo queue release --id ${delivery.id}\` lets it go`;
    return;
  }
  if (delivery.dueAtMs > nowMs) {
    const after = delivery.attempts === 0 ? 'not tried yet' : `after attempt ${delivery.attempts}`;
    yield `waits until ${isoTime(delivery.dueAtMs)} (${after})`;
  }
  if (delivery.lastReply !== null) {
    const egress = delivery.lastEgress === null ? '' : ` by ${delivery.lastEgress}`;
    yield `the last attempt${egress} got: ${formatReply(delivery.lastReply)}`;
  }
}
