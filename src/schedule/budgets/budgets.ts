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
} from '../../policy/money.ts';
import type { EgressPolicy, Policy } from '../../policy/schema.ts';
import type { BudgetGate } from '../../routing/choose.ts';
import { Purse, type PurseNeeds, type Spending } from './purse.ts';

export type BudgetsNeeds = Omit<PurseNeeds, 'reopened'> & {
  readonly policy: () => Policy;
  /** Mail that waits for that exit has room again. */
  readonly reopened: (exit: string, count: number) => void;
};

/** What was set aside for a message. `took`: the exit took it for so many of its recipients; the rest is handed back. */
export type BudgetBooking = { took(recipients: number): Promise<void> };

/** `debt`: what was rounded off so far, less than a millionth: of such parts `of` of the price are one. */
type ExitBudget = { readonly purse: Purse; price: Price; budget: Money; debt: bigint };

/** Of an exit that has no budget. */
export const FREE: BudgetBooking = { took: async () => {} };
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

  /** Whether what an exit may cost is bounded, and something is to be set aside for each message. */
  has(name: string): boolean {
    return this.#exits.has(name);
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
      return { took: (taken) => giveBack(exit, { spending, amount, price, count: count - billed(terms, taken) }) };
    exit.debt -= owedOf(count, amount, price);
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
        least: Math.max(1, Math.floor(price.micros / price.of)),
        windowAt: (nowMs: number) => budgetWindow(name, nowMs, timeZone),
      };
      if (known === undefined) {
        const needs = { ...this.#needs, reopened: (count: number) => this.#needs.reopened(name, count) };
        this.#exits.set(name, { purse: new Purse(needs, purse), price, budget, debt: 0n });
        continue;
      }
      if (known.price.of !== price.of) known.debt = 0n;
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

/** What so many cost beyond so many millionths, in parts of one. */
function owedOf(count: number, amount: number, { micros, of }: Price): bigint {
  return BigInt(count) * BigInt(micros) - BigInt(amount) * BigInt(of);
}

/** In whole millionths, rounded off; what that is too little is added to what comes next. */
function charge(exit: ExitBudget, price: Price, count: number): number {
  const owed = owedOf(count, 0, price) + exit.debt;
  const amount = owed <= 0n ? 0 : Number(owed / BigInt(price.of));
  exit.debt += owedOf(count, amount, price);
  return amount;
}

type Back = {
  readonly spending: Spending;
  readonly amount: number;
  readonly price: Price;
  readonly count: number;
};

async function giveBack(exit: ExitBudget, { spending, amount, price, count }: Back): Promise<void> {
  if (count <= 0) return;
  const of = BigInt(price.of);
  const isSame = exit.price.of === price.of;
  const owed = owedOf(count, 0, price) - (isSame ? exit.debt : 0n);
  const back = owed <= 0n ? 0 : Math.min(amount, Number((owed + of - 1n) / of));
  if (isSame) exit.debt -= owedOf(count, back, price);
  await spending.back(back);
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
