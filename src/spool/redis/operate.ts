/** What operators ask for, and what is left behind by owners that died. */
import { messageIdOf, type DeliveryId } from '../../message/ids.ts';
import { waitsForQuota } from '../../message/over-quota.ts';
import type { Reply } from '../../message/reply.ts';
import { packReaped } from '../last-reply.ts';
import { releasedDueMs } from '../reschedule.ts';
import type { LeasedDelivery, QueuedDelivery, QueueFilter } from '../spool.ts';
import { change, type Change, type Changing } from './change.ts';
import { leasedOf, setAside } from './claim.ts';
import { deliveryOf, parseDeliveryRecord, parseJson, parseMessageRecord, recipientsOf, STATES } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { matching, matchingIn, type Found } from './walk.ts';

const QUEUED = STATES.indexOf('queued');
const HELD = STATES.indexOf('held');
const LEASES_AT_ONCE = 200;

/** See `Spool.list`. */
export async function list(
  store: Store,
  filter: QueueFilter,
  page: { readonly limit: number; readonly after?: DeliveryId },
): Promise<readonly QueuedDelivery[]> {
  const found: QueuedDelivery[] = [];
  for await (const one of inOrder(store, filter, page.after ?? null)) {
    if (found.length >= page.limit) break;
    found.push(queuedOf(one));
  }
  return found;
}

/** As operators see it. */
export function queuedOf({ of, record }: Found): QueuedDelivery {
  return {
    delivery: deliveryOf(record, of),
    sender: of.message?.envelope.sender ?? '',
    sizeBytes: of.sizeBytes,
    leasedUntilMs: record.leasedUntilMs === 0 ? null : record.leasedUntilMs,
    ...(record.leasedUntilMs === 0 && record.node !== '' ? { waitsFor: record.node } : {}),
    ...(of.message?.sendAtMs === undefined ? {} : { sendAtMs: of.message.sendAtMs }),
  };
}

/** All that the filter names, newest first over all shards. */
async function* inOrder(store: Store, filter: QueueFilter, after: DeliveryId | null): AsyncGenerator<Found> {
  if (filter.ids !== undefined) {
    for await (const window of matching(store, filter)) yield* window;
    return;
  }
  const heads = await Promise.all(
    store.shards.map(async (shard) => {
      const rest = singly(matchingIn(store, shard, { filter, after }));
      return { rest, next: await rest.next() };
    }),
  );
  for (;;) {
    let newest: (typeof heads)[number] | null = null;
    for (const head of heads) {
      if (head.next.done === true) continue;
      if (newest === null || newest.next.done === true || head.next.value.of.id > newest.next.value.of.id)
        newest = head;
    }
    if (newest === null || newest.next.done === true) return;
    yield newest.next.value;
    newest.next = await newest.rest.next();
  }
}

async function* singly(windows: AsyncGenerator<readonly Found[]>): AsyncGenerator<Found> {
  for await (const window of windows) yield* window;
}

/** See `Spool.hold`. */
export function hold(
  store: Store,
  filter: QueueFilter,
  { atMs, why }: { readonly atMs: number; readonly why: string | undefined },
): Promise<number> {
  const events = [{ kind: 'held', reason: why ?? 'an operator held it' }] as const;
  return operate(store, filter, {
    atMs,
    make: ({ of, record }) => {
      if (record.state === QUEUED) return { record: { state: HELD }, events };
      return why === undefined && waitsForQuota(deliveryOf(record, of)) ? { record: { lastReply: '' }, events } : null;
    },
  });
}

/** See `Spool.release`. */
export function release(
  store: Store,
  filter: QueueFilter,
  { atMs, why = 'an operator released it' }: { readonly atMs: number; readonly why: string | undefined },
): Promise<number> {
  const events = [{ kind: 'released', reason: why }] as const;
  return operate(store, filter, {
    atMs,
    make: ({ of, record }) => {
      if (record.state === QUEUED) return null;
      const dueAtMs = releasedDueMs(record.dueAtMs, { sendAtMs: of.message?.sendAtMs, atMs });
      const told = waitsForQuota(deliveryOf(record, of)) ? { lastReply: '' } : {};
      return { record: { state: QUEUED, dueAtMs, ...told }, events };
    },
  });
}

/** See `Spool.retry`. */
export function retry(store: Store, filter: QueueFilter, atMs: number): Promise<number> {
  const events = [{ kind: 'retried', reason: 'an operator made it due' }] as const;
  return operate(store, filter, {
    atMs,
    make: ({ record }) =>
      record.state === QUEUED && record.dueAtMs > atMs ? { record: { dueAtMs: atMs }, events } : null,
  });
}

/** See `Spool.discard`. */
export function discard(
  store: Store,
  filter: QueueFilter,
  { atMs, why }: { readonly atMs: number; readonly why: Reply | null },
): Promise<number> {
  const events = [{ kind: 'discarded', reason: '', reply: why }] as const;
  return operate(store, filter, { atMs, make: () => ({ record: null, events }) });
}

/** Changes what the filter names and nobody is trying. Operators tell of it themselves. */
async function operate(store: Store, filter: QueueFilter, how: Omit<Changing, 'told'>): Promise<number> {
  let changed = 0;
  const make = (found: Found): Change | null => (found.record.leasedUntilMs > 0 ? null : how.make(found));
  for await (const window of matching(store, filter)) {
    changed += (await change(store, window, { ...how, make, told: false })).length;
  }
  return changed;
}

