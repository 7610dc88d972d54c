/** What is usual of a client, learnt hour by hour, and whether an hour is unlike it. Pure. */
import type { Policy } from '../policy/schema.ts';

/** What a client did in one hour (UTC). `fresh`: recipients that it never wrote to before. `bulk`: of its bulk streams. */
export const GUARD_FIGURES = ['recipients', 'fresh', 'bounced', 'bulk'] as const;
export type GuardFigure = (typeof GUARD_FIGURES)[number];
export type HourFigures = Readonly<Record<GuardFigure, number>>;
export const NO_HOUR: HourFigures = { recipients: 0, fresh: 0, bounced: 0, bulk: 0 };

export type Baseline = {
  readonly firstMs: number;
  /** Hours before it are learnt. */
  readonly learntUntilMs: number;
  /** Recipients by hour of the week, from Thursday 0:00 UTC, as time counts. */
  readonly usual: readonly number[];
  /** The busiest hour; fades by half in a month. */
  readonly busiest: number;
  /** 0 to 1, of hours with enough recipients. */
  readonly freshShare: number;
  readonly bouncedShare: number;
};

export type GuardTerms = Policy['guard'];

/** What an hour is unlike the others in. */
export type Anomaly = { readonly kind: 'volume' | 'new-recipients' | 'bounces'; readonly text: string };

export const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
/** A week changes what is usual by that part. */
const WEIGHT = 0.3;
const SHARE_WEIGHT = 0.1;
const FADES = 0.999;
/** Fewer recipients say nothing about shares. */
const SHARE_LEAST = 20;
const BUSIEST_TIMES = 2;
const SHARE_TIMES = 3;
/** Nobody judges by fewer who bounced. */
const BOUNCED_LEAST = 50;

export function freshBaseline(hourMs: number): Baseline {
  return {
    firstMs: hourMs,
    learntUntilMs: hourMs,
    usual: Array.from({ length: WEEK_HOURS }, () => 0),
    busiest: 0,
    freshShare: 0,
    bouncedShare: 0,
  };
}

/** `guard` of the policy, with what is other for that client. */
export function guardTermsOf({ guard, clients }: Pick<Policy, 'guard' | 'clients'>, client: string): GuardTerms {
  const own = Object.hasOwn(clients, client) ? clients[client]?.guard : undefined;
  return own === undefined ? guard : { ...guard, ...definedOf(own) };
}

function definedOf<Value extends object>(value: Value): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

/** One hour more. @param hourMs its start @param whole whether what it sent then was fine: else only time passes */
export function learnt(
  base: Baseline,
  hour: HourFigures,
  { hourMs, isFine }: { readonly hourMs: number; readonly isFine: boolean },
): Baseline {
  const busiest = base.busiest * FADES;
  const passed = { ...base, learntUntilMs: hourMs + HOUR_MS, busiest };
  if (!isFine) return passed;
  const slot = slotOf(hourMs);
  const before = base.usual[slot] ?? 0;
  const isFirstWeek = hourMs - base.firstMs < WEEK_HOURS * HOUR_MS;
  const next = isFirstWeek ? hour.recipients : before + WEIGHT * (hour.recipients - before);
  const { recipients, fresh, bounced } = hour;
  const says = recipients >= SHARE_LEAST;
  const isFirst = base.busiest === 0;
  const share = (known: number, some: number): number =>
    !says ? known : isFirst ? some / recipients : known + SHARE_WEIGHT * (some / recipients - known);
  return {
    ...passed,
    usual: base.usual.with(slot, Math.round(next * 100) / 100),
    busiest: Math.max(busiest, recipients),
    freshShare: share(base.freshShare, fresh),
    bouncedShare: share(base.bouncedShare, bounced),
  };
}

/** In what the hour so far is unlike what is usual; null: in nothing, or too little is known. */
export function anomalyOf(
  base: Baseline,
  hour: HourFigures,
  { terms, hourMs }: { readonly terms: GuardTerms; readonly hourMs: number },
): Anomaly | null {
  const { recipients, fresh, bounced } = hour;
  if (!terms.enabled || hourMs - base.firstMs < terms.learn || recipients < terms.least) return null;
  const usual = usualAt(base, hourMs);
  const most = Math.max(terms.volume * usual, BUSIEST_TIMES * base.busiest);
  if (recipients > most) {
    const text = `${recipients} recipients in this hour, where ${Math.round(usual)} are usual and ${Math.round(base.busiest)} were the most in weeks`;
    return { kind: 'volume', text };
  }
  const freshMost = Math.max(terms.newRecipients, SHARE_TIMES * base.freshShare * 100);
  if (percent(fresh, recipients) > freshMost) {
    const text = `${Math.round(percent(fresh, recipients))} % of ${recipients} recipients in this hour are such as it never wrote to, where ${Math.round(base.freshShare * 100)} % are usual`;
    return { kind: 'new-recipients', text };
  }
  const bouncedMost = Math.max(terms.bounces, SHARE_TIMES * base.bouncedShare * 100);
  if (bounced >= BOUNCED_LEAST && percent(bounced, recipients) > bouncedMost) {
    const text = `${bounced} of ${recipients} recipients in this hour bounced, where ${(base.bouncedShare * 100).toFixed(1)} % are usual`;
    return { kind: 'bounces', text };
  }
  return null;
}

/** Of that hour of the week, or one beside it: nobody is punctual to the hour. */
export function usualAt({ usual }: Baseline, hourMs: number): number {
  const slot = slotOf(hourMs);
  return Math.max(...[-1, 0, 1].map((beside) => usual[(slot + beside + WEEK_HOURS) % WEEK_HOURS] ?? 0));
}

function slotOf(hourMs: number): number {
  return Math.floor(hourMs / HOUR_MS) % WEEK_HOURS;
}

function percent(some: number, all: number): number {
  return all === 0 ? 0 : (100 * some) / all;
}

/** What a mark says of it; null: it cannot be read. */
export function readBaseline(text: string): Baseline | null {
  try {
    const value: unknown = JSON.parse(text);
    const isOne = typeof value === 'object' && value !== null && 'usual' in value && 'firstMs' in value;
    return isOne ? (value as Baseline) : null;
  } catch {
    return null;
  }
}
