import {
  amountText,
  billed,
  budgetWindow,
  exemptStreams,
  type Money,
  type Price,
  priceOf,
  spendableOf,
  usedText,
} from '../policy/money.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { BudgetGate } from '../routing/choose.ts';
import { Purse, type PurseNeeds, type Spending } from './purse.ts';

export type BudgetsNeeds = Omit<PurseNeeds, 'reopened'> & {
  readonly policy: () => Policy;
  /** Mail that waits for that exit has room again. */
  readonly reopened: (exit: string, count: number) => void;
};

/** What was set aside for a message. `took`: the exit took it for so many of its recipients; the rest is handed back. */
export type BudgetBooking = { took(recipients: number): Promise<void> };

/** `credit`: what was paid too much by rounding up, in parts of a millionth: `of` of the price of them are one. */
type ExitBudget = { readonly purse: Purse; price: Price; budget: Money; credit: bigint };

const FREE: BudgetBooking = { took: async () => {} };
const ANY = Number.MAX_SAFE_INTEGER;

/** The budgets of the exits that are paid by message: a gate for their mail, and what is spent, exact over all processes. */
export class Budgets {
  readonly #needs: BudgetsNeeds;
  readonly #exits = new Map<string, ExitBudget>();

  constructor(needs: BudgetsNeeds) {
    this.#needs = needs;
    this.adjust();
  }

  /** null: there is something left, or it has no budget. Monotonic ms. */
  gateOf(name: string): BudgetGate | null {
    const exit = this.#exits.get(name);
    if (exit === undefined || !exit.purse.isSpent) return null;
    const { clock, policy } = this.#needs;
    const untilMs = exit.purse.window.turnsAtMs - clock.nowMs() + clock.monotonicMs();
    return { untilMs, cause: textOf(exit), exempt: exemptStreams(policy(), name) };
  }

  /** Whether any budget is used up. */
  get isAnySpent(): boolean {
    return [...this.#exits.values()].some(({ purse }) => purse.isSpent);
  }

  /** Sets aside what a message costs, before the first byte goes out; null: it may not go. */
  async book(
    name: string,
    mail: { readonly stream: string; readonly recipients: number },
  ): Promise<BudgetBooking | null> {
    const exit = this.#exits.get(name);
    const policy = this.#needs.policy();
    const terms = policy.egress[name];
    if (exit === undefined || terms === undefined) return FREE;
    const { price } = exit;
    const count = billed(terms, mail.recipients);
    const amount = charge(exit, price, count);
    const spending = await exit.purse.book(amount, exemptStreams(policy, name).has(mail.stream));
    if (spending !== null)
      return { took: (taken) => giveBack(exit, { spending, price, count: count - billed(terms, taken) }) };
    exit.credit += worth(count, price) - BigInt(amount) * BigInt(price.of);
    return null;
  }

  /** `budget 12.30 of 90 USD used`; null: it has none. */
  textOf(name: string): string | null {
    const exit = this.#exits.get(name);
    return exit === undefined ? null : textOf(exit);
  }

  async look(): Promise<void> {
    await Promise.all([...this.#exits.values()].map(({ purse }) => purse.look()));
  }

  /** About once a second. */
  tick(): void {
    for (const { purse } of this.#exits.values()) purse.tick();
  }

  /** Another policy may be in force. */
  adjust(): void {
    const { egress, timeZone } = this.#needs.policy();
    for (const name of new Set([...this.#exits.keys(), ...Object.keys(egress)])) {
      const terms = termsOf(egress[name]);
      const known = this.#exits.get(name);
      if (terms === null) {
        if (known?.purse.isSpent === true) this.#needs.reopened(name, ANY);
        void known?.purse.close();
        this.#exits.delete(name);
        continue;
      }
      const { price, budget } = terms;
      const purse = {
        limit: spendableOf(budget, price),
        least: Math.ceil(price.micros / price.of),
        windowAt: (nowMs: number) => budgetWindow(name, nowMs, timeZone),
      };
      if (known === undefined) {
        const needs = { ...this.#needs, reopened: () => this.#needs.reopened(name, ANY) };
        this.#exits.set(name, { purse: new Purse(needs, purse), price, budget, credit: 0n });
        continue;
      }
      // What was rounded up at another price is less than a millionth.
      if (known.price.of !== price.of) known.credit = 0n;
      known.price = price;
      known.budget = budget;
      known.purse.terms = purse;
    }
  }

  /** Hands back what is left of every block. */
  async close(): Promise<void> {
    await Promise.all([...this.#exits.values()].map(({ purse }) => purse.close()));
  }
}

/** What can be used up message by message: a month's rent cannot. */
function termsOf(exit: EgressPolicy | undefined): { readonly price: Price; readonly budget: Money } | null {
  if (exit === undefined || !exit.enabled || exit.budget === null) return null;
  const price = priceOf(exit);
  const { budget } = exit;
  return price === null || price.micros === 0 || price.currency !== budget.currency ? null : { price, budget };
}

function worth(count: number, price: Price): bigint {
  return BigInt(count) * BigInt(price.micros);
}

/** In whole millionths; what that is too much is taken off what comes next. */
function charge(exit: ExitBudget, price: Price, count: number): number {
  const of = BigInt(price.of);
  const owed = worth(count, price) - exit.credit;
  const amount = owed <= 0n ? 0n : (owed + of - 1n) / of;
  exit.credit = amount * of - owed;
  return Number(amount);
}

async function giveBack(
  exit: ExitBudget,
  { spending, price, count }: { readonly spending: Spending; readonly price: Price; readonly count: number },
): Promise<void> {
  if (count <= 0) return;
  const of = BigInt(price.of);
  const owed = worth(count, price) + (exit.price.of === price.of ? exit.credit : 0n);
  const amount = owed / of;
  if (exit.price.of === price.of) exit.credit = owed - amount * of;
  await spending.back(Number(amount));
}

function textOf({ purse, price, budget }: ExitBudget): string {
  const { used } = purse;
  const shown = used === null ? '?' : usedText(billedOf(used, price));
  return `budget ${shown} of ${amountText(budget.micros)} ${budget.currency} used`;
}

/** Where a block is paid as a whole, begun ones count. */
export function billedOf(used: number, { blocks, micros }: Price): number {
  return blocks && micros > 0 ? Math.ceil(used / micros) * micros : used;
}
