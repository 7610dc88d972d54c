import type { DeliveryId } from '../../message/ids.ts';
import type { MessageRecord } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { messagesOf } from './walk.ts';

/**
 * All events that a message had when its record was read, packed, in order: nothing but the end of its history takes away
 * or changes what was told. '': one that should be there. null: the message was forgotten meanwhile.
 * @param only those of this delivery; of others, some
 */
export async function linesOf(
  store: Store,
  of: MessageRecord,
  only: DeliveryId | null = null,
): Promise<readonly string[] | null> {
  const found: string[] = [];
  let missing = 0;
  for (let from = 1; from <= of.fields;) {
    const args = [of.id, from, of.fields, only === null ? '' : Number(only.slice(27))];
    const [next, gone, ...fields] = listOf(await store.run(store.keys.shardOf(of.id), SCRIPTS.events, args));
    for (const field of fields) found.push(...textOf(field).split('\n'));
    missing += Number(gone);
    from = Number(next);
  }
  if (missing > 0 && (await messagesOf(store, [of.id], 'head')).length === 0) return null;
  return [...of.events, ...found, ...Array.from({ length: missing }, () => '')];
}
