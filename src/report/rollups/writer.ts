/**
 * Adds what was counted to the rows of the store: those of a minute, its hour and its day in one go, so that they always agree.
 * A relay has rows of its own and is their only writer; whoever reads adds up those of all.
 */
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import type { MinuteRows } from './book.ts';
import { addRow, parseRow, rowText, trimmed, type Row } from './row.ts';
import { rowName, ROLLUP_STATES, type RowName } from './row-names.ts';
import { type Dimension, HOUR_MS, KEPT_MS, type Level, LEVELS, startOf } from './stretch.ts';

export type WriterNeeds = {
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  readonly clock: Clock;
  readonly policy: () => Pick<Policy, 'timeZone'>;
  /** This relay's name. */
  readonly node: string;
};

/** Names of a row that is done with. */
export const NAMES_KEPT = 100;
/** Of those that others choose, in a minute: such a row is then within a page of the embedded database. */
const NAMES_IN_MINUTE = 20;
const BY_OTHERS: ReadonlySet<Dimension> = new Set(['destination', 'tag', 'reason']);

function namesMost(dimension: Dimension, level: Level): number {
  if (level !== 'minute') return NAMES_OPEN;
  return BY_OTHERS.has(dimension) ? NAMES_IN_MINUTE : NAMES_KEPT;
}
/** While there is more to come a name may yet become one of the greatest. */
const NAMES_OPEN = 300;

export type Minutes = ReadonlyMap<number, MinuteRows>;

type Added = { readonly row: Row; readonly dimension: Dimension; readonly level: Level };
type Written = { readonly name: string; readonly text: string; readonly before: string | null };

export class RollupWriter {
  readonly #needs: WriterNeeds;
  /** What the last write was to make of one row, where the store did not answer: whether it did is to be seen. */
  #unanswered: Written | null = null;

  constructor(needs: WriterNeeds) {
    this.#needs = needs;
  }

  /**
   * Adds minutes of one hour; all of it or nothing. Rejects with `SpoolError`: it may have been written all the same, and is to
   * be asked for again, as the very next, with the same minutes.
   * @param state what is to be kept beside it
   */
  async write(minutes: Minutes, state: string): Promise<void> {
    const { marks, clock, node } = this.#needs;
    const nowMs = clock.nowMs();
    if (await this.#isWritten()) return;
    const made: Mark[] = [];
    let asked: Written | null = null;
    // One after the other: each takes a millisecond or two, and mail goes on in between.
    for (const [name, added] of this.#rowsFor(minutes, nowMs)) {
      const before = await this.#rowOf(name);
      const text = sumText(before, added);
      // A clock that was put back must not leave it to what was there.
      made.push({ name, text, atMs: Math.max(nowMs, before?.atMs ?? 0) });
      asked ??= { name, text, before: before?.text ?? null };
    }
    this.#unanswered = asked;
    await marks.mark([...made, { name: ROLLUP_STATES + node, text: state, atMs: nowMs }]);
    this.#unanswered = null;
  }

  /** Whether the write that was not answered took place. */
  async #isWritten(): Promise<boolean> {
    const asked = this.#unanswered;
    if (asked === null || asked.text === asked.before) return false;
    const known = await this.#rowOf(asked.name);
    this.#unanswered = null;
    return known?.text === asked.text;
  }

  async #rowOf(name: string): Promise<Mark | undefined> {
    return (await this.#needs.marks.marks(name)).find((one) => one.name === name);
  }

  /** What is added to which row. */
  #rowsFor(minutes: Minutes, nowMs: number): Map<string, Added> {
    const { node, policy } = this.#needs;
    const { timeZone } = policy();
    const added = new Map<string, Added>();
    for (const [minuteMs, rows] of minutes) {
      const levels = minuteMs < nowMs - KEPT_MS.minute ? LEVELS.slice(1) : LEVELS;
      for (const [dimension, row] of rows) {
        if (row.size === 0) continue;
        for (const level of levels) {
          const of: RowName = { dimension, level, node, startsAtMs: startOf(level, minuteMs, timeZone) };
          const name = rowName(of);
          const sum = added.get(name) ?? { row: new Map(), dimension, level };
          addRow(sum.row, row);
          added.set(name, sum);
        }
      }
    }
    return added;
  }
}

function sumText(before: Mark | undefined, { row, dimension, level }: Added): string {
  const sum: Row = before === undefined ? new Map() : parseRow(before.text);
  addRow(sum, row);
  return rowText(trimmed(sum, namesMost(dimension, level)));
}

/** Parts of which each can be written at once: minutes of one hour. */
export function byHour(minutes: Minutes): readonly Minutes[] {
  const hours = Map.groupBy(minutes, ([startsAtMs]) => Math.floor(startsAtMs / HOUR_MS));
  return [...hours.values()].map((some) => new Map(some));
}

/** Rows as they are in the store now, of the minutes from `fromMs` on that this relay wrote. */
export async function ownMinutes(
  { marks, node }: { readonly marks: Pick<Marks, 'marks'>; readonly node: string },
  { dimension, minutes }: { readonly dimension: Dimension; readonly minutes: readonly number[] },
): Promise<ReadonlyMap<number, Row>> {
  const rows = new Map<number, Row>();
  for (const startsAtMs of minutes) {
    const name = rowName({ dimension, level: 'minute', startsAtMs, node });
    const mark = (await marks.marks(name)).find((one) => one.name === name);
    if (mark !== undefined) rows.set(startsAtMs, parseRow(mark.text));
  }
  return rows;
}
