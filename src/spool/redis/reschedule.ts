import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import type { Message } from '../../message/message.ts';
import { movedText } from '../reschedule.ts';
import { ownEventOf } from './change.ts';
import { packEvent } from './event-lines.ts';
import { metaOf, packDelivery } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import type { Store } from './store.ts';
import { messagesOf, type Found, type FoundMessage } from './walk.ts';

/** Others change the same message at the same time only so often. */
const ROUNDS = 5;

export type Rescheduling = { readonly toMs: number; readonly atMs: number };

/** See `Spool.reschedule`. */
export async function reschedule(store: Store, ids: readonly MessageId[], when: Rescheduling): Promise<number> {
  let moved = 0;
  for (const id of new Set(ids)) {
    for (let round = 0; round < ROUNDS; round++) {
      const [found] = await messagesOf(store, [id], 'head');
      const result = found === undefined ? 0 : await moveOne(store, found, when);
      moved += result ?? 0;
      if (result !== null) break;
    }
  }
  return moved;
}

/** @returns null: somebody else changed it meanwhile */
async function moveOne(
  store: Store,
  { of, deliveries }: FoundMessage,
  { toMs, atMs }: Rescheduling,
): Promise<number | null> {
  const [first] = deliveries;
  if (of.message === null || first === undefined || deliveries.some(isBegun)) return 0;
  const sendAtMs = Math.ceil(toMs);
  const moved: Message = { ...of.message, sendAtMs };
  const args = deliveries.flatMap((found) => [
    deliveryIdOf(of.id, found.record.ordinal),
    found.bytes,
    packDelivery({ ...found.record, dueAtMs: Math.ceil(Math.max(toMs, atMs)) }),
    packEvent(ownEventOf(found, { kind: 'rescheduled', reason: movedText(sendAtMs) }, atMs)),
  ]);
  const asked = [atMs, of.id, metaOf(of.message), metaOf(moved), ...args];
  const isDone = (await store.firmly(first.shard, SCRIPTS.reschedule, asked)) === 1;
  return isDone ? deliveries.length : null;
}

function isBegun({ record }: Found): boolean {
  return record.leasedUntilMs > 0 || record.attempts > 0 || record.lastEgress !== '';
}
