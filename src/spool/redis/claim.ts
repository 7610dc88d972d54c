import { PRIORITIES } from '../../message/message.ts';
import { messageIdOf, type DeliveryId } from '../../message/ids.ts';
import { nodeOfOwner } from '../nodes.ts';
import type { ClaimRequest, ClaimResult, LeasedDelivery } from '../spool.ts';
import { change } from './change.ts';
import { Front } from './front.ts';
import { partsOfLane } from './keys.ts';
import { plan, type Candidate, type Lanes } from './plan.ts';
import { deliveryOf, parseDeliveryRecord, parseMessageRecord, recipientsOf } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import type { Found } from './walk.ts';

/** Whoever asks for more gets it by asking again: one claim does not hold up the others for long. */
const CLAIMED_AT_ONCE = 500;
const LEASED_AT_ONCE = 100;
/** Others may take what was planned; then there is a new plan for the rest, so many times. */
const ROUNDS = 3;

/**
 * See `Spool.claim`. Three looks at each shard: which lanes wait (`Front`), what is due there, and what of the plan can
 * still be had. Each costs what may be taken, not what is queued.
 */
export function claim(store: Store, asked: ClaimRequest): Promise<ClaimResult> {
  // One after the other here: each would plan on the same deliveries, and all but one in vain.
  return store.inTurn('claim', () => claimNow(store, asked));
}

async function claimNow(store: Store, asked: ClaimRequest): Promise<ClaimResult> {
  const limit = Math.min(asked.limit, CLAIMED_AT_ONCE);
  const exclude = new Set(asked.exclude);
  const leased: LeasedDelivery[] = [];
  const front = new Front(store, { nowMs: asked.nowMs, exclude });
  try {
    await store.lookAtNodes();
    for (let round = 0; round < ROUNDS; round++) {
      const room = limit - leased.length;
      await front.look(room);
      if (room <= 0) break;
      const request = { ...asked, limit: room };
      const candidates = await candidatesAt(store, front, request);
      const planned = plan(store.turns, candidates, { ...request, takenOf: countByLane(leased) });
      const found = await lease(store, planned, { request, front, onto: leased });
      if (found === planned.length) break;
    }
    return { leased, nextDueAtMs: await front.nextDueAtMs() };
  } catch (error) {
    // What one server did lease is not to be lost with another that is gone; whoever asks at once again learns of that.
    if (leased.length > 0) return { leased, nextDueAtMs: asked.nowMs };
    throw error;
  }
}

function countByLane(leased: readonly LeasedDelivery[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { delivery } of leased) counts.set(delivery.domain, (counts.get(delivery.domain) ?? 0) + 1);
  return counts;
}

/** What is due in the lanes at the front, by priority. */
function candidatesAt(store: Store, front: Front, request: ClaimRequest): Promise<Lanes[]> {
  return Promise.all(
    PRIORITIES.map(async (_, priority) => {
      const lanes = new Map<string, Map<string, Candidate[]>>();
      const domains = front.lanes(priority);
      for (const domain of domains) lanes.set(domain, new Map());
      if (domains.length === 0) return lanes;
      const replies = await Promise.all(
        store.shards.map(async (shard) => {
          const some = domains.filter((domain) => front.isDueIn(shard, priority, domain));
          if (some.length === 0) return;
          const turns = some.flatMap((domain) => [domain, store.turns.lastClient(`${priority} ${domain}`)]);
          const perLane = Math.min(request.perLane, request.limit);
          const args = [priority, request.nowMs, perLane, request.limit, ...turns];
          return { shard, members: listOf<Buffer>(await store.run(shard, SCRIPTS.waiting, args)) };
        }),
      );
      for (const reply of replies) {
        for (const member of reply?.members ?? []) addCandidate(lanes, reply?.shard ?? 0, member);
      }
      return withSomething(lanes);
    }),
  );
}

function addCandidate(lanes: Map<string, Map<string, Candidate[]>>, shard: number, member: Buffer): void {
  const [lane = '', client = '', due = ''] = member.toString().split('\0');
  const clients = lanes.get(lane.slice(1));
  if (clients === undefined) return;
  const candidate = { shard, dueAtMs: Number(due), member };
  const known = clients.get(client);
  if (known === undefined) clients.set(client, [candidate]);
  else known.push(candidate);
}

