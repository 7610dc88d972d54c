/** What an operator might do, from the figures of exits and mail: each with the figures behind it. Pure. */
import { budgetAdvice, type BudgetOutlook } from './budget-advice.ts';
import type { Closure } from './standing.ts';

const ADVICE_KINDS = ['reputation', 'warming-up', 'down', 'capacity', 'budget', 'preset-up', 'preset-down'] as const;
export type AdviceKind = (typeof ADVICE_KINDS)[number];

export type Advice = {
  readonly kind: AdviceKind;
  /** For operators: what the figures say, and what could be done. */
  readonly text: string;
  readonly figures: Readonly<Record<string, number | string | readonly string[]>>;
};

/** An exit that the policy has in use. */
export type ExitFigures = {
  readonly egress: string;
  readonly score: number;
  readonly gates: readonly Closure['gate'][];
  /** The day of its warm-up and how many it has; null: it is at its full limit. */
  readonly warmup: { readonly day: number; readonly days: number } | null;
};

/** Its size, for comparison. `usdPerMonth` null: not known. */
export type PresetSize = { readonly name: string; readonly perDay: number; readonly usdPerMonth: number | null };

export type AdviceFigures = {
  readonly exits: readonly ExitFigures[];
  readonly slowBelow: number;
  /** What today's limits let through in all, warm-up included; null: an exit without a limit takes what comes. */
  readonly todayLimit: number | null;
  /** Of it, what is used. */
  readonly todayUsed: number;
  /** Budgets that will not last the month. Default: all do. */
  readonly budgets?: readonly BudgetOutlook[];
  /** Messages of each of the last whole days, the latest last; days from before the first mail are left out. */
  readonly days: readonly number[];
  /** Those that the relay could be set to, of the same kind, smallest first; none: it follows no preset. */
  readonly presets: readonly PresetSize[];
  /** The one in force; null: none. */
  readonly preset: PresetSize | null;
};

/** Above that part of the capacity the next size is due. */
const FULL_SHARE = 0.8;
/** A smaller one would do where the busiest day came to no more than that part of it. */
const ROOM_SHARE = 0.6;
/** Fewer days say little about the next ones. */
const DAYS_TO_SHRINK = 7;
const DAYS_TO_GROW = 2;

/** What is worth telling now, the most pressing first. */
export function adviceFrom(figures: AdviceFigures): readonly Advice[] {
  return [
    down(figures),
    reputation(figures),
    capacity(figures),
    budgetAdvice(figures.budgets ?? []),
    presetUp(figures),
    presetDown(figures),
    warmingUp(figures),
  ].filter((advice) => advice !== null);
}

function down({ exits }: AdviceFigures): Advice | null {
  const closed = exits.filter(({ gates }) => gates.includes('down') || gates.includes('listed'));
  if (closed.length === 0) return null;
  const names = closed.map(({ egress, gates }) => (gates.includes('listed') ? `${egress} (listed)` : egress));
  const text = `${counted(closed.length, 'server')} down: ${names.join(', ')}; the others carry the mail meanwhile`;
  return { kind: 'down', text, figures: { down: closed.length, of: exits.length, exits: names } };
}

function reputation({ exits, slowBelow }: AdviceFigures): Advice | null {
  if (exits.length === 0) return null;
  const average = round(exits.reduce((sum, { score }) => sum + score, 0) / exits.length);
  if (average >= slowBelow) return null;
  const worst = exits.toSorted((one, other) => one.score - other.score).slice(0, 3);
  const named = worst.map(({ egress, score }) => `${egress} ${score}`);
  const text =
    `average reputation ${average} %, below ${slowBelow} %: slow down, and look at who is written to ` +
    `(the worst: ${named.join(', ')})`;
  return { kind: 'reputation', text, figures: { average, slowBelow, worst: named } };
}

function warmingUp({ exits }: AdviceFigures): Advice | null {
  const warming = exits.filter(({ warmup }) => warmup !== null);
  if (warming.length === 0) return null;
  const named = warming.map(({ egress, warmup }) => `${egress} on day ${warmup?.day} of ${warmup?.days}`);
  const text = `${counted(warming.length, 'server')} warming up: ${named.join(', ')}; leave them their time`;
  return { kind: 'warming-up', text, figures: { warmingUp: warming.length, of: exits.length, exits: named } };
}

/** Where no preset can say what is next. */
function capacity(figures: AdviceFigures): Advice | null {
  const { todayLimit, todayUsed } = figures;
  if (todayLimit === null || todayLimit <= 0 || todayUsed <= FULL_SHARE * todayLimit) return null;
  const share = percent(todayUsed / todayLimit);
  const next = nextUp(figures);
  const remedy = next === null ? 'consider more servers' : `consider the next preset, ${shown(next)}`;
  const text = `${share} % of today's capacity used (${todayUsed} of ${todayLimit}), over 80 %: ${remedy}`;
  const preset = next === null ? {} : { preset: next.name, perDay: next.perDay };
  return { kind: 'capacity', text, figures: { used: todayUsed, limit: todayLimit, percent: share, ...preset } };
}

function presetUp(figures: AdviceFigures): Advice | null {
  const { preset, days } = figures;
  if (preset === null) return null;
  const next = nextUp(figures);
  const week = days.slice(-DAYS_TO_SHRINK);
  const busy = week.filter((count) => count > FULL_SHARE * preset.perDay);
  if (next === null || busy.length < DAYS_TO_GROW) return null;
  const busiest = Math.max(...week);
  const text =
    `${busy.length} of the last ${counted(week.length, 'day')} took over 80 % of what ${shown(preset)} carries ` +
    `(the busiest: ${busiest}): go up to ${shown(next)}`;
  return {
    kind: 'preset-up',
    text,
    figures: { preset: next.name, perDay: next.perDay, now: preset.name, busyDays: busy.length, busiest },
  };
}

function presetDown({ preset, presets, days }: AdviceFigures): Advice | null {
  const week = days.slice(-DAYS_TO_SHRINK);
  if (preset === null || week.length < DAYS_TO_SHRINK) return null;
  const busiest = Math.max(...week);
  const enough = presets.find(({ perDay }) => perDay < preset.perDay && busiest <= ROOM_SHARE * perDay);
  if (enough === undefined) return null;
  const text =
    `the busiest of the last ${counted(week.length, 'day')} took ${busiest} messages, ` +
    `${percent(busiest / preset.perDay)} % of what ${shown(preset)} carries: ${shown(enough)} would do`;
  return {
    kind: 'preset-down',
    text,
    figures: { preset: enough.name, perDay: enough.perDay, now: preset.name, busiest },
  };
}

function nextUp({ preset, presets }: AdviceFigures): PresetSize | null {
  if (preset === null) return null;
  return presets.find(({ perDay }) => perDay > preset.perDay) ?? null;
}

/** `business (5000 messages a day, 250 USD a month)` */
function shown({ name, perDay, usdPerMonth }: PresetSize): string {
  return `${name} (${perDay} messages a day${usdPerMonth === null ? '' : `, ${usdPerMonth} USD a month`})`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function percent(share: number): number {
  return Math.round(100 * share);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
