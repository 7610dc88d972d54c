/** Deliveries that wait in the store for what has come about already. */
import type { DeliveryId } from '../message/ids.ts';
import type { QueuedDelivery } from '../spool/spool.ts';
import type { Schedule } from './schedule.ts';
import { retryDelayMs } from './settlement/retry.ts';
import { isWaitText, waitsForExit } from './window/groups.ts';

const PAGE = 500;
/** Pages that are read for an exit that can take a little more: what is not found among them comes up by itself. */
const PAGES_FOR_EXIT = 20;
/** No wait after an attempt is longer than its planned delay by more than the jitter. */
const LONGEST_SHARE = 1.2;

type Needs = Pick<Schedule, 'clock' | 'policy' | 'spool' | 'closing' | 'claimSoon'>;

/**
 * The clock was put back, or a limit raised: deliveries put off by the old one would wait for nothing. Those that wait
 * longer than their plan has it are made due; scheduled mail is left alone.
 * @param reopened only so many, the newest, of those that wait for that exit, looked for in a bounded part of the queue
 */
export async function mendDueTimes(
  needs: Needs,
  reopened?: { readonly exit: string; readonly most: number },
): Promise<void> {
  const { spool, clock, closing } = needs;
  let left = reopened?.most ?? Number.POSITIVE_INFINITY;
  let after: DeliveryId | undefined;
  for (let pages = reopened === undefined ? Number.POSITIVE_INFINITY : PAGES_FOR_EXIT; pages > 0; pages--) {
    const page = { limit: PAGE, ...(after === undefined ? {} : { after }) };
    const queued = await spool.list({ state: 'queued' }, page);
    const tooLong = queued.filter((one) =>
      reopened === undefined ? waitsTooLong(needs, one) : waitsFor(needs, one, reopened.exit),
    );
    const late = tooLong.slice(0, left).map(({ delivery }) => delivery.id);
    left -= late.length;
    if (late.length > 0) await spool.retry({ ids: late }, clock.nowMs());
    after = queued.at(-1)?.delivery.id;
    if (queued.length < PAGE || after === undefined || left <= 0 || closing.signal.aborted) break;
  }
  needs.claimSoon();
}

function waitsFor({ clock }: Needs, { delivery, leasedUntilMs, sendAtMs = 0 }: QueuedDelivery, exit: string): boolean {
  if (sendAtMs > clock.nowMs()) return false;
  if (leasedUntilMs !== null || delivery.lastReply === null || delivery.dueAtMs <= clock.nowMs()) return false;
  return waitsForExit(delivery.lastReply.text, exit);
}

function waitsTooLong({ clock, policy }: Needs, { delivery, leasedUntilMs, sendAtMs = 0 }: QueuedDelivery): boolean {
  if (sendAtMs > clock.nowMs()) return false;
  if (leasedUntilMs !== null || delivery.lastReply === null) return false;
  if (delivery.dueAtMs > clock.nowMs() && isWaitText(delivery.lastReply.text)) return true;
  const plannedMs = retryDelayMs(policy().retry, delivery.attempts, 0.5);
  return delivery.dueAtMs - clock.nowMs() > plannedMs * LONGEST_SHARE;
}
