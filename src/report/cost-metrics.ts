import type { MetricName } from './metric-table.ts';
import type { Book } from './metrics-book.ts';
import type { CostsSample } from './metrics-sample.ts';

/** Sets the gauges of what exits cost; null: not known. */
export function fillCosts(book: Pick<Book, 'set' | 'clear'>, costs: CostsSample | null): void {
  for (const name of COST_GAUGES) book.clear(name);
  for (const { egress, currency, monthToDate, forecast, budget } of costs?.exits ?? []) {
    const of = { egress, currency };
    book.set('relevo_cost_month', monthToDate, of);
    if (forecast !== null) book.set('relevo_cost_month_forecast', forecast, of);
    if (budget === null) continue;
    book.set('relevo_cost_budget', budget.amount, of);
    book.set('relevo_cost_budget_used', budget.used, of);
  }
  for (const { currency, saved } of costs?.savings ?? []) book.set('relevo_cost_saved', saved, { currency });
}

const COST_GAUGES = [
  'relevo_cost_month',
  'relevo_cost_month_forecast',
  'relevo_cost_budget',
  'relevo_cost_budget_used',
  'relevo_cost_saved',
] as const satisfies readonly MetricName[];