/** Without lanes that others emptied meanwhile; the candidates of several shards in one order. */
function withSomething(lanes: Map<string, Map<string, Candidate[]>>): Lanes {
  for (const [domain, clients] of lanes) {
    if (clients.size === 0) lanes.delete(domain);
    for (const candidates of clients.values()) candidates.sort((a, b) => a.dueAtMs - b.dueAtMs);
  }
  return lanes;
}

type Leasing = { readonly request: ClaimRequest; readonly front: Front; readonly onto: LeasedDelivery[] };

/**
 * Puts those that could be leased onto the list, in the plan's order, also where it rejects; returns how many were still
 * there, the unreadable that it set aside included.
 */
async function lease(store: Store, planned: readonly Candidate[], { request, front, onto }: Leasing): Promise<number> {
  const got = new Map<string, LeasedDelivery | null>();
  const ofShards = [...Map.groupBy(planned, ({ shard }) => shard)].map(async ([shard, candidates]) => {
    for (let from = 0; from < candidates.length; from += LEASED_AT_ONCE) {
      const members = candidates.slice(from, from + LEASED_AT_ONCE).map(({ member }) => member);
      const args = [request.leaseUntilMs, store.node, store.stride, ...members];
      const [leased, turns] = listOf(await store.firmly(shard, SCRIPTS.lease, args));
      for (const [turn, due] of listOf<readonly unknown[]>(turns)) front.mend(shard, turn as Buffer, due);
      for (const [id, record, head] of listOf<readonly Buffer[]>(leased)) {
        const one = { id: textOf(id) as DeliveryId, record, head, shard };
        got.set(one.id, await leasedFrom(store, one, request.nowMs));
      }
    }
  });
  const results = await Promise.allSettled(ofShards);
  for (const { member } of planned) {
    const one = got.get(member.subarray(member.lastIndexOf(0) + 1).toString()) ?? null;
    if (one !== null) onto.push(isForUs(store, member) ? { ...one, forUs: true } : one);
  }
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return got.size;
}

function isForUs(store: Store, member: Buffer): boolean {
  const { node } = partsOfLane(member.toString('utf8', 1, member.indexOf(0)));
  return node !== null && node === nodeOfOwner(store.node);
}

type LeasedRecord = {
  readonly id: DeliveryId;
  readonly shard: number;
  readonly record: Buffer | undefined;
  readonly head: Buffer | undefined;
};

/** null: it cannot be read, and was set aside. */
async function leasedFrom(store: Store, one: LeasedRecord, atMs: number): Promise<LeasedDelivery | null> {
  const of = parseMessageRecord(messageIdOf(one.id), one.head ?? Buffer.alloc(0));
  const record = parseDeliveryRecord(Number(one.id.slice(27)), one.record ?? Buffer.alloc(0));
  if (of === null || record === null || one.record === undefined) return null;
  const found: Found = { shard: one.shard, of, record, bytes: one.record };
  const leased = leasedOf(found);
  // Where even that fails, its lease ends by itself, and it is looked at again: the others were leased for somebody.
  if (leased === null) await setAside(store, found, atMs).catch(() => undefined);
  return leased;
}

/** A leased delivery as it is handed out; null: it cannot be read. */
export function leasedOf({ of, record }: Found): LeasedDelivery | null {
  if (of.message === null || recipientsOf(record) === null) return null;
  const lease = { token: record.token, untilMs: record.leasedUntilMs };
  return { delivery: deliveryOf(record, of), message: of.message, lease };
}

/** Quarantines what cannot be sent as it is, and tells of it. */
export async function setAside(store: Store, found: Found, atMs: number): Promise<void> {
  const reason = 'its record in the spool cannot be read';
  await change(store, [found], {
    atMs,
    told: true,
    make: () => ({ record: { state: 2, leasedUntilMs: 0, node: '' }, events: [{ kind: 'quarantined', reason }] }),
  });
}
