/** Which exit, now? A pure decision over the policy and the recorded state of the exits; its reason list is `explain`. */
import { egressOf, isUsable } from '../policy/match.ts';
import type { Policy, RoutePolicy } from '../policy/schema.ts';
import { gateOf, type Circuit } from './exit-state.ts';

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
  readonly circuit: Circuit;
  /** Absent or null: no limit of its own keeps mail from it now. */
  readonly limit?: LimitState | null;
  /** Absent: here. */
  readonly place?: ExitPlace;
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

/** What keeps mail from an exit. `tried`: it failed this very delivery a moment ago. `elsewhere`: another node has it. */
export type Gate =
  | 'ready'
  | 'disabled'
  | 'unsupported'
  | 'stream'
  | 'stopped'
  | 'tried'
  | 'elsewhere'
  | 'nowhere'
  | 'resting'
  | 'probing'
  | LimitState['kind']
  | 'busy';

/** One exit of the walk and what stands at its gate. `untilMs`: when that ends, as far as time alone decides it. */
export type Reason = {
  readonly pool: string | null;
  readonly egress: string;
  readonly gate: Gate;
  readonly untilMs: number | null;
  readonly cause: string;
  /** That can use the exit, where it is elsewhere. */
  readonly node?: string;
};

/**
 * `elsewhere`: by that exit, which is for another node to use. `wait` with `busy`: a connection that is freed ends the wait, or a moment's time; otherwise time does (`untilMs`), or, where that is null,
 * only another policy.
 */
export type Choice =
  | {
      readonly kind: 'egress';
      readonly name: string;
      readonly pool: string | null;
      readonly reasons: readonly Reason[];
    }
  | {
      readonly kind: 'elsewhere';
      readonly node: string;
      readonly name: string;
      readonly pool: string | null;
      readonly reasons: readonly Reason[];
    }
  | {
      readonly kind: 'wait';
      readonly untilMs: number | null;
      readonly busy: boolean;
      readonly reasons: readonly Reason[];
    };

/** The last exit used of each pool. */
export type Rotation = ReadonlyMap<string, string>;

export type ChooseRequest = {
  readonly policy: Policy;
  readonly route: RoutePolicy;
  readonly stream: string;
  readonly stateOf: (egress: string) => ExitState;
  readonly rotation: Rotation;
  /** Monotonic ms, as in the exits' circuits. */
  readonly nowMs: number;
  /** Exits that failed this delivery already in this turn. */
  readonly tried?: ReadonlySet<string>;
  /** The exit that a greylisted delivery keeps, as long as that one can be had; null: none. */
  readonly keep?: string | null;
  /** It was handed to this node by another: it is not handed on. Default: no. */
  readonly here?: boolean;
};

/** Between two looks whether a node has an exit's address, where no other exit will do. */
const PLACE_MS = 10_000;

/**
 * Walks the route's `use`: the first step with an exit that may send now gives it; inside a pool they take turns, exactly
 * circular over those that may send now.
 */
export function choose(request: ChooseRequest): Choice {
  const reasons = walk(request);
  const kept = reasons.find((reason) => reason.egress === request.keep);
  // A greylisting server wants to see the same address again: wait for that exit while it is only busy.
  if (kept !== undefined && MOMENTS.has(kept.gate)) return { kind: 'wait', untilMs: null, busy: true, reasons };
  // What is not known to be used up is not passed over.
  const isChoice = ({ gate, node }: Reason): boolean =>
    gate === 'ready' || gate === 'asking' || (gate === 'elsewhere' && node !== undefined && request.here !== true);
  const chosen =
    kept !== undefined && kept.gate !== 'asking' && isChoice(kept) ? kept : reasons.find((reason) => isChoice(reason));
  if (chosen?.gate === 'ready') return { kind: 'egress', name: chosen.egress, pool: chosen.pool, reasons };
  if (chosen?.gate === 'elsewhere' && chosen.node !== undefined) {
    const { egress: name, pool, node } = chosen;
    return { kind: 'elsewhere', node, name, pool, reasons };
  }
  const times = reasons.flatMap((reason) => (reason.untilMs === null ? [] : [reason.untilMs]));
  const busy = reasons.some((reason) => MOMENTS.has(reason.gate));
  return { kind: 'wait', untilMs: times.length === 0 ? null : Math.min(...times), busy, reasons };
}

const HERE: ExitPlace = { kind: 'here' };

/** Gates that may open any moment. */
const MOMENTS: ReadonlySet<Gate> = new Set(['busy', 'probing', 'asking', 'paced']);

/** Every exit of the route in the order in which it would be asked now, with what stands at its gate. */
export function walk(request: ChooseRequest): Reason[] {
  const reasons: Reason[] = [];
  for (const name of request.route.use) {
    const pool = Object.hasOwn(request.policy.pools, name) ? request.policy.pools[name] : undefined;
    if (pool === undefined) {
      reasons.push(reasonOf(request, { pool: null, egress: name }));
      continue;
    }
    // Where the last one is gone from the pool, indexOf is -1 and the first member is next.
    const next = pool.members.indexOf(request.rotation.get(name) ?? '') + 1;
    for (const egress of [...pool.members.slice(next), ...pool.members.slice(0, next)]) {
      reasons.push(reasonOf(request, { pool: name, egress }));
    }
  }
  return reasons;
}

function reasonOf(
  request: ChooseRequest,
  { pool, egress }: { readonly pool: string | null; readonly egress: string },
): Reason {
  const plain = (gate: Gate): Reason => ({ pool, egress, gate, untilMs: null, cause: '' });
  const terms = egressOf(request.policy, egress);
  if (terms?.enabled !== true) return plain('disabled');
  if (!isUsable(request.policy, egress)) return plain('unsupported');
  if (terms.streams !== null && !terms.streams.includes(request.stream)) return plain('stream');
  const state = request.stateOf(egress);
  if (!state.running) return plain('stopped');
  if (request.tried?.has(egress) === true) return plain('tried');
  const { place = HERE } = state;
  if (place.kind !== 'here') {
    const untilMs = request.nowMs + PLACE_MS;
    if (place.kind === 'nowhere') return { pool, egress, gate: 'nowhere', untilMs, cause: place.cause };
    const cause = `is on node ${place.node}`;
    if (place.isClosed === true)
      return { pool, egress, gate: 'elsewhere', untilMs, cause: `${cause}, which cannot use it now` };
    return { pool, egress, gate: 'elsewhere', untilMs, cause, node: place.node };
  }
  const gate = gateOf(state.circuit, request.nowMs);
  if (gate === 'resting') {
    return { pool, egress, gate, untilMs: state.circuit.restsUntilMs, cause: state.circuit.cause };
  }
  if (gate === 'probing') return { ...plain('probing'), cause: state.circuit.cause };
  if (state.limit !== undefined && state.limit !== null) {
    const { kind, untilMs, cause } = state.limit;
    return { pool, egress, gate: kind, untilMs, cause };
  }
  return plain(state.inFlight >= state.concurrency ? 'busy' : 'ready');
}
