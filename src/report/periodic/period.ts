/** Days, weeks and months that are reported on. Pure. */
import { dayOf, monthOf, startOfDay } from '../../policy/day.ts';
import type { Policy } from '../../policy/schema.ts';
import { minuteOf } from '../alerting/quiet.ts';
import { wallClockOf } from '../alerting/wall-clock.ts';

export type ReportEvery = Policy['reports'][number]['every'];

/** From `fromMs` until before `toMs`. `name` is of this one alone, such as `2026-11-16/week`. */
export type Period = {
  readonly name: string;
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Such as `2026-11`, where it is a whole month. */
  readonly month: string | null;
};

const DAY_MS = 86_400_000;

/** The last one that is over. Weeks begin on Monday. @param zone of the policy */
export function lastPeriod(every: ReportEvery, nowMs: number, zone: string): Period {
  const today = dayOf(nowMs, zone);
  switch (every) {
    case 'day': {
      const { name, startsAtMs } = dayOf(today.startsAtMs - 1, zone);
      return { name: `${name}/day`, title: `the day ${name}`, fromMs: startsAtMs, toMs: today.startsAtMs, month: null };
    }
    case 'week': {
      const monday = dayBefore(today.name, wallClockOf(nowMs, zone).weekday);
      const before = dayBefore(monday, 7);
      const title = `the week from ${before} to ${dayBefore(monday, 1)}`;
      return {
        name: `${before}/week`,
        title,
        fromMs: startOfDay(before, zone),
        toMs: startOfDay(monday, zone),
        month: null,
      };
    }
    case 'month': {
      const { startsAtMs: toMs } = monthOf(nowMs, zone);
      const { name, startsAtMs: fromMs } = monthOf(toMs - 1, zone);
      return { name: `${name}/month`, title: `the month ${name}`, fromMs, toMs, month: name };
    }
  }
}

/** Whether it is time to report on it. @param at such as `07:00`, of the first day after it */
export function isDue(
  { toMs }: Pick<Period, 'toMs'>,
  at: string,
  { nowMs, zone }: { readonly nowMs: number; readonly zone: string },
): boolean {
  return nowMs >= dayOf(toMs, zone).endsAtMs || wallClockOf(nowMs, zone).minute >= minuteOf(at);
}

function dayBefore(name: string, days: number): string {
  return new Date(Date.parse(`${name}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);
}
