/** Mail that waits for too long: what is neither held nor scheduled. */
import type { DeliveryId } from '../../../message/ids.ts';
import type { QueuedDelivery, Spool } from '../../../spool/spool.ts';

export type OldMail = {
  readonly deliveries: number;
  /** Those with the most first, a few. */
  readonly domains: readonly { readonly domain: string; readonly deliveries: number }[];
  /** False: there may be more. */
  readonly isWhole: boolean;
};

const NONE: OldMail = { deliveries: 0, domains: [], isWhole: true };
const PAGE = 1_000;
const MOST = 20_000;
const NAMED = 5;

/** Where the oldest of all is young enough, nothing is looked through. @param ageMs older than that */
export async function oldMail(
  spool: Pick<Spool, 'overview' | 'list' | 'shape'>,
  { ageMs, nowMs }: { readonly ageMs: number; readonly nowMs: number },
): Promise<OldMail> {
  const { oldestCreatedAtMs, byState, deliveries } = await spool.overview();
  if (oldestCreatedAtMs === null || nowMs - oldestCreatedAtMs <= ageMs || byState.queued === 0) return NONE;
  // Of a long queue the engine's own figures do, though they count what is held.
  const rows = deliveries > MOST ? await spool.shape?.({ nowMs, agesMs: [ageMs] }) : undefined;
  if (rows !== undefined)
    return counted(
      rows.map(({ domain, byAge }) => [domain, byAge[1] ?? 0]),
      false,
    );
  const domains = new Map<string, number>();
  let after: DeliveryId | undefined;
  let seen = 0;
  for (; seen < MOST; seen += PAGE) {
    const page = await spool.list({ state: 'queued' }, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
    for (const queued of page) if (isOld(queued, nowMs - ageMs)) add(domains, queued.delivery.domain);
    after = page.at(-1)?.delivery.id;
    if (page.length < PAGE) break;
  }
  return counted([...domains], seen < MOST);
}

/** The age of scheduled mail counts from its time. */
function isOld({ delivery, sendAtMs = 0 }: QueuedDelivery, beforeMs: number): boolean {
  return Math.max(delivery.createdAtMs, sendAtMs) < beforeMs;
}

function add(domains: Map<string, number>, domain: string): void {
  domains.set(domain, (domains.get(domain) ?? 0) + 1);
}

function counted(all: readonly (readonly [string, number])[], isWhole: boolean): OldMail {
  const sorted = all.filter(([, count]) => count > 0).toSorted(([, one], [, other]) => other - one);
  return {
    deliveries: sorted.reduce((sum, [, count]) => sum + count, 0),
    domains: sorted.slice(0, NAMED).map(([domain, deliveries]) => ({ domain, deliveries })),
    isWhole,
  };
}
