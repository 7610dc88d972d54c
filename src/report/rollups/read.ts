/** Reads rows of figures, some at a time: whoever asks for months of them keeps nobody waiting meanwhile. */
import { type Mark, type Marks, MARKS_AT_MOST } from '../../spool/marks.ts';
import { readAhead } from '../../spool/read-ahead.ts';
import { addRow, parseRow, type Row } from './row.ts';
import { groupsIn, rowsOf, startIn, TIME_LENGTH } from './row-names.ts';
import type { Dimension, Level } from './stretch.ts';

const GROUPS_AT_ONCE = [8] as const;

export type RowsAsk = {
  readonly dimension: Dimension;
  readonly level: Level;
  /** Of stretches that begin from then on, and before. */
  readonly fromMs: number;
  readonly toMs: number;
};

/** What all relays together counted in one stretch. */
export type StretchRow = { readonly startsAtMs: number; readonly row: Row };

/** By time; stretches of which nothing is known are left out. */
export async function* readRows(
  marks: Pick<Marks, 'marks'>,
  { dimension, level, fromMs, toMs }: RowsAsk,
): AsyncGenerator<StretchRow> {
  const head = rowsOf(dimension, level);
  const read = (group: string): Promise<readonly Mark[]> => rowsIn(marks, head, group);
  for await (const rows of readAhead(groupsIn(level, fromMs, toMs), read, GROUPS_AT_ONCE)) {
    const found = new Map<number, Row>();
    for (const { name, text } of rows) {
      const startsAtMs = startIn(name.slice(head.length));
      if (startsAtMs === null || startsAtMs < fromMs || startsAtMs >= toMs) continue;
      const known = found.get(startsAtMs);
      // Rows of several nodes.
      if (known === undefined) found.set(startsAtMs, parseRow(text));
      else addRow(known, parseRow(text));
    }
    for (const [startsAtMs, row] of found) yield { startsAtMs, row };
  }
}

/** Rows whose names have this behind `head`, in parts where they are more than can be read at once: of very many relays. */
export async function rowsIn(marks: Pick<Marks, 'marks'>, head: string, time: string): Promise<readonly Mark[]> {
  const found = await marks.marks(head + time);
  if (found.length < MARKS_AT_MOST || time.length >= TIME_LENGTH) return found;
  const parts: Mark[] = [];
  for (const next of '-0123456789:T') for (const one of await rowsIn(marks, head, time + next)) parts.push(one);
  return parts;
}
