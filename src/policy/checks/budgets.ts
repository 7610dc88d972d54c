/** What a budget asks of its exit. Pure. */
import type { Check } from './checks.ts';
import { amountText, rentOf } from '../money.ts';
import type { Policy } from '../schema.ts';

/** Refuses budgets that could never be reached, or compared with what is spent. */
export function checkBudgets({ egress }: Policy): Check[] {
  return Object.entries(egress).flatMap(([name, exit]): Check[] => {
    const { budget, cost, enabled } = exit;
    if (budget === null || !enabled) return [];
    const path = ['egress', name, 'budget'];
    if (cost === null) return [{ verdict: 'refuse', path, text: 'needs a cost: without one nothing is counted' }];
    if (cost.currency !== budget.currency) {
      const text = `is in ${budget.currency}, and the cost in ${cost.currency}: currencies are never added up`;
      return [{ verdict: 'refuse', path, text, also: ['egress', name, 'cost'] }];
    }
    const rent = rentOf(exit);
    if (rent === null || rent.micros <= budget.micros) return [];
    const text = `its month alone costs ${amountText(rent.micros)} ${rent.currency}, whatever it sends: the budget cannot be kept`;
    return [{ verdict: 'warn', path, text, also: ['egress', name, 'cost'] }];
  });
}
