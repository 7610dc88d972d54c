/** Prices, sums of money and budgets, exact in millionths of the currency’s unit. Pure. */
import { monthOf } from './day.ts';
import type { EgressPolicy, Policy } from './schema.ts';

/** So many millionths for `of` messages or recipients; `blocks`: each begun `of` costs as a whole. */
export type Price = {
  readonly currency: string;
  readonly micros: number;
  readonly of: number;
  readonly blocks: boolean;
};

/** A sum of money. */
export type Money = { readonly micros: number; readonly currency: string };

const MICROS = 1_000_000;
const DAY_MS = 86_400_000;

/** What it takes for messages; null: it is paid by the month, or nobody said. */
export function priceOf({ cost, billing }: Pick<EgressPolicy, 'cost' | 'billing'>): Price | null {
  if (cost?.per !== 'message') return null;
  const { currency, micros, of } = cost;
  return { currency, micros, of, blocks: billing.blocks };
}

/** What it takes for a month, whatever it sends; null: nothing. */
export function rentOf({ cost }: Pick<EgressPolicy, 'cost'>): Money | null {
  return cost?.per === 'month' ? { micros: cost.micros, currency: cost.currency } : null;
}

/** What so many cost together: rounded once, up to a whole millionth, and never one by one. */
export function totalOf(count: number, { micros, of, blocks }: Price): number {
  const counted = blocks ? Math.ceil(count / of) * of : count;
  return Number((BigInt(counted) * BigInt(micros) + BigInt(of - 1)) / BigInt(of));
}

/**
 * What is left of a budget for messages, before the first of the month: where blocks are paid as a whole, the part that
 * would not pay for one more is not to be had.
 */
export function spendableOf(budget: Money, price: Price): number {
  return price.blocks && price.micros > 0 ? Math.floor(budget.micros / price.micros) * price.micros : budget.micros;
}

/** Of what one or the other is billed, as `billing` says: of so many recipients of one message. */
export function billed({ billing }: Pick<EgressPolicy, 'billing'>, recipients: number): number {
  return billing.per === 'message' ? Math.min(1, recipients) : recipients;
}

const exemptOf = new WeakMap<Policy, Map<string, ReadonlySet<string>>>();

/** Streams whose mail goes by an exit though its budget is used up. */
export function exemptStreams(policy: Policy, egress: string): ReadonlySet<string> {
  const known = exemptOf.get(policy) ?? new Map<string, ReadonlySet<string>>();
  exemptOf.set(policy, known);
  const before = known.get(egress);
  if (before !== undefined) return before;
  const named = policy.egress[egress]?.budget?.exempt ?? null;
  const urgent = Object.entries(policy.streams).flatMap(([name, { priority }]) => (priority === 'high' ? [name] : []));
  const exempt = new Set(named ?? urgent);
  known.set(egress, exempt);
  return exempt;
}

/** The account in which an exit’s spending of a month is kept, in millionths. */
export type BudgetWindow = {
  readonly account: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** When the month turns in the policy’s time zone, wall ms. */
  readonly turnsAtMs: number;
};

/** The window is a day wider than the month on either side, the same in every time zone: another `timeZone` loses no cent. */
export function budgetWindow(egress: string, wallMs: number, zone: string): BudgetWindow {
  const { name, endsAtMs } = monthOf(wallMs, zone);
  const [year = 0, month = 1] = name.split('-').map(Number);
  return {
    account: `budget:${egress}:${name}`,
    startsAtMs: Date.UTC(year, month - 1, 1) - DAY_MS,
    endsAtMs: Date.UTC(year, month, 1) + DAY_MS,
    turnsAtMs: endsAtMs,
  };
}

/** `90`, `12.5` → `12.50`, `0.00106`: two places, or more where the sum is small. */
export function amountText(micros: number): string {
  if (micros % MICROS === 0) return String(micros / MICROS);
  return usedText(micros);
}

/** `90.00`, `0.00106`: never more than there is. */
export function usedText(micros: number): string {
  const sign = micros < 0 ? '-' : '';
  const size = Math.abs(micros);
  const places = size > 0 && size < MICROS / 100 ? 6 : 2;
  const step = 10 ** (6 - places);
  const cut = (Math.floor(size / step) * step) / MICROS;
  const text = cut.toFixed(places);
  return sign + (places === 6 ? text.replace(/0+$/, '') : text);
}

/** Millionths as a number of the currency’s unit, for programs. */
export function unitsOf(micros: number): number {
  return micros / MICROS;
}
