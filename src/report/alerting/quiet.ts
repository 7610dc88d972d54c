/** Times at which nobody is told of alerts (`alerts.quiet`). Pure. */
import { kindOfAlert } from '../../message/alert-kind.ts';
import type { Severity } from '../../message/severity.ts';
import type { Policy } from '../../policy/schema.ts';
import { WEEKDAYS } from '../../policy/schema/alerts.ts';
import { wallClockOf } from './wall-clock.ts';

type Quiet = Policy['alerts']['quiet'][number];

/** Whether an alert is to be kept back now. @param zone of the policy */
export function isQuiet(
  times: readonly Quiet[],
  { name, severity }: { readonly name: string; readonly severity: Severity },
  { nowMs, zone }: { readonly nowMs: number; readonly zone: string },
): boolean {
  return times.some((quiet) => {
    const isExcepted =
      quiet.except.includes(kindOfAlert(name)) || (severity === 'critical' && quiet.except.includes('critical'));
    return !isExcepted && isWithin(quiet, nowMs, zone);
  });
}

function isWithin({ from, to, days }: Quiet, nowMs: number, zone: string): boolean {
  const { minute, weekday } = wallClockOf(nowMs, zone);
  const [begins, ends] = [minuteOf(from), minuteOf(to)];
  const isOn = (day: number): boolean => days.includes(WEEKDAYS[(day + 7) % 7] ?? 'mon');
  if (begins < ends) return minute >= begins && minute < ends && isOn(weekday);
  // Over midnight: its day is the one on which it began.
  return (minute >= begins && isOn(weekday)) || (minute < ends && isOn(weekday - 1));
}

/** Minutes since midnight. @param text such as `22:00` */
export function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}
