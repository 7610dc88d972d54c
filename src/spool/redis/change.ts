import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import type { MessageEvent } from '../../message/event.ts';
import type { Reply } from '../../message/reply.ts';
import { packEvent } from './event-lines.ts';
import { packDelivery, recipientsOf, type DeliveryRecord } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, type Store } from './store.ts';
import { messagesOf, type Found } from './walk.ts';

const CHANGES_AT_ONCE = 50;
/** Others change the same delivery at the same time only so often. */
const ROUNDS = 5;

type OwnEvent = {
  readonly kind: 'in-doubt' | 'held' | 'released' | 'retried' | 'rescheduled' | 'quarantined' | 'discarded';
  readonly reason: string;
  /** Of a discarded delivery. Default: none. */
  readonly reply?: Reply | null;
};

export type Change = {
  /** What changes in its record; null: it ends. */
  readonly record: Partial<DeliveryRecord> | null;
  readonly events: readonly OwnEvent[];
};

export type Changing = {
  readonly atMs: number;
  /** Which of the events nobody else knows of: all, none, or those of these kinds. */
  readonly told: boolean | ReadonlySet<string>;
  /** Asked of each as it is; null: leave it. */
  readonly make: (found: Found) => Change | null;
};

/**
 * Changes deliveries as they were read; those that others changed meanwhile are read and looked at again. Returns those
 * that changed, as they are now (as they were, where they ended).
 */
export async function change(store: Store, deliveries: readonly Found[], how: Changing): Promise<readonly Found[]> {
  const changed: Found[] = [];
  let left = deliveries;
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const missed: Found[] = [];
    const ofShards = [...Map.groupBy(left, ({ shard }) => shard)].map(async ([shard, all]) => {
      for (let from = 0; from < all.length; from += CHANGES_AT_ONCE) {
        const result = await swap(store, shard, { some: all.slice(from, from + CHANGES_AT_ONCE), how });
        changed.push(...result.changed);
        missed.push(...result.missed);
      }
    });
    await Promise.all(ofShards);
    left = await readAgain(store, missed);
  }
  return changed;
}

type Swapped = { readonly changed: readonly Found[]; readonly missed: readonly Found[] };

async function swap(
  store: Store,
  shard: number,
  { some, how }: { readonly some: readonly Found[]; readonly how: Changing },
): Promise<Swapped> {
  const wanted = some.flatMap((found) => {
    const made = how.make(found);
    if (made === null) return [];
    const record = made.record === null ? null : { ...found.record, ...made.record };
    const events = made.events.map((event) => ownEventOf(found, event, how.atMs));
    return [{ found, record, bytes: record === null ? Buffer.alloc(0) : packDelivery(record), events }];
  });
  if (wanted.length === 0) return { changed: [], missed: [] };
  const args = wanted.flatMap(({ found, bytes, events }) => [
    deliveryIdOf(found.of.id, found.record.ordinal),
    found.bytes,
    bytes,
    events.map((event) => packEvent(event)).join('\n'),
  ]);
  const done = listOf<number>(await store.firmly(shard, SCRIPTS.swap, [how.atMs, ...args]));
  const isDone = (place: number): boolean => done[place] === 1;
  const { told } = how;
  const toTell = wanted.flatMap(({ events }, place) => (isDone(place) ? events : []));
  store.tell(toTell.filter(({ event }) => (typeof told === 'boolean' ? told : told.has(event))));
  return {
    changed: wanted.flatMap(({ found, record, bytes }, place) =>
      isDone(place) ? [{ ...found, record: record ?? found.record, bytes }] : [],
    ),
    missed: wanted.filter((_, place) => !isDone(place)).map(({ found }) => found),
  };
}

/** An event that the engine itself writes, about all recipients that are left. */
export function ownEventOf({ of, record }: Found, own: OwnEvent, atMs: number): MessageEvent {
  const { kind, reason, reply = null } = own;
  const about = {
    atMs,
    messageId: of.id,
    deliveryId: deliveryIdOf(of.id, record.ordinal),
    domain: record.domain,
    recipients: recipientsOf(record)?.map(({ address }) => address) ?? [],
  };
  return kind === 'discarded' ? { event: kind, ...about, reply, egress: null } : { event: kind, ...about, reason };
}

async function readAgain(store: Store, missed: readonly Found[]): Promise<readonly Found[]> {
  const ids = new Set<MessageId>(missed.map(({ of }) => of.id));
  const wanted = new Set(missed.map(({ of, record }) => deliveryIdOf(of.id, record.ordinal)));
  const found = (await messagesOf(store, [...ids], 'head')).flatMap(({ deliveries }) => deliveries);
  return found.filter(({ of, record }) => wanted.has(deliveryIdOf(of.id, record.ordinal)));
}
