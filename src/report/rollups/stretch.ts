/** The stretches of time that figures are kept for, and by what. Pure. */
import { dayOf } from '../../policy/day.ts';

/** `all`: the whole relay. `destination`: the recipients' domain. `reason`: what servers said of those that bounced. */
export const DIMENSIONS = ['all', 'exit', 'stream', 'client', 'destination', 'tag', 'reason'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const LEVELS = ['minute', 'hour', 'day'] as const;
export type Level = (typeof LEVELS)[number];

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** How long the stretches of a level are kept after their start. */
export const KEPT_MS: Readonly<Record<Level, number>> = {
  minute: 48 * HOUR_MS,
  hour: 90 * DAY_MS,
  day: 400 * DAY_MS,
};

/** Days are those of a time zone, and some have 25 hours. */
const LENGTHS_MS: Readonly<Record<Level, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: 25 * HOUR_MS };
const DONE_AFTER_MS = HOUR_MS;

/** From then on next to nothing is added to a stretch: an hour after its end. */
export function doneMs(level: Level, startsAtMs: number): number {
  return startsAtMs + LENGTHS_MS[level] + DONE_AFTER_MS;
}

/** When the stretch begins that has this moment in it; days are those of the time zone. */
export function startOf(level: Level, atMs: number, timeZone: string): number {
  if (level === 'day') return dayOf(atMs, timeZone).startsAtMs;
  const lengthMs = level === 'minute' ? MINUTE_MS : HOUR_MS;
  return Math.floor(atMs / lengthMs) * lengthMs;
}