/** See `Spool.take`. */
export async function take(
  store: Store,
  filter: QueueFilter,
  how: { readonly leaseUntilMs: number; readonly limit: number },
): Promise<readonly LeasedDelivery[]> {
  const leased: LeasedDelivery[] = [];
  try {
    for await (const window of matching(store, filter)) {
      const free = window.filter(({ record }) => record.leasedUntilMs === 0);
      leased.push(...(await takeSome(store, free, { ...how, limit: how.limit - leased.length })));
      if (leased.length >= how.limit) break;
    }
  } catch (error) {
    // What is leased already must be settled by somebody; whoever asks again learns what is wrong.
    if (leased.length === 0) throw error;
  }
  return leased;
}

async function takeSome(
  store: Store,
  free: readonly Found[],
  how: { readonly leaseUntilMs: number; readonly limit: number },
): Promise<readonly LeasedDelivery[]> {
  const atMs = store.clock.nowMs();
  const unreadable = free.filter(({ of, record }) => of.message === null || recipientsOf(record) === null);
  for (const one of unreadable) await setAside(store, one, atMs);
  const wanted = free.filter((one) => !unreadable.includes(one)).slice(0, how.limit);
  const taken = await change(store, wanted, {
    atMs,
    told: false,
    make: ({ record }) => {
      if (record.leasedUntilMs > 0) return null;
      const lease = { leasedUntilMs: how.leaseUntilMs, token: record.token + store.stride, node: store.node };
      return { record: lease, events: [] };
    },
  });
  return taken.map(leasedOf).filter((one) => one !== null);
}

/** See `Spool.reap`. */
export async function reap(store: Store, nowMs: number): Promise<number> {
  let reaped = 0;
  for (const shard of store.shards) {
    for (;;) {
      const ended = await endedLeases(store, shard, { beforeMs: nowMs, skip: 0 });
      const freed = await free(store, ended, {
        atMs: nowMs,
        reason: 'its lease ended with no result',
        told: true,
        isDead: ({ record }) => record.leasedUntilMs > 0 && record.leasedUntilMs < nowMs,
      });
      reaped += freed;
      if (ended.length < LEASES_AT_ONCE || freed === 0) break;
    }
  }
  return reaped;
}

/**
 * Frees what this node held when it died: at the start, nobody of that name lives. Returns how many. Told of those only
 * that are held: the others may be very many, and their count is told.
 */
export async function reapOwn(store: Store, atMs: number): Promise<number> {
  let reaped = 0;
  for (const shard of store.shards) {
    for (let skip = 0; ;) {
      const leases = await endedLeases(store, shard, { beforeMs: null, skip });
      const own = leases.filter(({ record }) => record.node === store.node);
      const freed = await free(store, own, {
        atMs,
        reason: 'the relay stopped while it was being tried',
        told: new Set(['held']),
        isDead: ({ record }) => record.leasedUntilMs > 0 && record.node === store.node,
      });
      reaped += freed;
      if (leases.length < LEASES_AT_ONCE) break;
      skip += leases.length - freed;
    }
  }
  return reaped;
}

/** Who has something under way, and when the last of those leases ends; of some at most. */
export async function heldLeases(
  store: Store,
): Promise<{ readonly nodes: readonly string[]; readonly untilMs: number }> {
  const nodes = new Set<string>();
  let untilMs = 0;
  for (const shard of store.shards) {
    for (const { record } of await endedLeases(store, shard, { beforeMs: null, skip: 0 })) {
      nodes.add(record.node);
      untilMs = Math.max(untilMs, record.leasedUntilMs);
    }
  }
  return { nodes: [...nodes].toSorted(), untilMs };
}

async function endedLeases(
  store: Store,
  shard: number,
  how: { readonly beforeMs: number | null; readonly skip: number },
): Promise<readonly Found[]> {
  const reply = await store.run(shard, SCRIPTS.ended, [how.beforeMs ?? '+inf', how.skip, LEASES_AT_ONCE]);
  return listOf<readonly (Buffer | null)[]>(reply).flatMap(([name, bytes, head]) => {
    const id = textOf(name) as DeliveryId;
    const of = head === undefined || head === null ? null : parseMessageRecord(messageIdOf(id), head);
    const record = bytes === undefined || bytes === null ? null : parseDeliveryRecord(Number(id.slice(27)), bytes);
    return of === null || record === null || bytes === undefined || bytes === null
      ? []
      : [{ shard, of, record, bytes }];
  });
}

type Freeing = Pick<Changing, 'atMs' | 'told'> & {
  readonly reason: string;
  readonly isDead: (found: Found) => boolean;
};

async function free(store: Store, leases: readonly Found[], how: Freeing): Promise<number> {
  const careful = new Set(store.holdWhenInDoubt());
  const changed = await change(store, leases, {
    ...how,
    make: (found) => {
      if (!how.isDead(found)) return null;
      const { record, of } = found;
      const isHeld = record.state === QUEUED && careful.has(of.message?.stream ?? '');
      const doubt = { kind: 'in-doubt', reason: how.reason } as const;
      const held = { kind: 'held', reason: 'in doubt: waits for an operator' } as const;
      const lastReply = packReaped(record.lastReply === '' ? null : parseJson(record.lastReply), { isHeld });
      const freed = { leasedUntilMs: 0, node: '', lastReply };
      return isHeld ? { record: { ...freed, state: HELD }, events: [doubt, held] } : { record: freed, events: [doubt] };
    },
  });
  return changed.length;
}
