import { messageIdOf, type DeliveryId } from '../../message/ids.ts';
import type { MessageEvent } from '../../message/event.ts';
import { SpoolError, type Settlement } from '../spool.ts';
import { packDoubt, packLastReply } from '../last-reply.ts';
import { providerIdsOf } from '../provider-ids.ts';
import { packEvent } from './event-lines.ts';
import { STATES } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, type Store } from './store.ts';

type ScriptArgs = readonly [untilMs: number, node: string, nowMs: number];
type Leases = readonly { readonly deliveryId: DeliveryId; readonly token: number }[];

/** Events that a delivery may have without end. The log has them as well; the audit needs none of them. */
const OF_RETRIES: ReadonlySet<string> = new Set(['attempted', 'deferred'] satisfies MessageEvent['event'][]);
const LEASES_AT_ONCE = 200;

/** See `Spool.settle`. */
export async function settle(store: Store, settlement: Settlement): Promise<'settled' | 'lost'> {
  const { deliveryId, rest, finished } = settlement;
  // On a server that has no room, mail that is tried again and again must not use up what delivering it needs.
  const frugal = !store.isSound && finished.length === 0;
  const events = settlement.events.filter(({ event }) => !frugal || !OF_RETRIES.has(event));
  const reply = await store.runTogether(store.keys.shardOf(messageIdOf(deliveryId)), SCRIPTS.settle, [
    deliveryId,
    settlement.token,
    settlement.atMs,
    events.map((event) => packEvent(event)).join('\n'),
    STATES.indexOf(rest.state),
    Math.ceil(rest.dueAtMs),
    rest.attempts,
    rest.warnedAtMs ?? 0,
    nameOf(rest.lastEgress),
    (frugal ? packDoubt(rest) : packLastReply(rest)) ?? '',
    providerIdsOf(events).join(' '),
    ...finished.map(({ address }) => JSON.stringify(address)),
  ]);
  return reply === 1 ? 'settled' : 'lost';
}

/** As the record holds it; see `packDelivery`. */
function nameOf(egress: string | null): string {
  if (egress?.includes('\0') === true)
    throw new SpoolError('unavailable', 'a name has a zero in it', { isFinal: true });
  return egress ?? '';
}

/** See `Spool.extend`. */
export function extend(store: Store, leases: Leases, untilMs: number): Promise<readonly DeliveryId[]> {
  return changeEnds(store, leases, [untilMs, '', 0]);
}

/** See `Spool.giveBack`. */
export async function giveBack(store: Store, leases: Leases, node = ''): Promise<void> {
  await changeEnds(store, leases, [0, node, store.clock.nowMs()]);
}

/** @returns those that were not ours */
async function changeEnds(store: Store, leases: Leases, how: ScriptArgs): Promise<readonly DeliveryId[]> {
  const lost = new Set<DeliveryId>();
  for (const [shard, all] of byShard(store, leases)) {
    for (let from = 0; from < all.length; from += LEASES_AT_ONCE) {
      const some = all.slice(from, from + LEASES_AT_ONCE);
      const args = [...how, ...some.flatMap(({ deliveryId, token }) => [deliveryId, token])];
      for (const place of listOf<number>(await store.run(shard, SCRIPTS.extend, args))) {
        const one = some[place - 1];
        if (one !== undefined) lost.add(one.deliveryId);
      }
    }
  }
  return leases.map(({ deliveryId }) => deliveryId).filter((id) => lost.has(id));
}

function byShard(store: Store, leases: Leases): Map<number, Leases[number][]> {
  return Map.groupBy(leases, ({ deliveryId }) => store.keys.shardOf(messageIdOf(deliveryId)));
}
