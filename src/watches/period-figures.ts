/** What a report by mail says, from what operators can ask of the relay. */
import type { Operations } from '../operations/operations.ts';
import { isoTime } from '../report/log-fields.ts';
import type { Period } from '../report/periodic/period.ts';
import type { ExitLine, ReportFigures } from '../report/periodic/report-text.ts';
import type { MonthCosts } from '../routing/cost-figures.ts';

const REASONS = 10;
const EXITS = 100;
const ALERTS = 30;

type Asked = Pick<Operations, 'table' | 'stats' | 'alertList' | 'overview' | 'costs'>;

/** @throws SpoolError where the store does not answer */
export async function periodFigures(operations: Asked, { fromMs, toMs, month }: Period): Promise<ReportFigures> {
  const [all, exits, reasons, stats, costs, alerts] = await Promise.all([
    operations.table({ by: 'all', fromMs, toMs, limit: 1 }),
    operations.table({ by: 'exit', fromMs, toMs, limit: EXITS }),
    operations.table({ by: 'reason', fromMs, toMs, limit: REASONS }),
    operations.stats(),
    operations.costs({ month }),
    operations.alertList(),
  ]);
  const { figures, success } = all.total;
  const scores = new Map(stats.exits.map(({ egress, score }) => [egress, score]));
  return {
    accepted: figures.recipients,
    delivered: figures.delivered,
    failed: figures.bounced + figures.expired,
    deferred: figures.deferred,
    complained: figures.complained,
    success,
    queued: stats.queue.deliveries,
    exits: exits.rows.map((row): ExitLine => {
      const { name, isRest } = row;
      const score = isRest ? null : (scores.get(name) ?? null);
      const { delivered, bounced, expired } = row.figures;
      return {
        egress: isRest ? 'others' : name,
        delivered,
        failed: bounced + expired,
        success: row.success,
        score: score === null ? null : Math.round(score),
        cost: costOf(costs, name),
      };
    }),
    reasons: reasons.rows.flatMap(({ name, isRest, figures: { bounced, returned } }) =>
      isRest || bounced + returned === 0 ? [] : [{ text: name, count: bounced + returned }],
    ),
    costs: costs.totals.map(
      ({ monthToDate, currency, forecast }) =>
        `${money(monthToDate, currency)}${forecast === null || month !== null ? '' : `, ${money(forecast, currency)} by its end`}`,
    ),
    month,
    alerts: alertsOf(alerts, { fromMs, toMs }),
    advice: stats.advice.map(({ text }) => text),
  };
}

function costOf({ exits }: MonthCosts, name: string): string {
  const cost = exits.find(({ egress }) => egress === name);
  if (cost === undefined) return '';
  const spent = money(cost.monthToDate, cost.currency);
  return cost.budget === null ? spent : `${spent} of ${money(cost.budget.amount, cost.currency)}`;
}

function money(amount: number, currency: string): string {
  return `${amount.toFixed(2)} ${currency}`;
}

/** Those that were in force at some time of it. */
function alertsOf(
  { alerts, past }: Awaited<ReturnType<Asked['alertList']>>,
  { fromMs, toMs }: Pick<Period, 'fromMs' | 'toMs'>,
): ReportFigures['alerts'] {
  const all = [...alerts.map((alert) => ({ ...alert, overAtMs: null })), ...past];
  return all
    .filter(({ sinceMs, overAtMs }) => sinceMs < toMs && (overAtMs === null || overAtMs >= fromMs))
    .toSorted((one, other) => other.sinceMs - one.sinceMs)
    .slice(0, ALERTS)
    .map(({ name, text, sinceMs, overAtMs }) => ({
      text: `${name}: ${text}`,
      from: isoTime(sinceMs),
      until: overAtMs === null ? null : isoTime(overAtMs),
    }));
}
