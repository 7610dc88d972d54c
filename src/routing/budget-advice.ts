/** Budgets that will not last the month, in words. Pure. */
import type { Advice } from './advice.ts';
import type { MonthCosts } from './cost-figures.ts';

/** Of an exit whose budget is used up, or will be at the pace of the last days before the month turns. */
export type BudgetOutlook = {
  readonly egress: string;
  readonly currency: string;
  readonly amount: number;
  readonly used: number;
  /** What the month would come to; null: nothing can be said yet. */
  readonly forecast: number | null;
  /** null: it is used up. */
  readonly usedUpAtMs: number | null;
};

/** Those that are worth telling of. */
export function budgetOutlooks({ exits }: Pick<MonthCosts, 'exits'>): readonly BudgetOutlook[] {
  return exits.flatMap(({ egress, currency, budget, forecast }): BudgetOutlook[] => {
    if (budget === null || (budget.usedUpAtMs === null && !budget.isUsedUp)) return [];
    const { amount, used, usedUpAtMs } = budget;
    return [{ egress, currency, amount, used, forecast, usedUpAtMs }];
  });
}

/** null: all of them last. */
export function budgetAdvice(outlooks: readonly BudgetOutlook[]): Advice | null {
  if (outlooks.length === 0) return null;
  const exits = outlooks.map(textOf);
  const text = `${exits.join('; ')}: raise it, send less by it, or leave it: then its mail takes the next exit of its route, or waits`;
  return { kind: 'budget', text, figures: { exits } };
}

function textOf({ egress, currency, amount, used, forecast, usedUpAtMs }: BudgetOutlook): string {
  const share = `${used.toFixed(2)} of ${amount} ${currency}`;
  if (usedUpAtMs === null) return `the budget of ${egress} is used up (${share})`;
  const day = new Date(usedUpAtMs).toISOString().slice(0, 10);
  const whole = forecast === null ? '' : `, the month would come to ${forecast.toFixed(2)} ${currency}`;
  return `the budget of ${egress} (${share} used) will be used up about ${day} at the pace of the last days${whole}`;
}
