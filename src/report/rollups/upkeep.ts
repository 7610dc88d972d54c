/** Keeps rows of figures few and short: each hour, those whose time is over are forgotten, and those that are done with cut. */
import type { Marks } from '../../spool/marks.ts';
import { dayOf } from '../../policy/day.ts';
import { parseRow, rowText, trimmed } from './row.ts';
import { groupsIn, groupStart, nextGroup, rowName, rowsOf } from './row-names.ts';
import type { RollupState } from './state.ts';
import { DIMENSIONS, HOUR_MS, KEPT_MS, type Level, LEVELS } from './stretch.ts';
import { NAMES_KEPT } from './writer.ts';

export type UpkeepNeeds = {
  readonly marks: Marks;
  readonly timeZone: string;
  readonly node: string;
  readonly nowMs: number;
};

/** A stretch is done with so long after its end: until then more of it may come. */
const DONE_AFTER_MS = HOUR_MS;
/** Of a relay that was off for long: the rest is cut an hour later. */
const HOURS_AT_ONCE = 400;

/** @returns how far it is now. Rejects with `SpoolError`: some may be done then, and a repeat does no harm. */
export async function keepUp(needs: UpkeepNeeds, state: RollupState): Promise<RollupState> {
  const forgottenMs: Partial<Record<Level, number>> = {};
  for (const level of LEVELS) forgottenMs[level] = await forget(needs, level, state.forgottenMs[level] ?? null);
  return { ...state, forgottenMs, trimmedMs: await trim(needs, state.trimmedMs) };
}

/** Rows of all relays: one that is gone for good forgets nothing. */
async function forget({ marks, nowMs }: UpkeepNeeds, level: Level, fromMs: number | null): Promise<number> {
  const untilMs = groupStart(level, nowMs - KEPT_MS[level]);
  // What is there at the first look may be of relays that were here before.
  const firstMs = fromMs ?? groupStart(level, untilMs - KEPT_MS[level]);
  for (const group of groupsIn(level, firstMs, untilMs)) {
    for (const dimension of DIMENSIONS) {
      const names = (await marks.marks(rowsOf(dimension, level) + group)).map(({ name }) => name);
      if (names.length > 0) await marks.unmark(names);
    }
  }
  return Math.max(firstMs, untilMs);
}

/** Own rows of hours and days that are done with. */
async function trim(needs: UpkeepNeeds, fromMs: number): Promise<number> {
  const { nowMs, timeZone } = needs;
  const hourMs = Math.floor((nowMs - DONE_AFTER_MS) / HOUR_MS) * HOUR_MS;
  const firstMs = Math.max(fromMs, hourMs - HOURS_AT_ONCE * HOUR_MS);
  for (let startsAtMs = firstMs; startsAtMs < hourMs; startsAtMs = nextHour(startsAtMs)) {
    await trimRows(needs, 'hour', startsAtMs);
    const day = dayOf(startsAtMs, timeZone);
    // With the last hour that it has a part in.
    if (day.endsAtMs > startsAtMs && day.endsAtMs <= nextHour(startsAtMs)) await trimRows(needs, 'day', day.startsAtMs);
  }
  return Math.max(firstMs, hourMs);
}

function nextHour(startsAtMs: number): number {
  return nextGroup('minute', startsAtMs);
}

async function trimRows({ marks, node, nowMs }: UpkeepNeeds, level: Level, startsAtMs: number): Promise<void> {
  for (const dimension of DIMENSIONS) {
    const name = rowName({ dimension, level, startsAtMs, node });
    const mark = (await marks.marks(name)).find((one) => one.name === name);
    if (mark === undefined) continue;
    const row = parseRow(mark.text);
    const kept = trimmed(row, NAMES_KEPT);
    if (kept !== row) await marks.mark([{ name, text: rowText(kept), atMs: Math.max(nowMs, mark.atMs) }]);
  }
}
