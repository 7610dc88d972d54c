/** Days as the policy counts them: from midnight to midnight of its time zone, 23 to 25 hours long where clocks change. Pure. */
import { nearest } from './file/nearest.ts';

/** From `startsAtMs` until before `endsAtMs`, wall ms. `name`: `2026-11-20`. */
export type Day = { readonly startsAtMs: number; readonly endsAtMs: number; readonly name: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** No clock is further from UTC. */
const FARTHEST_MS = 15 * HOUR_MS;
const SUGGESTED = 3;

/** By zone: the day that was asked for last, for it is asked at every choice of an exit. */
const last = new Map<string, Day>();
const lastMonth = new Map<string, Day>();
/** By zone and date of UTC: days that were asked for before, for finding one takes a fifth of a millisecond. */
const found = new Map<string, Map<number, readonly Day[]>>();
/** Dates of each zone: a year of sending, and some. */
const MOST_DATES = 1_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The day in which a moment of wall time is. Where midnight is skipped it begins with the first moment after it. @param zone a known one */
export function dayOf(wallMs: number, zone: string): Day {
  const known = last.get(zone);
  if (known !== undefined && wallMs >= known.startsAtMs && wallMs < known.endsAtMs) return known;
  const day = knownDay(wallMs, zone);
  last.set(zone, day);
  return day;
}

function knownDay(wallMs: number, zone: string): Day {
  const dates = found.get(zone) ?? new Map<number, readonly Day[]>();
  found.set(zone, dates);
  const date = Math.floor(wallMs / DAY_MS);
  const days = dates.get(date) ?? [];
  const known = days.find(({ startsAtMs, endsAtMs }) => wallMs >= startsAtMs && wallMs < endsAtMs);
  if (known !== undefined) return known;
  if (dates.size >= MOST_DATES) dates.clear();
  const day = findDay(wallMs, zone);
  dates.set(date, [...days, day]);
  return day;
}

/** When the day of that name begins. @param name such as `2026-11-20` @param zone a known one */
export function startOfDay(name: string, zone: string): number {
  return startOf(Math.floor(Date.parse(`${name}T00:00:00Z`) / DAY_MS), zone);
}

/** The hour in which a moment of wall time is: hours are those of UTC, whatever the zone. */
export function hourOf(wallMs: number): Pick<Day, 'startsAtMs' | 'endsAtMs'> {
  const startsAtMs = Math.floor(wallMs / HOUR_MS) * HOUR_MS;
  return { startsAtMs, endsAtMs: startsAtMs + HOUR_MS };
}

/** Whether it is the name of a time zone, such as `Europe/Berlin`; letters in either case. */
export function isTimeZone(text: string): boolean {
  // Offsets such as +02:00 have no summer: whoever writes one most likely means a place.
  if (!/^[a-z]/i.test(text)) return false;
  try {
    return formatOf(text) !== null;
  } catch {
    return false;
  }
}

/** The names that a misspelt one most likely means, the nearest first: of the whole, or of the place alone. */
export function nearestTimeZones(misspelt: string): string[] {
  const left = new Set(['UTC', ...Intl.supportedValuesOf('timeZone')]);
  const names: string[] = [];
  const place = placeOf(misspelt.replaceAll(' ', '_'));
  const byPlace = new Map([...left].map((zone) => [placeOf(zone), zone]));
  for (let tries = 0; tries < SUGGESTED; tries++) {
    const name = byPlace.get(nearest(place, byPlace.keys()) ?? '') ?? nearest(misspelt, left);
    if (name === null) break;
    names.push(name);
    left.delete(name);
    byPlace.delete(placeOf(name));
  }
  return names;
}

function placeOf(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1).toLowerCase();
}

/** The calendar month in which a moment of wall time is, from its first midnight to that of the next. `name`: `2026-11`. @param zone a known one */
export function monthOf(wallMs: number, zone: string): Day {
  const known = lastMonth.get(zone);
  if (known !== undefined && wallMs >= known.startsAtMs && wallMs < known.endsAtMs) return known;
  const name = dayOf(wallMs, zone).name.slice(0, 7);
  const [year = 0, month = 1] = name.split('-').map(Number);
  const next = new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);
  const found = { startsAtMs: startOfDay(`${name}-01`, zone), endsAtMs: startOfDay(next, zone), name };
  lastMonth.set(zone, found);
  return found;
}

function findDay(wallMs: number, zone: string): Day {
  let number = dateNumber(wallMs, zone);
  // Clocks that are put back over midnight have the old date again for a while: the new day has begun all the same.
  if (startOf(number + 1, zone) <= wallMs) number += 1;
  const name = new Date(number * DAY_MS).toISOString().slice(0, 10);
  return { startsAtMs: startOf(number, zone), endsAtMs: startOf(number + 1, zone), name };
}

/** The first moment of a day. @param number of days since 1970-01-01 */
function startOf(number: number, zone: string): number {
  const midnightMs = number * DAY_MS;
  if (zone === 'UTC') return midnightMs;
  let before = midnightMs - FARTHEST_MS;
  let from = midnightMs + FARTHEST_MS;
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (dateNumber(middle, zone) >= number) from = middle;
    else before = middle;
  }
  return from;
}

/** The date on a calendar there, as a number of days since 1970-01-01. */
function dateNumber(wallMs: number, zone: string): number {
  if (zone === 'UTC') return Math.floor(wallMs / DAY_MS);
  let year = 0;
  let month = 1;
  let day = 1;
  for (const { type, value } of formatOf(zone).formatToParts(wallMs)) {
    if (type === 'year') year = Number(value);
    else if (type === 'month') month = Number(value);
    else if (type === 'day') day = Number(value);
  }
  return Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);
}

/** @throws where there is no such zone */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
