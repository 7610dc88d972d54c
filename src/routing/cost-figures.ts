/** What a month cost so far, and comes to at the pace of the last days. Currencies are never added up. Pure. */
import { monthOf, dayOf } from '../policy/day.ts';
import { type Money, type Price, priceOf, rentOf, totalOf, unitsOf } from '../policy/money.ts';
import type { Policy } from '../policy/schema.ts';
import type { Count } from '../spool/tallies.ts';
import { type CostKind, costAccount, parseCostAccount } from './cost-names.ts';
import { type Savings, savingsOf } from './savings.ts';

/**
 * What is used of a budget, in millionths, by all processes and with what they have set aside. `closes`: mail is kept from
 * the exit once it is used up; a month’s rent is paid whether it sends or not.
 */
export type BudgetUse = Money & {
  readonly used: number;
  readonly isUsedUp: boolean;
  readonly closes: boolean;
  readonly turnsAtMs: number;
};

/** In units of the currency. `usedUpAtMs`: at the pace of the last days, before the month turns; null: it lasts. */
export type BudgetFigures = {
  readonly amount: number;
  readonly used: number;
  readonly left: number;
  readonly percent: number;
  readonly isUsedUp: boolean;
  readonly usedUpAtMs: number | null;
};

/** `forecast` null: nothing can be said yet. */
export type CostFigures = {
  readonly currency: string;
  readonly monthToDate: number;
  readonly forecast: number | null;
};

/** `count`: messages or recipients, as it bills. */
export type ExitCosts = CostFigures & {
  readonly egress: string;
  readonly count: number;
  readonly budget: BudgetFigures | null;
};

/** What was paid by message, for a stream, a client or a tag; without rents. */
export type ShareCosts = {
  readonly name: string;
  readonly count: number;
  readonly currency: string;
  readonly monthToDate: number;
};

