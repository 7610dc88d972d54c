/** The queued bulk mail of a client that is held, and let go again. */
import type { DeliveryId } from '../message/ids.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { QueuedDelivery, Spool } from '../spool/spool.ts';
import { HELD_BY_GUARD, heldText, type Hold } from './holds.ts';

export type HeldMailNeeds = {
  readonly policy: () => Policy;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly spool: Pick<Spool, 'hold' | 'release' | 'list' | 'story'>;
  /** Something is due. */
  readonly wake: () => void;
};

const PAGE = 500;
/** Deliveries whose story is read in one go: more are for the next. */
const MOST = 10_000;

/** What of it nobody is trying; those who try mail hold the rest themselves. @returns how many */
export async function holdMail({ policy, clock, spool }: HeldMailNeeds, hold: Hold): Promise<number> {
  let count = 0;
  for (const stream of bulkStreams(policy()))
    count += await spool.hold({ client: hold.client, stream, state: 'queued' }, clock.nowMs(), heldText(hold));
  return count;
}

/** What the guard held, and nothing that waits for another reason. @returns `some`: there may be more */
export async function releaseMail(
  { policy, clock, spool, wake }: HeldMailNeeds,
  client: string,
): Promise<'all' | 'some'> {
  let seen = 0;
  for (const stream of bulkStreams(policy())) {
    let after: DeliveryId | undefined;
    for (;;) {
      const filter = { client, stream, state: 'held' as const };
      const page = await spool.list(filter, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
      const ours: DeliveryId[] = [];
      for (const queued of page) if (await isHeldByGuard(spool, queued)) ours.push(queued.delivery.id);
      if (ours.length > 0) await spool.release({ ids: ours }, clock.nowMs());
      if (ours.length > 0) wake();
      after = page.at(-1)?.delivery.id;
      seen += page.length;
      if (page.length < PAGE) break;
      if (seen >= MOST) return 'some';
    }
  }
  return 'all';
}

async function isHeldByGuard(spool: Pick<Spool, 'story'>, { delivery }: QueuedDelivery): Promise<boolean> {
  const story = await spool.story(delivery.messageId, delivery.id);
  const held = story?.events.findLast((event) => event.event === 'held' && event.deliveryId === delivery.id);
  return held !== undefined && 'reason' in held && held.reason.startsWith(HELD_BY_GUARD);
}

/** Streams that take bulk mail. */
function bulkStreams({ streams }: Pick<Policy, 'streams'>): string[] {
  return Object.entries(streams).flatMap(([name, { bulk }]) => (bulk ? [name] : []));
}
