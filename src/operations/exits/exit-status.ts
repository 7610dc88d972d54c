/** An exit as operators see it: whether mail goes out by it, and what is used and left of its limits. */
import type { ExitStandings } from '../../exits/standings.ts';
import { isUsable } from '../../policy/match.ts';
import { amountText, exemptStreams, unitsOf, usedText } from '../../policy/money.ts';
import type { EgressPolicy, Policy } from '../../policy/schema.ts';
import type { RaisedAlert } from '../../report/alerts.ts';
import type { ExitPlace } from '../../routing/choose.ts';
import type { BudgetUse } from '../../routing/cost-figures.ts';
import { answersOf } from '../../routing/outcome-figures.ts';
import { budgetUses } from '../../schedule/budgets/budget-uses.ts';
import { limitUses, type LimitUse, type LimitUsesNeeds } from '../../schedule/limits/limit-uses.ts';

export type ExitClosure = {
  /** `disabled`; what its standing says; `elsewhere`, `nowhere`: another node has its address, or none; `resting` after failures; `limited` by what is used up. */
  readonly gate: string;
  readonly cause: string;
  /** When it opens, or is looked at again, wall ms; null: not known. */
  readonly untilMs: number | null;
};

export type ExitStatus = {
  readonly egress: string;
  readonly type: EgressPolicy['type'];
  readonly enabled: boolean;
  /** The server that it hands all mail to, as `host:port`; null: none, such as straight to the recipients’ servers. */
  readonly target: string | null;
  /** Whether a relay runs that sends by it. */
  readonly isRunning: boolean;
  /** What keeps it from sending now, the decisive one first; empty: nothing. */
  readonly closures: readonly ExitClosure[];
  /** Reputation, 0 to 100. */
  readonly score: number;
  /** Share of the answers to its recent mail that were "delivered", 0 to 1; null: there was none. */
  readonly successRate: number | null;
  /** null: it is disabled. */
  readonly limits: Omit<LimitUse, 'egress'> | null;
  /** Of this month, in units of the currency; null: it has none. */
  readonly budget: BudgetStatus | null;
};

export type BudgetStatus = {
  readonly currency: string;
  readonly amount: number;
  readonly used: number;
  readonly left: number;
  /** Wall ms. */
  readonly resetsAtMs: number;
};

export type ExitStatusNeeds = Omit<LimitUsesNeeds, 'paceOf'> & {
  readonly standings: ExitStandings;
  /** Those in force; null: no relay is running. */
  readonly alerts: () => readonly RaisedAlert[] | null;
  /** Looks where exits can be used. Default: all are here. */
  readonly places?: () => Promise<(egress: string) => ExitPlace>;
};

/** All exits of the policy, in its order. Rejects with `SpoolError`. */
export async function exitStatuses(needs: ExitStatusNeeds): Promise<readonly ExitStatus[]> {
  const { policy, standings } = needs;
  const [budgets, placeOf] = await Promise.all([budgetUses(needs), needs.places?.(), standings.refresh()]);
  const uses = await limitUses({ ...needs, paceOf: (egress) => standings.standingOf(egress).pace });
  const inForce = policy();
  const alerts = needs.alerts();
  return Object.entries(inForce.egress).map(([egress, exit]): ExitStatus => {
    const { type, enabled } = exit;
    const { egress: _, ...limits } = uses.find((use) => use.egress === egress) ?? { egress: null };
    const isSent = isUsable(inForce, egress);
    const known = 'part' in limits ? limits : null;
    return {
      egress,
      type,
      enabled,
      target: targetOf(exit),
      isRunning: isSent && alerts !== null,
      closures: [
        ...(enabled ? [] : [closed('disabled', 'in the policy')]),
        ...(enabled ? standings.standingOf(egress).closures : []),
        ...(isSent ? closuresOfPlace(placeOf?.(egress)) : []),
        ...restOf(egress, alerts),
        ...usedUpOf(inForce, egress, budgets.get(egress)),
        ...(known === null ? [] : spentOf(known)),
      ],
      score: standings.standingOf(egress).score,
      successRate:
        answersOf(standings.reputationOf(egress).weighted) === 0 ? null : standings.standingOf(egress).successRate,
      limits: known,
      budget: budgetStatus(budgets.get(egress)),
    };
  });
}

/** Where an exit hands its mail to: see `ExitStatus`. */
export function targetOf(exit: EgressPolicy): string | null {
  return exit.type === 'smtp' ? `${exit.host}:${exit.port}` : null;
}

function closuresOfPlace(place: ExitPlace | undefined): ExitClosure[] {
  if (place === undefined || place.kind === 'here') return [];
  if (place.kind === 'nowhere') return [closed('nowhere', place.cause)];
  return [closed('elsewhere', `is on node ${place.node}${place.isClosed === true ? ', which cannot use it now' : ''}`)];
}

function restOf(egress: string, alerts: readonly RaisedAlert[] | null): ExitClosure[] {
  const rest = alerts?.find(({ name }) => name === `egress-resting:${egress}`);
  return rest === undefined ? [] : [closed('resting', rest.text)];
}

function spentOf({ day, hour, warmup }: Omit<LimitUse, 'egress'>): ExitClosure[] {
  if (warmup?.kind === 'before') return [closed('limited', `warm-up starts on ${warmup.start}`)];
  const closures = [
    day?.left === 0 ? { what: warmup === null ? 'daily limit' : 'warm-up', use: day } : null,
    hour?.left === 0 ? { what: 'hourly limit', use: hour } : null,
  ];
  return closures.flatMap((spent) =>
    spent === null
      ? []
      : [{ ...closed('limited', `${spent.what} ${spent.use.used}/${spent.use.limit}`), untilMs: spent.use.resetsAtMs }],
  );
}

/** For all mail but that of streams that are exempt. */
function usedUpOf(policy: Policy, egress: string, use: BudgetUse | undefined): ExitClosure[] {
  if (use?.closes !== true || !use.isUsedUp) return [];
  const exempt = [...exemptStreams(policy, egress)];
  const but = exempt.length === 0 ? '' : `; streams that go on: ${exempt.join(', ')}`;
  const cause = `${usedText(use.used)} of ${amountText(use.micros)} ${use.currency} used this month${but}`;
  return [{ ...closed('budget', cause), untilMs: use.turnsAtMs }];
}

function budgetStatus(use: BudgetUse | undefined): BudgetStatus | null {
  if (use === undefined) return null;
  const { micros, used, currency, turnsAtMs } = use;
  const left = unitsOf(Math.max(0, micros - used));
  return { currency, amount: unitsOf(micros), used: unitsOf(used), left, resetsAtMs: turnsAtMs };
}

function closed(gate: string, cause: string): ExitClosure {
  return { gate, cause, untilMs: null };
}
