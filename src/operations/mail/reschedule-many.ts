/** Moves what a filter names to another time: messages, each with all of its deliveries, within bounds. */
import { type MessageId, messageIdOf } from '../../message/ids.ts';
import type { QueueFilter } from '../../spool/spool.ts';
import type { ChangeResult, Operations } from '../operations.ts';

type Needs = Pick<Operations, 'list' | 'reschedule'>;

/** Deliveries that are looked at, and messages that are moved in one step. */
const LOOKED_AT_ONCE = 1_000;
const MOVED_AT_ONCE = 500;
/** Deliveries of one call. */
const MOST_LOOKED_AT = 20_000;

/** `isWhole` false: there are more than one call looks at, and those were left as they are. */
export type MovedMany = ChangeResult & { readonly isWhole: boolean };

/** What a move would be about. Nothing is changed. `changed`, `busy`: of what the filter names, what nobody has tried yet, and the rest. */
export async function previewMany(operations: Needs, filter: QueueFilter): Promise<MovedMany> {
  const { found, tried, isWhole } = await lookedUp(operations, filter);
  return { changed: found - tried, busy: tried, isWhole };
}

/** Mail that somebody has tried stays as it is. What was moved stays so where a later step rejects. */
export async function rescheduleMany(
  operations: Needs,
  { filter, toMs }: { readonly filter: QueueFilter; readonly toMs: number },
): Promise<MovedMany> {
  const { ids, isWhole } = await lookedUp(operations, filter);
  let [changed, busy] = [0, 0];
  for (let from = 0; from < ids.length; from += MOVED_AT_ONCE) {
    const moved = await operations.reschedule({ ids: ids.slice(from, from + MOVED_AT_ONCE), toMs });
    changed += moved.changed;
    busy += moved.busy;
  }
  return { changed, busy, isWhole };
}

type LookedUp = {
  readonly ids: readonly MessageId[];
  readonly found: number;
  readonly tried: number;
  readonly isWhole: boolean;
};

/** All of it before anything is moved: what is moved may not be what the filter names any more. */
async function lookedUp({ list }: Needs, filter: QueueFilter): Promise<LookedUp> {
  const ids = new Set<MessageId>();
  let [found, tried] = [0, 0];
  for (let after: Parameters<Needs['list']>[0]['after'] = null; ;) {
    const some = await list({ filter, limit: LOOKED_AT_ONCE, after });
    found += some.length;
    tried += some.filter(({ delivery }) => delivery.attempts > 0).length;
    for (const { delivery } of some) ids.add(messageIdOf(delivery.id));
    after = some.at(-1)?.delivery.id ?? null;
    const isLast = some.length < LOOKED_AT_ONCE;
    if (isLast || found >= MOST_LOOKED_AT) return { ids: [...ids], found, tried, isWhole: isLast };
  }
}
