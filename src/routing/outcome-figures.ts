/** What came of mail by each exit, as it is named and read among the tallies. Pure. */
import type { Count } from '../spool/tallies.ts';

/**
 * `deferred`: a server said "later". `bounced`: it refused for good. `blocked`: it refused because of the address that
 * the mail came from. `complained`: a person reported it as unwanted.
 */
export const OUTCOME_KINDS = ['delivered', 'deferred', 'bounced', 'blocked', 'complained'] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

/** Recipients, or shares of them. */
export type Outcomes = Readonly<Record<OutcomeKind, number>>;

export const NO_OUTCOMES: Outcomes = { delivered: 0, deferred: 0, bounced: 0, blocked: 0, complained: 0 };

/** What came of the mail of one stretch of time by one exit. */
export type StretchOutcomes = Outcomes & { readonly startsAtMs: number };

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** By hours and by days (UTC). */
export const OUTCOMES = 'outcome:';
export const OUTCOMES_BY_DAY = 'outcome-day:';

/** Figures of the whole relay: recipients accepted, and how their stories go on. */
export const FLOWS = 'flow:';
export const FLOWS_BY_DAY = 'flow-day:';
export const FLOW_KINDS = [
  'accepted',
  'delivered',
  'deferred',
  'bounced',
  'expired',
  'suppressed',
  'discarded',
] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];
export type Flows = Readonly<Record<FlowKind, number>>;

export type OutcomeName = { readonly egress: string; readonly provider: string; readonly kind: OutcomeKind };

/** `egress:provider:kind`, to stand after one of the prefixes; no part has a `:` in it. */
export function outcomeName({ egress, provider, kind }: OutcomeName): string {
  return `${encodeURIComponent(egress)}:${encodeURIComponent(provider)}:${kind}`;
}

/** The inverse, of an account with that prefix; null where it is none. */
export function parseOutcomeName(account: string, prefix: string): OutcomeName | null {
  if (!account.startsWith(prefix)) return null;
  const [egress, provider, kind, ...rest] = account.slice(prefix.length).split(':');
  const known = OUTCOME_KINDS.find((one) => one === kind);
  if (egress === undefined || provider === undefined || known === undefined || rest.length > 0) return null;
  try {
    return { egress: decodeURIComponent(egress), provider: decodeURIComponent(provider), kind: known };
  } catch {
    return null;
  }
}

/** Stretches by exit, over all providers, oldest first. What is no outcome is passed over. */
export function outcomesByExit(counts: readonly Count[], prefix: string = OUTCOMES): Map<string, StretchOutcomes[]> {
  const exits = new Map<string, Map<number, Record<OutcomeKind, number>>>();
  for (const { account, startsAtMs, amount } of counts) {
    const name = parseOutcomeName(account, prefix);
    if (name === null) continue;
    const stretches = exits.get(name.egress) ?? new Map<number, Record<OutcomeKind, number>>();
    exits.set(name.egress, stretches);
    const sums = stretches.get(startsAtMs) ?? { ...NO_OUTCOMES };
    stretches.set(startsAtMs, sums);
    sums[name.kind] += amount;
  }
  return new Map(
    [...exits].map(([egress, stretches]) => [
      egress,
      [...stretches]
        .map(([startsAtMs, sums]) => ({ startsAtMs, ...sums }))
        .sort((one, other) => one.startsAtMs - other.startsAtMs),
    ]),
  );
}

/** @returns their sum, from `sinceMs` on */
export function sumOutcomes(stretches: readonly StretchOutcomes[], sinceMs = Number.NEGATIVE_INFINITY): Outcomes {
  const sums: Record<OutcomeKind, number> = { ...NO_OUTCOMES };
  for (const stretch of stretches) {
    if (stretch.startsAtMs < sinceMs) continue;
    for (const kind of OUTCOME_KINDS) sums[kind] += stretch[kind];
  }
  return sums;
}

/** @returns the sums of the whole relay, from `sinceMs` on */
export function sumFlows(counts: readonly Count[], prefix: string, sinceMs: number): Flows {
  const sums: Record<FlowKind, number> = {
    accepted: 0,
    delivered: 0,
    deferred: 0,
    bounced: 0,
    expired: 0,
    suppressed: 0,
    discarded: 0,
  };
  for (const { account, startsAtMs, amount } of counts) {
    const kind = FLOW_KINDS.find((one) => account === `${prefix}${one}`);
    if (kind !== undefined && startsAtMs >= sinceMs) sums[kind] += amount;
  }
  return sums;
}

/** Share of the answers that were "delivered", 0 to 1; 1 where there was none. */
export function successRateOf({ delivered, deferred, bounced, blocked }: Outcomes): number {
  const answers = delivered + deferred + bounced + blocked;
  return answers === 0 ? 1 : delivered / answers;
}

/** How many messages got an answer. */
export function answersOf({ delivered, deferred, bounced, blocked }: Outcomes): number {
  return delivered + deferred + bounced + blocked;
}
