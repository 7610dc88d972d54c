/** The budget of one exit in a replay: the same terms as those of the real one, and a sum of its own. */
import { type Day, monthOf } from '../policy/day.ts';
import { amountText, billed, exemptStreams, priceOf, spendableOf, totalOf, usedText } from '../policy/money.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { BudgetGate } from './choose.ts';
import type { SpentDay } from './exit-past.ts';

type Terms = Pick<EgressPolicy, 'cost' | 'billing' | 'budget'>;

export class SimulatedBudget {
  readonly #terms: Terms;
  readonly #zone: string;
  readonly #exempt: ReadonlySet<string>;
  readonly #past: readonly SpentDay[];
  #month: Day = { startsAtMs: 0, endsAtMs: 0, name: '' };
  #before = 0;
  #count = 0;

  constructor(policy: Policy, egress: string, past: readonly SpentDay[]) {
    this.#terms = policy.egress[egress] ?? NO_TERMS;
    this.#zone = policy.timeZone;
    this.#exempt = exemptStreams(policy, egress);
    this.#past = past;
  }

  /** In units of the currency; 0: it has none. */
  get amount(): number {
    return (this.#terms.budget?.micros ?? 0) / 1e6;
  }

  /** What keeps a message to so many from it; null: it can be paid. Wall ms. */
  gateAt(nowMs: number, recipients: number): BudgetGate | null {
    const { budget } = this.#terms;
    const price = priceOf(this.#terms);
    if (budget === null || price === null || price.micros === 0 || price.currency !== budget.currency) return null;
    this.#roll(nowMs);
    const whole = { ...price, blocks: false };
    const spent = this.#before + totalOf(this.#count, whole);
    const next = this.#before + totalOf(this.#count + billed(this.#terms, recipients), whole);
    if (next <= spendableOf(budget, price)) return null;
    const cause = `budget ${usedText(spent)} of ${amountText(budget.micros)} ${budget.currency} used`;
    return { untilMs: this.#month.endsAtMs, cause, exempt: this.#exempt };
  }

  take(nowMs: number, recipients: number): void {
    if (this.#terms.budget === null) return;
    this.#roll(nowMs);
    this.#count += billed(this.#terms, recipients);
  }

  #roll(nowMs: number): void {
    if (nowMs < this.#month.endsAtMs) return;
    this.#month = monthOf(nowMs, this.#zone);
    this.#count = 0;
    const { name } = this.#month;
    this.#before = this.#past
      .filter(({ day, currency }) => day.startsWith(name) && currency === this.#terms.budget?.currency)
      .reduce((sum, { micros }) => sum + micros, 0);
  }
}

const NO_TERMS: Terms = { cost: null, billing: { per: 'recipient', blocks: false }, budget: null };
