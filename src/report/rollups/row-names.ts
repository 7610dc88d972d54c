/** Under which marks rows of figures are kept. Pure. */
import type { Dimension, Level } from './stretch.ts';

/** All rows begin so. */
export const ROLLUPS = 'rollup:';
/** How far a relay is with what it counts. */
export const ROLLUP_STATES = 'rollup-state:';
/** How far all relays together are with what they keep. */
export const ROLLUP_UPKEEP = 'rollup-upkeep';

const LETTERS: Readonly<Record<Level, string>> = { minute: 'm', hour: 'h', day: 'd' };

/** One stretch of time and one kind of name. */
export type Stretch = { readonly dimension: Dimension; readonly level: Level; readonly startsAtMs: number };

/** What the rows of all relays of one stretch begin with, and the name of the one that they become: `rollup:exit:h:2026-11-22T15:00`. */
export function stretchName({ dimension, level, startsAtMs }: Stretch): string {
  return rowsOf(dimension, level) + timeText(startsAtMs);
}

/** The row that a relay adds to while the stretch goes on: `rollup:exit:h:2026-11-22T15:00:relay-1`. */
export function rowName(of: Stretch & { readonly node: string }): string {
  return `${stretchName(of)}:${of.node}`;
}

/** What the names of such rows of all relays begin with. */
export function rowsOf(dimension: Dimension, level: Level): string {
  return `${ROLLUPS}${dimension}:${LETTERS[level]}:`;
}

/** When the stretch of a row begins, from its name behind `rowsOf`; null: it is none. */
export function startIn(tail: string): number | null {
  const startsAtMs = Date.parse(`${tail.slice(0, TIME_LENGTH)}Z`);
  return Number.isNaN(startsAtMs) ? null : startsAtMs;
}

/** `2026-11-22T15:00` */
export const TIME_LENGTH = 16;

export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, TIME_LENGTH);
}

/** Rows are read in groups: a minute's with those of its hour, an hour's with those of its day, a day's with those of its month. */
const GROUP_LENGTHS: Readonly<Record<Level, number>> = { minute: 13, hour: 10, day: 7 };

/** The groups that have what begins in `[fromMs, toMs)`, as what their names begin with behind `rowsOf`, in order. */
export function groupsIn(level: Level, fromMs: number, toMs: number): readonly string[] {
  const length = GROUP_LENGTHS[level];
  const groups: string[] = [];
  for (let atMs = groupStart(level, fromMs); atMs < toMs; atMs = nextGroup(level, atMs))
    groups.push(timeText(atMs).slice(0, length));
  return groups;
}

/** When the group begins that has this moment in it. */
export function groupStart(level: Level, atMs: number): number {
  const date = new Date(atMs);
  if (level === 'minute') return Math.floor(atMs / 3_600_000) * 3_600_000;
  if (level === 'hour') return Math.floor(atMs / 86_400_000) * 86_400_000;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** When the next group begins. @param startsAtMs when this one does */
export function nextGroup(level: Level, startsAtMs: number): number {
  const date = new Date(startsAtMs);
  if (level === 'minute') return startsAtMs + 3_600_000;
  if (level === 'hour') return startsAtMs + 86_400_000;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
