/** That a spool has part in a move: known before anything of it is opened, and a fence in each of its shards. */
import type { MoveMark } from '../move.ts';
import { SpoolError } from '../spool.ts';
import { moveKey } from './keys.ts';
import type { RedisLink } from './link.ts';
import { parseJson } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

export type Marked = { readonly mark: MoveMark | null; readonly cursor: string | null };

export async function readMark(link: RedisLink, prefix: string): Promise<Marked> {
  const [text = '', cursor = ''] = listOf(await link.run(SCRIPTS.marked, [moveKey(prefix)], [])).map(textOf);
  if (text === '') return { mark: null, cursor: null };
  const mark = parseJson(text);
  if (typeof mark !== 'object' || mark === null) {
    throw new SpoolError('unavailable', `the record of an unfinished move under ${prefix} cannot be read`);
  }
  return { mark: mark as MoveMark, cursor: cursor === '' ? null : cursor };
}

/** Durable once it resolves. `mark` null: as it is; `none`: no longer. */
export async function writeMark(
  link: RedisLink,
  prefix: string,
  of: { readonly mark: MoveMark | 'none' | null; readonly cursor: string | null },
): Promise<void> {
  const mark = of.mark === 'none' ? '-' : of.mark === null ? '' : JSON.stringify(of.mark);
  await link.runDurably(SCRIPTS.mark, [moveKey(prefix)], [mark, of.cursor ?? '']);
}

/** Whether such a mark keeps relays out. */
export function isClosing(mark: MoveMark | null): mark is MoveMark {
  return mark !== null && !(mark.role === 'source' && mark.phase === 'abandoned');
}

/** Refuses every change that a relay asks for, one that was not stopped too; or lets them again. */
export async function setFence(store: Store, isOn: boolean): Promise<void> {
  for (const shard of store.shards) await store.durably(shard, SCRIPTS.moving, [isOn ? '1' : '0']);
}

/**
 * Between the two ends of a move the same mail is in two stores: only the move itself may open them.
 * @throws SpoolError with what to do
 */
export async function refuseWhileMoved(store: Store, link: RedisLink, prefix: string): Promise<void> {
  const { mark } = await readMark(link, prefix);
  if (mark === null) return;
  if (!isClosing(mark)) {
    // Who abandoned it may have died before the fence was gone.
    await setFence(store, false);
    return;
  }
  throw new SpoolError('unavailable', describeMove(mark, prefix));
}

/** What is going on, and what to do, for operators. */
export function describeMove(mark: MoveMark, prefix: string): string {
  const other = mark.role === 'source' ? `to ${mark.peer}` : `here from ${mark.peer}`;
  return (
    `the mail under ${prefix} is being moved ${other}: give the same \`relevo spool move\` again to go on, ` +
    'or with --abandon to go back'
  );
}
