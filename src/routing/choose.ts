/** Which exit, now? A pure decision over the policy and the recorded state of the exits; its reason list is `explain`. */
import type { Policy, RoutePolicy } from '../policy/schema.ts';
import type { Circuit } from './exit-state.ts';
import { firstGate, LIMITED, MOMENTS, reasonOf } from './gates.ts';
import { isTaken, pickOf, type Pick } from './pick.ts';
import type { Closure, Standing } from './standing.ts';
import { stepsOf, type Member, type Step } from './steps.ts';
import { orderOf } from './strategies.ts';

/** Who can use an exit, by who has the local address that it leaves from; `isClosed`: nothing goes out by it there now. `nowhere`: no node that is up, as `cause` says. */
export type ExitPlace =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly node: string; readonly isClosed?: boolean }
  | { readonly kind: 'nowhere'; readonly cause: string };

/** What is known of an exit at this moment. */
export type ExitState = {
  /** Whether the relay has it running. */
  readonly running: boolean;
  /** Attempts under way by it, and how many it carries at most. */
  readonly inFlight: number;
  readonly concurrency: number;
  /** How many all processes together have at most, where that is asked for one by one. Absent: `concurrency` is its own. */
  readonly sharedConcurrency?: number;
  readonly circuit: Circuit;
  /** Absent or null: no limit of its own keeps mail from it now. */
  readonly limit?: LimitState | null;
  /** Absent or null: there is something left of its budget, or it has none. */
  readonly budget?: BudgetGate | null;
  /** Absent: here. */
  readonly place?: ExitPlace;
  /** Absent: nothing is known beside. The times of its closures are monotonic here, as all others. */
  readonly standing?: Standing;
};

/**
 * `limited`: its quota is used up. `paced`: its rate has it wait a moment. `asking`: what is left of its quota is about to
 * be known. Monotonic ms.
 */
export type LimitState = {
  readonly kind: 'limited' | 'paced' | 'asking';
  readonly untilMs: number | null;
  readonly cause: string;
};

/** Its budget is used up until then, monotonic ms: but for these streams. */
export type BudgetGate = {
  readonly untilMs: number;
  readonly cause: string;
  readonly exempt: ReadonlySet<string>;
};

/**
 * What keeps mail from an exit, in this order. `tried`: it failed this very delivery a moment ago. `elsewhere`: another node
 * has it. `asked`: its provider asked to be left alone. `site-rest`: the receiving site takes nothing from it for a while; `site`: for a moment.
 */
export type Gate =
  | 'ready'
  | 'disabled'
  | 'stream'
  | 'stopped'
  | 'tried'
  | Closure['gate']
  | 'budget'
  | 'elsewhere'
  | 'nowhere'
  | 'resting'
  | 'asked'
  | 'probing'
  | LimitState['kind']
  | 'site-rest'
  | 'site'
  | 'busy';

/** A gate that is closed (or `ready`). `untilMs`: when it opens, as far as time alone decides it. */
export type GateState = { readonly gate: Gate; readonly untilMs: number | null; readonly cause: string };

/** One exit of the walk and what stands at its gates: the first that is closed, and behind it the others that are. */
export type Reason = GateState & {
  readonly pool: string | null;
  readonly egress: string;
  readonly others: readonly GateState[];
  /** That can use the exit, where it is elsewhere. */
  readonly node?: string;
  /** In a pool with the strategy `random`: with what probability it is the one, from 0 to 1. */
  readonly probability?: number;
};

/** Whose turn it is in a pool has to be asked: that has so many places, these of them open. */
export type TurnWanted = { readonly pool: string; readonly places: number; readonly open: readonly number[] };

type Chosen = {
  readonly name: string;
  readonly pool: string | null;
  /** Its turn in the circle of the pool; null: it took none. */
  readonly place: number | null;
  /** That is one of `turnsOf`. */
  readonly isShared: boolean;
};

/**
 * `elsewhere`: by that exit, which is for another node to use. `wait` with `busy`: a connection that is freed ends the
 * wait, or a moment's time; otherwise time does (`untilMs`), or, where that is null, only another policy. `limited`: exits
 * that a limit of their own kept from being chosen.
 */
export type Choice =
  | ({ readonly kind: 'egress'; readonly limited: readonly string[] } & Chosen)
  | ({ readonly kind: 'elsewhere'; readonly node: string; readonly limited: readonly string[] } & Chosen)
  | {
      readonly kind: 'wait';
      readonly untilMs: number | null;
      readonly busy: boolean;
      readonly reasons: readonly Reason[];
      readonly limited: readonly string[];
      readonly turn?: TurnWanted;
    };

/** The last turn that was taken in each pool. */
export type Rotation = ReadonlyMap<string, { readonly place: number; readonly egress: string }>;

