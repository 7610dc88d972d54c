/** What is used of the budgets, as the store has it, for operators. */
import { monthOf } from '../../policy/day.ts';
import { budgetWindow, priceOf, rentOf, spendableOf } from '../../policy/money.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { BudgetUse } from '../../routing/cost-figures.ts';
import type { Quotas } from '../../spool/ledger.ts';
import { billedOf } from './budgets.ts';

export type BudgetUsesNeeds = {
  readonly policy: () => Policy;
  readonly ledger: Pick<Quotas, 'takeBlock'>;
  readonly clock: Clock;
};

/** By exit, of those that are enabled. Rejects with `SpoolError` where the store does not answer. */
export async function budgetUses({ policy, ledger, clock }: BudgetUsesNeeds): Promise<ReadonlyMap<string, BudgetUse>> {
  const { egress, timeZone } = policy();
  const nowMs = clock.nowMs();
  const uses = new Map<string, BudgetUse>();
  for (const [name, exit] of Object.entries(egress)) {
    const { budget } = exit;
    if (budget === null || !exit.enabled) continue;
    const { micros, currency } = budget;
    const rent = rentOf(exit);
    const price = priceOf(exit);
    const of = { micros, currency, turnsAtMs: monthOf(nowMs, timeZone).endsAtMs };
    if (rent !== null && rent.currency === currency)
      uses.set(name, { ...of, used: rent.micros, isUsedUp: rent.micros > micros, closes: false });
    if (price === null || price.currency !== currency) continue;
    const { account, startsAtMs, endsAtMs } = budgetWindow(name, nowMs, timeZone);
    const limit = spendableOf(budget, price);
    const look = { account, startsAtMs, endsAtMs, holder: 'look', wanted: 0, limit, nowMs, untilMs: nowMs };
    const { used } = await ledger.takeBlock(look);
    const isUsedUp = limit - used < Math.max(1, Math.floor(price.micros / price.of));
    uses.set(name, { ...of, used: billedOf(used, price), isUsedUp, closes: true });
  }
  return uses;
}
