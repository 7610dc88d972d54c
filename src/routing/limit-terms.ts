/** What an exit's settings, its standing and its warm-up come to as limits on amounts. Pure. */
import type { EgressPolicy } from '../policy/schema.ts';
import type { PaceTerms } from './pace.ts';
import type { Warmup } from './warmup.ts';

/** Of a day: the daily limit, or what a warm-up leaves of it. */
export type DayLimit = { readonly what: 'daily limit' | 'warm-up'; readonly limit: number };

export type LimitTerms = {
  readonly egress: Pick<EgressPolicy, 'dailyLimit' | 'hourlyLimit'>;
  /** Of its limits, above 0 and at most 1. */
  readonly part: number;
  readonly warmup: Warmup | { readonly kind: 'unknown' } | null;
};

/** Never none: a little is sent to see whether it goes well. */
export function limitUnder(limit: number, part: number): number {
  return Math.max(1, Math.floor(limit * part));
}

/** null: there is none. */
export function limitsNow({ egress, part, warmup }: LimitTerms): {
  readonly day: DayLimit | null;
  readonly hour: number | null;
} {
  const { dailyLimit, hourlyLimit } = egress;
  const cap = warmup?.kind === 'warming' ? warmup.cap : null;
  const hour = hourlyLimit === null ? null : limitUnder(hourlyLimit, part);
  if (cap !== null && cap < (dailyLimit ?? Number.POSITIVE_INFINITY))
    return { day: { what: 'warm-up', limit: limitUnder(cap, part) }, hour };
  return { day: dailyLimit === null ? null : { what: 'daily limit', limit: limitUnder(dailyLimit, part) }, hour };
}

/** `daily limit 480/500`, `warm-up 480/500 today`, `warm-up at google 480/500 today`. */
export function limitText(
  what: DayLimit['what'] | 'hourly limit',
  {
    limit,
    used,
    part,
    provider,
  }: {
    readonly limit: number;
    /** null: not known. */
    readonly used: number | null;
    readonly part: number;
    readonly provider: string | null;
  },
): string {
  const at = provider === null ? '' : ` at ${provider}`;
  const slowed = part < 1 ? `, slowed to ${Math.round(part * 100)} %` : '';
  return `${what}${at} ${used ?? '?'}/${limit}${what === 'warm-up' ? ' today' : ''}${slowed}`;
}

const WINDOWS: ReadonlyMap<number, string> = new Map([
  [1_000, 's'],
  [60_000, 'm'],
  [3_600_000, 'h'],
  [86_400_000, 'd'],
]);

/** `rate 1000/h`, `delay 2 s`, `rate 1000/h, delay 2 s, slowed to 50 %`; '' where there is neither. */
export function paceText({ rate, delayMs }: PaceTerms, part: number): string {
  const window = rate === null ? '' : (WINDOWS.get(rate.windowMs) ?? `${rate.windowMs / 1_000} s`);
  const texts = [
    ...(rate === null ? [] : [`rate ${rate.count}/${window}`]),
    ...(delayMs <= 0 ? [] : [`delay ${delayMs / 1_000} s`]),
  ];
  return texts.length === 0 || part >= 1
    ? texts.join(', ')
    : [...texts, `slowed to ${Math.round(part * 100)} %`].join(', ');
}
