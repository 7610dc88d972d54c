/** What a month cost so far, as the store has it, for operators. */
import { type BudgetUsesNeeds, budgetUses } from './budget-uses.ts';
import { costsOf, costsSince, type MonthCosts } from '../routing/cost-figures.ts';
import { COSTS } from '../routing/cost-names.ts';
import type { Tallies } from '../spool/tallies.ts';

export type MonthCostsNeeds = BudgetUsesNeeds & { readonly ledger: Pick<Tallies, 'counts'> };

/**
 * Rejects with `SpoolError` where the store does not answer.
 * @param what `exits` alone: tags may be many, and figures that are read all the time need none of them
 */
export async function monthCosts(needs: MonthCostsNeeds, what: 'all' | 'exits' = 'all'): Promise<MonthCosts> {
  const policy = needs.policy();
  const nowMs = needs.clock.nowMs();
  const prefix = what === 'all' ? COSTS : `${COSTS}exit:`;
  const [counts, budgets] = await Promise.all([
    needs.ledger.counts(prefix, costsSince(policy, nowMs)),
    budgetUses(needs),
  ]);
  return costsOf({ policy, counts, budgets, nowMs });
}
