/** Tells once when a budget is used up by four fifths, and once when it is used up: on each node. */
import { amountText, exemptStreams, usedText } from '../policy/money.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { BudgetUse } from '../routing/cost-figures.ts';
import { budgetUses, type BudgetUsesNeeds } from '../schedule/budgets/budget-uses.ts';
import { repeated } from '../running/repeated.ts';

export type BudgetWatchNeeds = BudgetUsesNeeds & { readonly clock: Clock; readonly emit: Emit };

const LOOK_EVERY_MS = 5_000;
const WARN_SHARE = 0.8;

type Level = 'open' | 'nearly' | 'used-up';
/** Of one month and amount; with either another everything begins anew. */
type Told = { readonly of: string; readonly level: Level; readonly text: string };

/** Looks every 5 s until it is disposed of; a store that is away changes nothing. */
export function watchBudgets(needs: BudgetWatchNeeds): AsyncDisposable {
  const told = new Map<string, Told>();
  return repeated(() => look(needs, told), { clock: needs.clock, everyMs: LOOK_EVERY_MS, firstMs: 0 });
}

async function look(needs: BudgetWatchNeeds, told: Map<string, Told>): Promise<void> {
  const { policy, clock, emit } = needs;
  if (told.size === 0 && !hasBudgets(policy())) return;
  const uses = await budgetUses(needs).catch(() => null);
  if (uses === null) return;
  const atMs = clock.nowMs();
  const tell = (egress: string, text: string, level: Level): void => {
    const worst = level === 'used-up' ? { severity: 'critical' as const } : {};
    emit({ event: 'alert', atMs, name: `budget:${egress}`, text, raised: level !== 'open', ...worst });
  };
  for (const egress of new Set([...told.keys(), ...uses.keys()])) {
    const use = uses.get(egress);
    const before = told.get(egress);
    const now = use === undefined ? null : stateOf(policy(), egress, use);
    // What processes had set aside and handed back opens nothing: it is told once.
    if (before !== undefined && now?.of === before.of && !isWorse(now.level, before.level)) continue;
    if (now === null) told.delete(egress);
    else told.set(egress, now);
    if (now !== null && now.level !== 'open') tell(egress, now.text, now.level);
    else if (before !== undefined && before.level !== 'open') tell(egress, overText(egress, use), 'open');
  }
}

const LEVELS: readonly Level[] = ['open', 'nearly', 'used-up'];

function isWorse(level: Level, than: Level): boolean {
  return LEVELS.indexOf(level) > LEVELS.indexOf(than);
}

function hasBudgets({ egress }: Policy): boolean {
  return Object.values(egress).some(({ budget, enabled }) => budget !== null && enabled);
}

function stateOf(policy: Policy, egress: string, use: BudgetUse): Told {
  const { micros, used, currency, isUsedUp, turnsAtMs } = use;
  const of = `${micros} ${currency} ${turnsAtMs}`;
  const share = `${usedText(used)} of ${amountText(micros)} ${currency}`;
  const turns = `the month turns at ${new Date(turnsAtMs).toISOString()}`;
  if (!use.closes) {
    const text = `${egress} costs ${share} of its budget this month, whatever it sends: it goes on sending; ${turns}`;
    return { of, level: isUsedUp ? 'used-up' : 'open', text };
  }
  if (isUsedUp) {
    const exempt = [...exemptStreams(policy, egress)];
    const but = exempt.length === 0 ? 'for all mail' : `for all mail but the streams ${exempt.join(', ')}`;
    const text = `the budget of ${egress} is used up (${share}): it is closed ${but}, and opens by itself as ${turns}`;
    return { of, level: 'used-up', text };
  }
  const percent = Math.floor((100 * used) / micros);
  const text = `${percent} % of the budget of ${egress} is used (${share}): at 100 % its mail takes the next exit of its route, or waits; ${turns}`;
  return { of, level: used >= WARN_SHARE * micros ? 'nearly' : 'open', text };
}

function overText(egress: string, use: BudgetUse | undefined): string {
  if (use === undefined) return `${egress} has no budget any more`;
  const { used, micros, currency } = use;
  return `${egress} has ${usedText(used)} of ${amountText(micros)} ${currency} of its budget used: the month turned, or the budget is a higher one`;
}
