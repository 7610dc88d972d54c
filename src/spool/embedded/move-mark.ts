import type { MoveMark } from '../move.ts';
import { SpoolError } from '../spool.ts';
import { parseObject } from './rows.ts';
import type { Store } from './store.ts';

/** See `MoveStore.mark`. A mark that cannot be read is one all the same: whoever made it knows more. */
export function readMark(store: Store): MoveMark | null {
  const row = store.get<{ mark: string }>('SELECT mark FROM move');
  if (row === undefined) return null;
  const mark = parseObject(row.mark);
  if (mark === null) throw new SpoolError('unavailable', 'the record of an unfinished move cannot be read');
  return mark as MoveMark;
}

/** See `MoveStore.setMark`. Inside a transaction. */
export function writeMark(store: Store, mark: MoveMark | null): void {
  if (mark === null) {
    store.run('DELETE FROM move');
    store.run('DELETE FROM arrival');
    return;
  }
  store.run(
    'INSERT INTO move(one, mark) VALUES (1, ?) ON CONFLICT(one) DO UPDATE SET mark = excluded.mark',
    JSON.stringify(mark),
  );
}

/**
 * Between the two ends of a move the same mail is in two stores: only the move itself may open them.
 * @throws SpoolError with what to do
 */
export function refuseWhileMoved(store: Store, folder: string): void {
  const mark = readMark(store);
  if (mark === null || (mark.role === 'source' && mark.phase === 'abandoned')) return;
  const other = mark.role === 'source' ? `to ${mark.peer}` : `here from ${mark.peer}`;
  throw new SpoolError(
    'unavailable',
    `the mail of the embedded store in ${folder} is being moved ${other}: give the same \`relevo spool move\` again ` +
      'to go on, or with --abandon to go back',
  );
}
