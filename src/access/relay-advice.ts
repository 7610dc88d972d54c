/** What might be done about a relay's exits, from what came of their mail. */
import type { ExitStandings } from '../exits/standings.ts';
import { isUsable } from '../policy/match.ts';
import { type Preset, presetOf, PRESETS, totalsOf } from '../policy/presets/presets.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { type Advice, adviceFrom, type AdviceFigures, type PresetSize } from '../routing/advice.ts';
import { budgetOutlooks } from '../routing/budget-advice.ts';
import type { MonthCosts } from '../routing/cost-figures.ts';
import {
  answersOf,
  DAY_MS,
  outcomesByExit,
  OUTCOMES_BY_DAY,
  type StretchOutcomes,
} from '../routing/outcome-figures.ts';
import type { Spool } from '../spool/spool.ts';
import type { Count, Tallies } from '../spool/tallies.ts';

/** Its part of a limit that is used up; `day` and `days` of a warm-up. */
export type ExitLimit = {
  readonly limit: number;
  readonly used: number;
  readonly warmup: { readonly day: number; readonly days: number } | null;
};

export type StatsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly spool: Pick<Spool, 'overview'> & { readonly ledger: Pick<Tallies, 'counts'> };
  readonly standings: ExitStandings;
  /** Of today, by exit; those without a limit, or of which nothing is known, are left out. */
  readonly limits: () => Promise<ReadonlyMap<string, ExitLimit>>;
  readonly midnightMs: () => number;
  /** @param what `exits` alone, without streams, clients and tags */
  readonly costs: (what: 'all' | 'exits') => Promise<MonthCosts>;
};

export const MONTH_MS = 30 * DAY_MS;

/** What was read for it. */
export type AdviceRead = {
  readonly days: ReadonlyMap<string, readonly StretchOutcomes[]>;
  readonly limits: ReadonlyMap<string, ExitLimit>;
  readonly costs: MonthCosts;
};

/** What might be done now. */
export async function relayAdvice(needs: StatsNeeds): Promise<readonly Advice[]> {
  const atMs = needs.clock.nowMs();
  const [limits, days, costs] = await Promise.all([
    needs.limits(),
    readDays(needs.spool.ledger, atMs),
    needs.costs('exits'),
  ]);
  return adviceFrom(adviceFigures(needs, { limits, days, costs }, atMs));
}

/** What came of the mail of each exit in the last 30 days, day by day. */
export async function readDays(ledger: Pick<Tallies, 'counts'>, atMs: number): Promise<Map<string, StretchOutcomes[]>> {
  const counts: readonly Count[] = await ledger.counts(OUTCOMES_BY_DAY, atMs - MONTH_MS);
  return outcomesByExit(counts, OUTCOMES_BY_DAY);
}

/** The exits that mail may leave by, in the order of the policy. */
export function exitsInUse(policy: Policy): string[] {
  return Object.keys(policy.egress).filter((name) => isUsable(policy, name));
}

/** What advice is given from. */
export function adviceFigures(
  { policy, standings }: StatsNeeds,
  { days, limits, costs }: AdviceRead,
  atMs: number,
): AdviceFigures {
  const inForce = policy();
  const names = exitsInUse(inForce);
  const limited = names.map((egress) => limits.get(egress) ?? null);
  const sizes = presetSizes(inForce);
  return {
    exits: names.map((egress) => {
      const { score, closures } = standings.standingOf(egress);
      const warmup = limits.get(egress)?.warmup ?? null;
      return { egress, score, gates: closures.map(({ gate }) => gate), warmup };
    }),
    slowBelow: inForce.reputation.slowBelow,
    todayLimit: limited.includes(null) ? null : limited.reduce((sum, one) => sum + (one?.limit ?? 0), 0),
    todayUsed: limited.reduce((sum, one) => sum + (one?.used ?? 0), 0),
    days: messagesByDay(days, atMs),
    budgets: budgetOutlooks(costs),
    ...sizes,
  };
}

/** Whole days (UTC), the latest last, from the first one on that had mail. */
function messagesByDay(days: ReadonlyMap<string, readonly StretchOutcomes[]>, atMs: number): number[] {
  const byDay = new Map<number, number>();
  for (const stretch of [...days.values()].flat())
    byDay.set(stretch.startsAtMs, (byDay.get(stretch.startsAtMs) ?? 0) + answersOf(stretch));
  const today = Math.floor(atMs / DAY_MS) * DAY_MS;
  const first = Math.min(today, ...byDay.keys());
  const counts: number[] = [];
  for (let day = first; day < today; day += DAY_MS) counts.push(byDay.get(day) ?? 0);
  return counts;
}

/** Those that spread or spare their addresses in a way of their own are not for growing into. */
const SPECIAL: ReadonlySet<string> = new Set(['geographic', 'ultra-secure']);

function presetSizes({ preset: name }: Policy): Pick<AdviceFigures, 'preset' | 'presets'> {
  const preset = name === null ? undefined : presetOf(name);
  if (preset === undefined) return { preset: null, presets: [] };
  const isLike = (other: Preset): boolean =>
    !SPECIAL.has(preset.name) && !SPECIAL.has(other.name) && (other.sendgrid === null) === (preset.sendgrid === null);
  const presets = PRESETS.filter(isLike).map(sizeOf);
  return { preset: sizeOf(preset), presets: presets.toSorted((one, other) => one.perDay - other.perDay) };
}

function sizeOf(preset: Preset): PresetSize {
  const { perDay, usdPerMonth } = totalsOf(preset);
  return { name: preset.name, perDay, usdPerMonth };
}
