/** What is recorded of exits beside the figures: that an operator paused one, and where its reputation took one. Pure. */
import { z } from 'zod';
import type { Mark } from '../spool/marks.ts';
import { parsed } from './health.ts';
import { LEVELS, type Level } from './reputation.ts';

export const PAUSE_MARKS = 'paused:';
export const LEVEL_MARKS = 'reputation:';
/** When an operator said that what came before is not to be held against an exit. */
export const FORGIVEN_MARKS = 'forgiven:';

export type OperatorPause = { readonly sinceMs: number; readonly reason: string };

const PAUSE = z.object({ reason: z.string() });
const LEVEL = z.object({ level: z.enum(LEVELS) });

/** More is cut: it stands in lists. */
const LONGEST_REASON = 200;

export function pauseMark(egress: string, { reason, sinceMs }: OperatorPause): Mark {
  const text = JSON.stringify({ reason: reason.slice(0, LONGEST_REASON).toWellFormed() });
  return { name: `${PAUSE_MARKS}${egress}`, text, atMs: sinceMs };
}

/** @returns null: nobody paused it */
export function pauseOf(egress: string, marks: ReadonlyMap<string, Mark>): OperatorPause | null {
  const mark = marks.get(`${PAUSE_MARKS}${egress}`);
  if (mark === undefined) return null;
  // Whatever is written there, somebody meant it to be paused.
  return { sinceMs: mark.atMs, reason: parsed(mark.text, PAUSE)?.reason ?? '' };
}

export function forgivenMark(egress: string, atMs: number): Mark {
  return { name: `${FORGIVEN_MARKS}${egress}`, text: '{}', atMs };
}

/** @returns the time from which on its hours count */
export function forgivenAt(egress: string, marks: ReadonlyMap<string, Mark>): number {
  return marks.get(`${FORGIVEN_MARKS}${egress}`)?.atMs ?? Number.NEGATIVE_INFINITY;
}

/** Where its reputation took an exit, and since when. */
export type LevelRecord = { readonly level: Level; readonly sinceMs: number };

export function levelMark(egress: string, { level, sinceMs }: LevelRecord): Mark {
  return { name: `${LEVEL_MARKS}${egress}`, text: JSON.stringify({ level }), atMs: sinceMs };
}

/** @returns null: it never was anything but good, or nobody wrote it down yet */
export function levelRecordOf(egress: string, marks: ReadonlyMap<string, Mark>): LevelRecord | null {
  const mark = marks.get(`${LEVEL_MARKS}${egress}`);
  const record = mark === undefined ? null : parsed(mark.text, LEVEL);
  return record === null || mark === undefined ? null : { level: record.level, sinceMs: mark.atMs };
}
