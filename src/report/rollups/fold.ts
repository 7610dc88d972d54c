/**
 * Rows of one stretch, put together. While a stretch goes on each relay adds to a row of its own, which nobody else writes. Once it
 * is over the rows of all become one, and what comes late is added to that one. Each step is an exchange: done as a whole, of what
 * was read, or not at all. Pure.
 */
import type { Mark, MarkExchange } from '../../spool/marks.ts';
import { addRow, parseRow, type Row, rowText, trimmed } from './row.ts';
import { stretchName, type Stretch } from './row-names.ts';
import type { Dimension } from './stretch.ts';

/** Names of a row that is done with. */
const NAMES_KEPT = 100;
/** Of those that others choose, in a minute: such a row is then within a page of the embedded database. */
const NAMES_IN_MINUTE = 20;
/** While there is more to come a name may yet become one of the greatest. */
const NAMES_OPEN = 300;
const BY_OTHERS: ReadonlySet<Dimension> = new Set(['destination', 'tag', 'reason']);
/** Of more relays the rest is for the next exchange. */
const ROWS_AT_ONCE = 500;

export type Addition = {
  readonly stretch: Stretch;
  readonly row: Row;
  readonly nowMs: number;
};

/** Adds to a relay's own row of a stretch that goes on. @param known the row as it is; undefined: there is none */
export function ownRow(known: Mark | undefined, name: string, { stretch, row, nowMs }: Addition): MarkExchange {
  const most = stretch.level === 'minute' ? minuteNames(stretch.dimension) : NAMES_OPEN;
  return {
    given: [{ name, text: known?.text ?? null }],
    made: [{ name, text: sumText(known === undefined ? [] : [known], row, most), atMs: nowMs }],
    gone: [],
  };
}

/**
 * Makes one row of those of a stretch that is over, and adds to it.
 * @param known rows of all relays
 * @returns null: they are as they should be
 */
export function oneRow(known: readonly Mark[], { stretch, row, nowMs }: Addition): MarkExchange | null {
  const some = known.slice(0, ROWS_AT_ONCE);
  const [first, ...others] = some;
  const isAlone = row.size === 0 && others.length === 0;
  // No minute is ever written with more names than are kept.
  if (isAlone && (first === undefined || stretch.level === 'minute')) return null;
  const shared = stretchName(stretch);
  // A row that is alone stays where it is.
  const name = others.length === 0 ? (first?.name ?? shared) : shared;
  const most = stretch.level === 'minute' ? minuteNames(stretch.dimension) : NAMES_KEPT;
  const text = sumText(some, row, most);
  if (isAlone && first?.text === text) return null;
  const given = some.map((one) => ({ name: one.name, text: one.text as string | null }));
  return {
    given: given.some((one) => one.name === name) ? given : [...given, { name, text: null }],
    made: [{ name, text, atMs: nowMs }],
    gone: some.flatMap((one) => (one.name === name ? [] : [one.name])),
  };
}

function minuteNames(dimension: Dimension): number {
  return BY_OTHERS.has(dimension) ? NAMES_IN_MINUTE : NAMES_KEPT;
}

function sumText(known: readonly Mark[], added: Row, most: number): string {
  const sum: Row = new Map();
  for (const { text } of known) addRow(sum, parseRow(text));
  addRow(sum, added);
  return rowText(trimmed(sum, most));
}
