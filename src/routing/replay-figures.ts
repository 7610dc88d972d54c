/** What a replay comes to, in figures. Pure. */
import { billed, priceOf, totalOf, unitsOf } from '../policy/money.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { LimitReached } from './limits-reached.ts';
import type { ReplayedWay } from './replay.ts';

export type Counted = { readonly name: string; readonly count: number };

/** Of what left, ms. `waited`: so many did not leave at once. `p95Ms`: 95 of 100 had to wait no longer. */
export type Delay = {
  readonly meanMs: number;
  readonly p95Ms: number;
  readonly mostMs: number;
  readonly waited: number;
};

export type Cost = { readonly amount: number; readonly currency: string };

export type PolicyFigures = {
  /** Every exit of the policy, in its order. */
  readonly exits: readonly { readonly egress: string; readonly count: number; readonly cost: Cost | null }[];
  /** Every route of the policy, in its order, with what it took. */
  readonly routes: readonly Counted[];
  readonly refused: number;
  /** No route takes it. */
  readonly unrouted: number;
  /** Not sent by the end of the stretch; of those, `never`: nor in the 30 days after it. */
  readonly waiting: number;
  readonly never: number;
  readonly delay: Delay;
  /** In each currency that the exits' `cost` is in: rents for the stretch of time, and the price of what was sent. */
  readonly costs: readonly Cost[];
  readonly limits: readonly LimitReached[];
};

const MONTH_MS = 30 * 86_400_000;

type FiguresOf = {
  readonly policy: Policy;
  readonly counted: readonly { readonly dueAtMs: number; readonly way: ReplayedWay; readonly recipients: number }[];
  readonly limits: readonly LimitReached[];
  readonly refused: number;
  readonly sinceMs: number;
  readonly untilMs: number;
};

export function figuresOf({ policy, counted, limits, refused, sinceMs, untilMs }: FiguresOf): PolicyFigures {
  const byExit = new Map(countBy(counted.flatMap(({ way }) => way.egress ?? [])).map((one) => [one.name, one.count]));
  const byRoute = new Map(countBy(counted.flatMap(({ way }) => way.route ?? [])).map((one) => [one.name, one.count]));
  const exits = Object.entries(policy.egress).map(([egress, terms]) => {
    const count = byExit.get(egress) ?? 0;
    const sent = counted.filter(({ way }) => way.egress === egress);
    const units = sent.reduce((sum, { recipients }) => sum + billed(terms, recipients), 0);
    return { egress, count, cost: costOf(terms, { units, months: (untilMs - sinceMs) / MONTH_MS }) };
  });
  const delays = counted.flatMap(({ dueAtMs, way }) => (way.sentAtMs === null ? [] : [way.sentAtMs - dueAtMs]));
  const routed = counted.filter(({ way }) => way.route !== null);
  return {
    exits,
    routes: policy.routes.map(({ name }) => ({ name, count: byRoute.get(name) ?? 0 })),
    refused,
    unrouted: counted.length - routed.length,
    waiting: routed.filter(({ way }) => way.sentAtMs === null || way.sentAtMs >= untilMs).length,
    never: routed.filter(({ way }) => way.sentAtMs === null).length,
    delay: delayOf(delays),
    costs: totalsOf(exits.flatMap(({ cost }) => cost ?? [])),
    limits,
  };
}

/** @param delays ms, in any order */
export function delayOf(delays: readonly number[]): Delay {
  if (delays.length === 0) return { meanMs: 0, p95Ms: 0, mostMs: 0, waited: 0 };
  const sorted = Float64Array.from(delays).sort();
  const sum = sorted.reduce((total, one) => total + one, 0);
  return {
    meanMs: sum / sorted.length,
    p95Ms: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0,
    mostMs: sorted.at(-1) ?? 0,
    waited: delays.filter((delayMs) => delayMs > 0).length,
  };
}

/** The most first. */
export function countBy(names: readonly string[]): Counted[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((one, other) => other.count - one.count);
}

/** @param units of what it bills */
function costOf(
  exit: EgressPolicy,
  { units, months }: { readonly units: number; readonly months: number },
): Cost | null {
  const { cost, enabled } = exit;
  if (cost === null || !enabled) return null;
  const price = priceOf(exit);
  const amount = price === null ? cost.amount * months : unitsOf(totalOf(units, price));
  return { amount, currency: cost.currency };
}

function totalsOf(costs: readonly Cost[]): Cost[] {
  const totals = new Map<string, number>();
  for (const { amount, currency } of costs) totals.set(currency, (totals.get(currency) ?? 0) + amount);
  return [...totals].map(([currency, amount]) => ({ amount, currency }));
}