export type ChooseRequest = {
  readonly policy: Policy;
  readonly route: RoutePolicy;
  readonly stream: string;
  readonly stateOf: (egress: string) => ExitState;
  /** The part of its limits that an exit has used today, from 0 to 1; 0 without any. */
  readonly shareOf: (egress: string) => number;
  readonly rotation: Rotation;
  /**
   * Places in the circle of a pool that are this process's to use up, in this order, where several processes share it;
   * null: the circle is this process's alone.
   */
  readonly turnsOf?: (pool: string) => readonly number[] | null;
  /** Uniform in [0, 1), for `random`. */
  readonly fraction: () => number;
  /** Monotonic ms, as in the exits' circuits. */
  readonly nowMs: number;
  /** Exits that failed this delivery already in this turn. */
  readonly tried?: ReadonlySet<string>;
  /** The exit that a greylisted delivery keeps, as long as that one can be had; null: none. */
  readonly keep?: string | null;
  /** It was handed to this node by another: it is not handed on. Default: no. */
  readonly here?: boolean;
  /** What keeps mail to the receiving site from an exit; null: nothing. Default: nothing. */
  readonly siteGate?: (egress: string) => GateState | null;
};

/**
 * Walks the route's `use`: the first step with an exit that may send now gives it; inside a pool its strategy says which.
 * Reasons are made for waits alone: `walk` has them all.
 */
export function choose(request: ChooseRequest): Choice {
  const steps = stepsOf(request.policy, request.route);
  const limited: string[] = [];
  const kept = keptOf(request, steps);
  if (kept !== null) {
    const gate = firstGate(request, kept.member);
    // A greylisting server wants to see the same address again: wait for that exit while it is only busy.
    if (MOMENTS.has(gate)) return waiting(request, LIMITED.has(gate) ? [kept.member.egress] : limited, { busy: true });
    if (isTaken(request, kept.member, gate))
      return chosen(request, { ...kept, place: null, isShared: false, gate }, limited);
  }
  for (const step of steps) {
    const pick = pickOf(request, step, limited);
    if (pick === null) continue;
    if ('turn' in pick) return waiting(request, limited, { busy: true, turn: pick.turn });
    return chosen(request, { step, ...pick }, limited);
  }
  return waiting(request, limited, {});
}

/** Every exit of the route in the order in which it would be asked now, with what stands at its gates. */
export function walk(request: ChooseRequest): Reason[] {
  return stepsOf(request.policy, request.route).flatMap((step) => {
    const reasons = orderOf(request, step).map((member) => reasonOf(request, { pool: step.pool, member }));
    return step.strategy === 'random' ? withProbabilities(step, reasons) : reasons;
  });
}

/** Whether `walk` would tell of one of these gates as the first that is closed. Makes no reasons, for it is asked for each attempt. */
export function isAnyAt(request: ChooseRequest, gates: ReadonlySet<Gate>): boolean {
  for (const { members } of stepsOf(request.policy, request.route))
    for (const member of members) if (gates.has(firstGate(request, member))) return true;
  return false;
}

function keptOf({ keep = null }: ChooseRequest, steps: readonly Step[]): { step: Step; member: Member } | null {
  if (keep === null) return null;
  for (const step of steps) {
    const member = step.members.find(({ egress }) => egress === keep);
    if (member !== undefined) return { step, member };
  }
  return null;
}

function chosen(
  request: ChooseRequest,
  { step, member, place, isShared, gate }: Pick & { readonly step: Step },
  limited: readonly string[],
): Choice {
  const { egress: name } = member;
  if (gate === 'ready') return { kind: 'egress', name, pool: step.pool, place, isShared, limited };
  const at = request.stateOf(name).place;
  if (at?.kind === 'elsewhere')
    return { kind: 'elsewhere', node: at.node, name, pool: step.pool, place, isShared, limited };
  return waiting(request, [...limited, name], { busy: true });
}

function waiting(
  request: ChooseRequest,
  limited: readonly string[],
  { busy = false, turn }: { readonly busy?: boolean; readonly turn?: TurnWanted },
): Choice {
  const reasons = walk(request);
  let untilMs: number | null = null;
  let isMoment = busy;
  for (const reason of reasons) {
    const at = opensAt(reason);
    if (at !== null && at < (untilMs ?? Number.POSITIVE_INFINITY)) untilMs = at;
    if (MOMENTS.has(reason.gate) && reason.others.every(({ gate }) => MOMENTS.has(gate))) isMoment = true;
  }
  return { kind: 'wait', untilMs, busy: isMoment, reasons, limited, ...(turn === undefined ? {} : { turn }) };
}

/** When the last of its gates opens that time alone opens; null: no time is known for one of them. */
function opensAt({ gate, untilMs, others }: Reason): number | null {
  let at = untilMs;
  for (const other of others) {
    if (MOMENTS.has(other.gate)) continue;
    // What may end any moment hides no time behind it.
    if (other.untilMs === null || (at === null && !MOMENTS.has(gate))) return null;
    at = Math.max(at ?? other.untilMs, other.untilMs);
  }
  return at;
}

function withProbabilities({ members }: Step, reasons: readonly Reason[]): Reason[] {
  const weightOf = ({ egress, gate, node }: Reason): number =>
    gate === 'ready' || gate === 'asking' || node !== undefined
      ? (members.find((member) => member.egress === egress)?.weight ?? 0)
      : 0;
  const total = reasons.reduce((sum, reason) => sum + weightOf(reason), 0);
  return reasons.map((reason) => ({ ...reason, probability: total === 0 ? 0 : weightOf(reason) / total }));
}
