/** A new address is warmed up: a daily limit that grows with each day on which it sent. Pure; days are named like `2026-11-20`. */
import type { EgressPolicy } from '../policy/schema.ts';
import type { Outcomes } from './outcome-figures.ts';

export type WarmupTerms = NonNullable<EgressPolicy['warmup']>;

/** Days on which the address sent, and those on which its warm-up went a step back, in no order. */
export type WarmupDays = { readonly sent: ReadonlySet<string>; readonly regressed: ReadonlySet<string> };

export const NO_DAYS: WarmupDays = { sent: new Set(), regressed: new Set() };

/**
 * `before`: nothing is sent until the day `start`. `warming`: `cap` messages today, which is day `day` of `days`; days are
 * counted from 1. `done`: the daily limit alone holds.
 */
export type Warmup =
  | { readonly kind: 'before'; readonly start: string }
  | { readonly kind: 'warming'; readonly day: number; readonly days: number; readonly cap: number }
  | { readonly kind: 'done' };

/** Of the daily limit, on each day on which it sends. */
const STANDARD_PERCENT: readonly number[] = [10, 20, 40, 60, 80, 100];
/** Where there is none. */
const STANDARD_LIMIT = 500;
/** Recipients of a day whose outcomes say something. */
const SAMPLE_LEAST = 20;
/** Fewer are chance among the few recipients of a first day: two unknown users of thirty are no sign; and one person may err. */
const LEAST = { deferred: 10, bounced: 5, complained: 2 } as const;

/** What may be sent on each day of sending. */
export function stepsOf({ schedule }: Pick<WarmupTerms, 'schedule'>, dailyLimit: number | null): readonly number[] {
  if (schedule !== undefined) return schedule.map((step) => Math.min(step, dailyLimit ?? Number.POSITIVE_INFINITY));
  return STANDARD_PERCENT.map((percent) => Math.max(1, Math.floor(((dailyLimit ?? STANDARD_LIMIT) * percent) / 100)));
}

/**
 * How far it is today. A day on which it sent is a step up, one on which it regressed a step down; once all steps are
 * behind it, it is done for good.
 */
export function warmupOf({
  terms,
  dailyLimit,
  days: { sent, regressed },
  today,
}: {
  readonly terms: Pick<WarmupTerms, 'start' | 'schedule'>;
  readonly dailyLimit: number | null;
  readonly days: WarmupDays;
  readonly today: string;
}): Warmup {
  const { start = '' } = terms;
  if (today < start) return { kind: 'before', start };
  const steps = stepsOf(terms, dailyLimit);
  let step = 0;
  for (const day of [...new Set([...sent, ...regressed])].sort()) {
    if (day < start || day >= today) continue;
    step = regressed.has(day) ? Math.max(0, step - 1) : step + 1;
    if (step >= steps.length) return { kind: 'done' };
  }
  if (regressed.has(today)) step = Math.max(0, step - 1);
  return { kind: 'warming', day: step + 1, days: steps.length, cap: steps[step] ?? 1 };
}

/** The figures that have a warm-up go a step back; null: there are none. @param outcomes of one day */
export function regressionCause(
  { deferred, bounced, complained }: WarmupTerms['regress'],
  outcomes: Outcomes,
): string | null {
  const answers = outcomes.delivered + outcomes.deferred + outcomes.bounced + outcomes.blocked;
  if (answers < SAMPLE_LEAST) return null;
  const refused = outcomes.bounced + outcomes.blocked;
  const causes = [
    above('deferred', { count: outcomes.deferred, least: LEAST.deferred, of: answers, percent: deferred }),
    above('bounced or blocked', { count: refused, least: LEAST.bounced, of: answers, percent: bounced }),
    above('complaints', {
      count: outcomes.complained,
      least: LEAST.complained,
      of: outcomes.delivered,
      percent: complained,
    }),
  ].filter((cause) => cause !== null);
  return causes.length === 0 ? null : causes.join(', ');
}

type Share = { readonly count: number; readonly least: number; readonly of: number; readonly percent: number };

function above(what: string, { count, least, of, percent }: Share): string | null {
  if (count < least || count * 100 <= percent * of) return null;
  const share = of === 0 ? '' : ` (${Math.round((count * 1_000) / of) / 10} %)`;
  return `${count} of ${of}${share} ${what}, more than ${percent} %`;
}
