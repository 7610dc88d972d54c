/** The figures of a relay as operators see them: what came of mail, each exit's state, and what might be done. */
import type { ExitStandings } from '../exits/standings.ts';
import type { ExitClosure } from '../operations/exits/exit-status.ts';
import { dayOf } from '../policy/day.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { RaisedAlert } from '../report/alerts.ts';
import { type Advice, adviceFrom } from '../routing/advice.ts';
import type { MonthCosts } from '../routing/cost-figures.ts';
import {
  answersOf,
  DAY_MS,
  type Flows,
  FLOWS,
  FLOWS_BY_DAY,
  type Outcomes,
  outcomesByExit,
  OUTCOMES,
  type StretchOutcomes,
  successRateOf,
  sumFlows,
  sumOutcomes,
} from '../routing/outcome-figures.ts';
import { type Reports, REPORTS_BY_DAY, sumReports } from '../routing/report-figures.ts';
import type { Level } from '../routing/reputation.ts';
import { CLOSURE_GATES } from '../routing/standing.ts';
import { monthCosts } from '../schedule/budgets/month-costs.ts';
import { type LimitUse, limitUses, type Used } from '../schedule/limits/limit-uses.ts';
import type { Marks } from '../spool/marks.ts';
import type { Spool } from '../spool/spool.ts';
import type { Accounts, Count } from '../spool/tallies.ts';
import {
  adviceFigures,
  type AdviceRead,
  exitsInUse,
  type ExitLimit,
  MONTH_MS,
  readDays,
  type StatsNeeds,
} from './relay-advice.ts';

export type ExitStats = {
  readonly egress: string;
  readonly type: EgressPolicy['type'];
  /** Reputation, 0 to 100. */
  readonly score: number;
  readonly level: Level;
  /** What keeps it from sending; empty: nothing. */
  readonly closures: readonly ExitClosure[];
  readonly pace: number;
  readonly today: Outcomes;
  readonly week: Outcomes;
  readonly month: Outcomes;
  /** Of the last 7 days; null: it sent nothing. */
  readonly successRate: number | null;
  /** What was said of its mail in the last 30 days, by its provider or in complaints; null: nothing. */
  readonly reported: Reports | null;
  /** Of today; null: none. */
  readonly limit: ExitLimit | null;
  /** What is used and left of all its limits; absent or null: not asked for. */
  readonly limits?: Omit<LimitUse, 'egress'> | null;
  /** Of this month so far, as far as the policy says what it costs; see `costs`. */
  readonly cost: { readonly amount: number; readonly currency: string } | null;
};

export type RelayStats = {
  readonly atMs: number;
  /** Since midnight of the policy's time zone, of the last 7 and of the last 30 days. */
  readonly today: Flows;
  readonly week: Flows;
  readonly month: Flows;
  readonly queue: { readonly messages: number; readonly deliveries: number; readonly oldestCreatedAtMs: number | null };
  readonly exits: readonly ExitStats[];
  /** Of the calendar month. */
  readonly costs: MonthCosts;
  /** null: no relay is running that could raise one. */
  readonly alerts: readonly RaisedAlert[] | null;
  readonly advice: readonly Advice[];
};

const WEEK_MS = 7 * DAY_MS;

type Read = Pick<AdviceRead, 'days' | 'limits'> & {
  readonly reports: readonly Count[];
  readonly hours: ReadonlyMap<string, readonly StretchOutcomes[]>;
};

/** @throws SpoolError where the store does not answer */
export async function relayStats(needs: StatsNeeds, alerts: RelayStats['alerts']): Promise<RelayStats> {
  const { clock, spool } = needs;
  const { ledger } = spool;
  const atMs = clock.nowMs();
  const [hourFlows, dayFlows, overview, read, costs] = await Promise.all([
    ledger.counts(FLOWS, atMs - WEEK_MS),
    ledger.counts(FLOWS_BY_DAY, atMs - MONTH_MS),
    spool.overview(),
    readOutcomes(needs, atMs),
    needs.costs('all'),
  ]);
  const { messages, deliveries, oldestCreatedAtMs } = overview;
  const midnightMs = needs.midnightMs();
  return {
    atMs,
    today: sumFlows(hourFlows, FLOWS, midnightMs),
    week: sumFlows(hourFlows, FLOWS, atMs - WEEK_MS),
    month: sumFlows(dayFlows, FLOWS_BY_DAY, atMs - MONTH_MS),
    queue: { messages, deliveries, oldestCreatedAtMs },
    exits: exitsInUse(needs.policy()).map((egress) => exitStats(needs, { egress, read, costs, atMs, midnightMs })),
    costs,
    alerts,
    advice: adviceFrom(adviceFigures(needs, { ...read, costs }, atMs)),
  };
}