export type MonthCosts = {
  /** `2026-11`, of the policy’s time zone. */
  readonly month: string;
  readonly turnsAtMs: number;
  /** Those that cost something, or may. */
  readonly exits: readonly ExitCosts[];
  /** Of all of them, one for each currency. */
  readonly totals: readonly CostFigures[];
  /** The dearest first. */
  readonly streams: readonly ShareCosts[];
  readonly clients: readonly ShareCosts[];
  readonly tags: readonly ShareCosts[];
  /** One for each currency that an exit is paid by message in. */
  readonly savings: readonly Savings[];
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PACE_DAYS = 7;
/** Of the first day: less of it says nothing. */
const PACE_LEAST_MS = 3_600_000;

export type CostsAsk = {
  readonly policy: Policy;
  /** Those from `costsSince` on. */
  readonly counts: readonly Count[];
  /** By exit. */
  readonly budgets: ReadonlyMap<string, BudgetUse>;
  readonly nowMs: number;
};

/** From when on counts are asked for: the month, and the days that its pace is taken from. */
export function costsSince({ timeZone }: Policy, nowMs: number): number {
  return Math.min(monthOf(nowMs, timeZone).startsAtMs, dayOf(nowMs, timeZone).startsAtMs - (PACE_DAYS + 1) * DAY_MS);
}

/** @param ask with counts from `costsSince` on, and of the kinds that are wanted */
export function costsOf(ask: CostsAsk): MonthCosts {
  const { policy, nowMs } = ask;
  const { name: month, startsAtMs, endsAtMs: turnsAtMs } = monthOf(nowMs, policy.timeZone);
  const known = ask.counts.flatMap((count) => {
    const name = parseCostAccount(count.account);
    return name === null ? [] : [{ ...name, startsAtMs: count.startsAtMs, amount: count.amount }];
  });
  const paces = pacesOf(known, ask);
  const thisMonth = known.filter((one) => one.startsAtMs >= startsAtMs);
  const leftDays = (turnsAtMs - nowMs) / DAY_MS;
  const exits = exitCosts(ask, { counts: thisMonth, paces, leftDays });
  return {
    month,
    turnsAtMs,
    exits,
    totals: totalsOf(exits),
    streams: sharesOf('stream', thisMonth),
    clients: sharesOf('client', thisMonth),
    tags: sharesOf('tag', thisMonth),
    savings: savingsOf(policy, {
      countOf: (egress) => sum(thisMonth.filter((one) => one.kind === 'exit' && one.name === egress)),
      paceOf: (egress) => paces.get(egress) ?? null,
      leftDays,
    }),
  };
}

type Known = {
  readonly kind: CostKind;
  readonly name: string;
  readonly price: Price | null;
  readonly startsAtMs: number;
  readonly amount: number;
};

/** Messages a day of each exit: of the last 7 whole days, of fewer where it is younger, or of today alone. */
function pacesOf(known: readonly Known[], { policy: { timeZone }, nowMs }: CostsAsk): Map<string, number> {
  const today = dayOf(nowMs, timeZone).startsAtMs;
  const paces = new Map<string, number>();
  const byExit = Map.groupBy(
    known.filter(({ kind }) => kind === 'exit'),
    ({ name }) => name,
  );
  for (const [egress, counts] of byExit) {
    const first = Math.min(...counts.map(({ startsAtMs }) => startsAtMs));
    // A day may have an hour more or less.
    const days = Math.min(PACE_DAYS, Math.round((today - first) / DAY_MS));
    const since = today - (days + 0.5) * DAY_MS;
    const passedMs = nowMs - today;
    if (days > 0)
      paces.set(egress, sum(counts.filter(({ startsAtMs }) => startsAtMs >= since && startsAtMs < today)) / days);
    else if (passedMs >= PACE_LEAST_MS) paces.set(egress, (sum(counts) / passedMs) * DAY_MS);
  }
  return paces;
}

type Month = {
  readonly counts: readonly Known[];
  readonly paces: ReadonlyMap<string, number>;
  readonly leftDays: number;
};

function exitCosts({ policy, budgets, nowMs }: CostsAsk, { counts, paces, leftDays }: Month): ExitCosts[] {
  const byExit = Map.groupBy(
    counts.filter(({ kind }) => kind === 'exit'),
    ({ name }) => name,
  );
  const names = new Set([...Object.keys(policy.egress), ...byExit.keys()]);
  return [...names].flatMap((egress): ExitCosts[] => {
    const exit = policy.egress[egress];
    const isPaid = exit?.enabled === true;
    const price = exit === undefined || !isPaid ? null : priceOf(exit);
    const rent = exit === undefined || !isPaid ? null : rentOf(exit);
    const paid = (byExit.get(egress) ?? []).filter((one) => one.price !== null);
    const currencies = new Set([...paid.map((one) => one.price?.currency ?? ''), price?.currency, rent?.currency]);
    currencies.delete(undefined);
    return [...currencies].map((currency = ''): ExitCosts => {
      const ofCurrency = paid.filter((one) => one.price?.currency === currency);
      const fixed = rent?.currency === currency ? rent.micros : 0;
      const pace = price?.currency === currency ? (paces.get(egress) ?? 0) : 0;
      const expected = Math.round(pace * leftDays);
      const micros = fixed + paidFor(ofCurrency, null);
      const later = price?.currency === currency ? paidFor(ofCurrency, { price, expected }) : paidFor(ofCurrency, null);
      const use = budgets.get(egress);
      const perDay = price === null || price.currency !== currency ? 0 : (pace * price.micros) / price.of;
      const isUnknown = price?.currency === currency && !paces.has(egress);
      return {
        egress,
        currency,
        count: sum(rent?.currency === currency ? (byExit.get(egress) ?? []) : ofCurrency),
        monthToDate: unitsOf(micros),
        forecast: isUnknown && ofCurrency.length > 0 ? null : unitsOf(fixed + later),
        budget: use?.currency === currency ? budgetFigures(use, { perDay, nowMs }) : null,
      };
    });
  });
}

/** In millionths, each price by itself: begun blocks are begun once in a month. `more`: what is expected beside it. */
function paidFor(counts: readonly Known[], more: { readonly price: Price; readonly expected: number } | null): number {
  const byPrice = new Map<string, { price: Price; count: number }>();
  const add = (price: Price, count: number): void => {
    const key = costAccount({ kind: 'exit', name: '', price });
    const before = byPrice.get(key)?.count ?? 0;
    byPrice.set(key, { price, count: before + count });
  };
  for (const { price, amount } of counts) if (price !== null) add(price, amount);
  if (more !== null) add(more.price, more.expected);
  return [...byPrice.values()].reduce((total, { price, count }) => total + totalOf(count, price), 0);
}

function budgetFigures(use: BudgetUse, { perDay, nowMs }: { perDay: number; nowMs: number }): BudgetFigures {
  const { micros, used, isUsedUp, turnsAtMs } = use;
  const left = Math.max(0, micros - used);
  const untilMs = perDay <= 0 ? Number.POSITIVE_INFINITY : nowMs + (left / perDay) * DAY_MS;
  return {
    amount: unitsOf(micros),
    used: unitsOf(used),
    left: unitsOf(left),
    percent: Math.floor((1_000 * used) / micros) / 10,
    isUsedUp,
    // It is a guess: to the hour.
    usedUpAtMs: isUsedUp || untilMs >= turnsAtMs ? null : Math.floor(untilMs / HOUR_MS) * HOUR_MS,
  };
}

function totalsOf(exits: readonly ExitCosts[]): CostFigures[] {
  return [...Map.groupBy(exits, ({ currency }) => currency)].map(([currency, some]) => ({
    currency,
    monthToDate: rounded(some.reduce((total, { monthToDate }) => total + monthToDate, 0)),
    forecast: some.some(({ forecast }) => forecast === null)
      ? null
      : rounded(some.reduce((total, { forecast }) => total + (forecast ?? 0), 0)),
  }));
}

/** Where blocks are paid as a whole, each has its part of what they would cost by the message. */
function sharesOf(kind: CostKind, counts: readonly Known[]): ShareCosts[] {
  const groups = Map.groupBy(
    counts.filter((one) => one.kind === kind && one.price !== null),
    ({ name, price }) => `${price?.currency} ${name}`,
  );
  const shares = [...groups.values()].flatMap((some): ShareCosts[] => {
    const [first] = some;
    if (first === undefined || first.price === null) return [];
    const whole = some.map((one) => ({ ...one, price: one.price === null ? null : { ...one.price, blocks: false } }));
    const { currency } = first.price;
    return [{ name: first.name, count: sum(some), currency, monthToDate: unitsOf(paidFor(whole, null)) }];
  });
  return shares.toSorted((one, other) => other.monthToDate - one.monthToDate || (one.name < other.name ? -1 : 1));
}

function sum(counts: readonly { readonly amount: number }[]): number {
  return counts.reduce((total, { amount }) => total + amount, 0);
}

/** Sums of numbers of millionths, as floats. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
