/** Wall times as clients write them. Pure. */
import { parseDurationMs } from './units.ts';

/**
 * RFC 3339 §5.6, with seconds and an offset: nothing is guessed of a time that mail waits for. null: it is none, as a day
 * that its month does not have (`2026-02-30`).
 */
export function timeOf(text: string): number | null {
  const time = text.trim().toUpperCase();
  const [, date] = /^(\d{4}-\d{2}-\d{2})T(?!24)\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.exec(time) ?? [];
  const atMs = date === undefined || !isDay(date) ? Number.NaN : Date.parse(time);
  return Number.isNaN(atMs) ? null : atMs;
}

/** Whether the calendar has it: the engine makes 2 March of 30 February. */
function isDay(date: string): boolean {
  const startMs = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(startMs) && new Date(startMs).toISOString().startsWith(date);
}

/** A wall time, or a time from when the message may leave: `2h`. */
export type Expiry =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'after'; readonly afterMs: number };

/** null: it is none. */
export function expiryOf(text: string): Expiry | null {
  const atMs = timeOf(text);
  if (atMs !== null) return { kind: 'at', atMs };
  const afterMs = parseDurationMs(text);
  return afterMs === null || afterMs === 0 ? null : { kind: 'after', afterMs };
}