/** The standings are refreshed beside it: what limits come to depends on them. */
async function readOutcomes({ spool: { ledger }, standings, limits }: StatsNeeds, atMs: number): Promise<Read> {
  const [hours, days, known, reports] = await Promise.all([
    ledger.counts(OUTCOMES, atMs - WEEK_MS).then((counts) => outcomesByExit(counts)),
    readDays(ledger, atMs),
    standings.refresh().then(() => limits()),
    ledger.counts(REPORTS_BY_DAY, atMs - MONTH_MS),
  ]);
  return { hours, days, limits: known, reports };
}

function exitStats(
  { policy, standings }: StatsNeeds,
  of: {
    readonly egress: string;
    readonly read: Read;
    readonly costs: MonthCosts;
    readonly atMs: number;
    readonly midnightMs: number;
  },
): ExitStats {
  const { egress, read, costs, atMs, midnightMs } = of;
  const { closures, pace, score } = standings.standingOf(egress);
  const hours = read.hours.get(egress) ?? [];
  const week = sumOutcomes(hours, atMs - WEEK_MS);
  const month = sumOutcomes(read.days.get(egress) ?? [], atMs - MONTH_MS);
  const terms = policy().egress[egress];
  return {
    egress,
    type: terms?.type ?? 'mx',
    score,
    level: standings.reputationOf(egress).level,
    closures,
    pace,
    today: sumOutcomes(hours, midnightMs),
    week,
    month,
    successRate: answersOf(week) === 0 ? null : successRateOf(week),
    reported: sumReports(read.reports, egress, atMs - MONTH_MS),
    limit: read.limits.get(egress) ?? null,
    cost: costOf(egress, costs),
  };
}

function costOf(name: string, { exits }: MonthCosts): ExitStats['cost'] {
  const paid = exits.find(({ egress }) => egress === name);
  return paid === undefined ? null : { amount: paid.monthToDate, currency: paid.currency };
}

/** What metrics show of the exits. */
export async function exitSample({ policy, costs }: StatsNeeds, standings: Pick<ExitStandings, 'standingOf'>) {
  return { exits: exitFigures(policy(), standings), costs: await costs('exits').catch(() => null) };
}

function exitFigures(policy: Policy, { standingOf }: Pick<ExitStandings, 'standingOf'>) {
  return exitsInUse(policy).map((egress) => {
    const { score, successRate, closures } = standingOf(egress);
    const closed = Object.fromEntries(CLOSURE_GATES.map((gate) => [gate, closures.some((one) => one.gate === gate)]));
    return { egress, score, successRate, closed };
  });
}

/** Put together from what a relay, or a command that opened the store, has. */
export function statsNeeds({
  policy,
  clock,
  spool,
  standings,
}: Omit<StatsNeeds, 'spool' | 'limits' | 'costs' | 'midnightMs'> & {
  readonly spool: Pick<Spool, 'overview'> & { readonly ledger: Accounts; readonly marks: Pick<Marks, 'marks'> };
}): StatsNeeds {
  return {
    policy,
    clock,
    spool,
    standings,
    limits: async () => {
      const { ledger, marks } = spool;
      const paceOf = (egress: string): number => standings.standingOf(egress).pace;
      const uses = await limitUses({ policy, ledger, marks, clock, paceOf });
      return new Map(uses.flatMap((use) => (use.day === null ? [] : [[use.egress, exitLimitOf(use.day, use.warmup)]])));
    },
    costs: (what) => monthCosts({ policy, ledger: spool.ledger, clock }, what),
    midnightMs: () => dayOf(clock.nowMs(), policy().timeZone).startsAtMs,
  };
}

function exitLimitOf({ limit, used }: Used, warmup: LimitUse['warmup']): ExitLimit {
  return { limit, used, warmup: warmup?.kind === 'warming' ? warmup : null };
}
