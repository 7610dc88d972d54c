/** What a month cost so far, as the store has it, for operators. */
import { monthOf, startOfDay } from '../../policy/day.ts';
import { costsOf, costsSince, type MonthCosts } from '../../routing/cost-figures.ts';
import { COSTS } from '../../routing/cost-names.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { type BudgetUsesNeeds, budgetUses } from './budget-uses.ts';

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

/**
 * What another month cost in the end, by the rents of today. Rejects with `SpoolError` where the store does not answer.
 * @param month such as `2026-11`; one that is to come has nothing in it
 */
export async function costsOfMonth(needs: MonthCostsNeeds, month: string): Promise<MonthCosts> {
  const policy = needs.policy();
  const { startsAtMs, endsAtMs } = monthOf(startOfDay(`${month}-01`, policy.timeZone), policy.timeZone);
  const nowMs = needs.clock.nowMs();
  if (nowMs >= startsAtMs && nowMs < endsAtMs) return monthCosts(needs);
  const atMs = endsAtMs - 1;
  const counts = await needs.ledger.counts(COSTS, costsSince(policy, atMs));
  const before = counts.filter((count) => count.startsAtMs < endsAtMs);
  return costsOf({ policy, counts: before, budgets: new Map(), nowMs: atMs });
}
