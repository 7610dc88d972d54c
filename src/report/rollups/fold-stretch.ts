/** Makes one row of the rows of all relays of a stretch that is over. */
import type { Mark, MarkStore } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import { oneRow } from './fold.ts';
import { type Stretch, stretchName } from './row-names.ts';

const TRIES = 10;

/**
 * Safe whenever it is cut off, and whoever else does it at the same time or adds to the rows: each step is done as a whole or not
 * at all. Rejects with `SpoolError`: the store is away, or others were always quicker.
 * @returns the row as it is then; empty: nothing is known of that stretch
 */
export async function foldStretch(
  marks: Pick<MarkStore, 'marks' | 'exchange'>,
  stretch: Stretch,
  nowMs: number,
): Promise<readonly Mark[]> {
  for (let tries = 0; tries < TRIES;) {
    const known = await marks.marks(stretchName(stretch));
    const exchange = oneRow(known, { stretch, row: new Map(), nowMs });
    if (exchange === null) return known;
    // Of very many relays some at a time: each exchange that is done leaves fewer rows.
    if (!(await marks.exchange(exchange))) tries += 1;
  }
  throw new SpoolError('unavailable', `the figures of ${stretchName(stretch)} change all the time`);
}
