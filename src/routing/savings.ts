/** What own servers saved: what they carried, at the price of the cheapest provider of the policy, less what they cost. Pure. */
import { type Price, priceOf, rentOf, totalOf, unitsOf } from '../policy/money.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';

/** In units of the currency. */
export type Savings = {
  readonly currency: string;
  /** The cheapest provider's exit in that currency, whether it is enabled or not. */
  readonly cloud: string;
  readonly per1000: number;
  /** What own servers carried this month. */
  readonly count: number;
  /** The same by that provider. */
  readonly cloudCost: number;
  /** Rents of own servers in that currency; of the whole month, from its first day on. */
  readonly ownCost: number;
  /** Below 0: they cost more so far. */
  readonly saved: number;
  /** By the month's end, at the pace of the last days; null: nothing can be said yet. */
  readonly forecast: number | null;
};

export type Carried = {
  readonly countOf: (egress: string) => number;
  /** Messages a day; null: not known. */
  readonly paceOf: (egress: string) => number | null;
  readonly leftDays: number;
};

const PLAN_DAYS = 30;
const CLOUD: ReadonlySet<EgressPolicy['type']> = new Set(['sendgrid', 'mailgun', 'ses']);

/** None where no exit has a provider's price. */
export function savingsOf(policy: Policy, { countOf, paceOf, leftDays }: Carried): Savings[] {
  const exits = Object.entries(policy.egress);
  return [...cheapestOf(policy)].flatMap(([currency, { cloud, price }]): Savings[] => {
    const own = exits.filter(([, exit]) => isOwn(exit) && (rentOf(exit)?.currency ?? currency) === currency);
    if (own.length === 0) return [];
    const count = own.reduce((sum, [egress]) => sum + countOf(egress), 0);
    const ownMicros = own.reduce((sum, [, exit]) => sum + (exit.enabled ? (rentOf(exit)?.micros ?? 0) : 0), 0);
    const paces = own.map(([egress]) => paceOf(egress));
    const perDay = paces.reduce<number>((sum, pace) => sum + (pace ?? 0), 0);
    const cloudMicros = totalOf(count, price);
    const laterMicros = totalOf(count + Math.round(perDay * leftDays), price);
    return [
      {
        currency,
        cloud,
        per1000: (1_000 * unitsOf(price.micros)) / price.of,
        count,
        cloudCost: unitsOf(cloudMicros),
        ownCost: unitsOf(ownMicros),
        saved: unitsOf(cloudMicros - ownMicros),
        forecast: paces.every((pace) => pace === null) ? null : unitsOf(laterMicros - ownMicros),
      },
    ];
  });
}

/** Not paid by the message, and no provider's: and a folder carries nothing. */
function isOwn(exit: EgressPolicy): boolean {
  return exit.type !== 'sandbox' && !CLOUD.has(exit.type) && priceOf(exit) === null;
}

function cheapestOf({ egress }: Policy): Map<string, { cloud: string; price: Price }> {
  const cheapest = new Map<string, { cloud: string; price: Price }>();
  for (const [cloud, exit] of Object.entries(egress)) {
    const price = exit.type === 'sandbox' ? null : (priceOf(exit) ?? planPrice(exit));
    if (price === null) continue;
    const before = cheapest.get(price.currency)?.price;
    if (before === undefined || price.micros / price.of < before.micros / before.of)
      cheapest.set(price.currency, { cloud, price: { ...price, blocks: false } });
  }
  return cheapest;
}

/** Of a provider's plan that is paid by the month: by its dailyLimit, at full use. */
function planPrice(exit: EgressPolicy): Price | null {
  const rent = rentOf(exit);
  if (rent === null || !CLOUD.has(exit.type) || exit.dailyLimit === null) return null;
  return { ...rent, of: exit.dailyLimit * PLAN_DAYS, blocks: false };
}
