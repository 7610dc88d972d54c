/** The gates that stand before an exit, in order. Pure. */
import type { ChooseRequest, ExitPlace, ExitState, Gate, GateState, Reason } from './choose.ts';
import { type CircuitGate, gateOf } from './exit-state.ts';
import type { Closure } from './standing.ts';
import type { Member } from './steps.ts';

/** Gates that may open any moment. */
export const MOMENTS: ReadonlySet<Gate> = new Set(['busy', 'probing', 'asking', 'paced', 'site']);

/** Gates that a limit of the exit stands at. */
export const LIMITED: ReadonlySet<Gate> = new Set(['limited', 'paced', 'asking', 'budget']);

/** Between two looks whether a node has an exit's address, where no other exit will do. */
const PLACE_MS = 10_000;

/** The first gate that is closed, or `ready`. What is asked at every choice: it makes no reasons. */
export function firstGate(request: ChooseRequest, { egress, shut, streams }: Member): Gate {
  if (shut !== null) return shut;
  if (streams !== null && !streams.has(request.stream)) return 'stream';
  const state = request.stateOf(egress);
  if (!state.running) return 'stopped';
  if (request.tried?.has(egress) === true) return 'tried';
  const { place } = state;
  const isHere = place === undefined || place.kind === 'here';
  const closure = state.standing?.closures[0];
  if (closure !== undefined) {
    if (!maySendProbe(request, state)) return closure.gate;
    if (state.inFlight > 0) return 'probing';
  }
  if (isUsedUp(request, state)) return 'budget';
  if (!isHere) return place.kind;
  const circuit = circuitGate(state, request.nowMs);
  if (circuit !== 'open') return circuit;
  if (state.limit !== undefined && state.limit !== null) return state.limit.kind;
  const site = request.siteGate?.(egress) ?? null;
  if (site !== null) return site.gate;
  return state.inFlight >= state.concurrency ? 'busy' : 'ready';
}

function circuitGate({ circuit }: ExitState, nowMs: number): CircuitGate | 'asked' {
  const gate = gateOf(circuit, nowMs);
  return gate === 'resting' && circuit.isAsked === true ? 'asked' : gate;
}

/** The budget is one for all nodes. */
function isUsedUp({ stream }: ChooseRequest, { budget }: ExitState): boolean {
  return budget !== undefined && budget !== null && !budget.exempt.has(stream);
}

/** Whether another node may send by it now. */
export function isHandedOn({ place }: ExitState): boolean {
  return place?.kind === 'elsewhere' && place.isClosed !== true;
}

/** The same with all that is closed, for waits and for operators. */
export function reasonOf(
  request: ChooseRequest,
  { pool, member }: { readonly pool: string | null; readonly member: Member },
): Reason {
  const [first = READY, ...others] = closedGates(request, member);
  const reason = { pool, egress: member.egress, ...first, others };
  if (first.gate !== 'elsewhere') return reason;
  const { place } = request.stateOf(member.egress);
  return place?.kind === 'elsewhere' && place.isClosed !== true ? { ...reason, node: place.node } : reason;
}

const READY: GateState = { gate: 'ready', untilMs: null, cause: '' };

function plain(gate: Gate): GateState {
  return { gate, untilMs: null, cause: '' };
}

/** Behind a gate that no time opens, and behind another node's, no other counts. */
function closedGates(request: ChooseRequest, { egress, shut, streams }: Member): GateState[] {
  if (shut !== null) return [plain(shut)];
  if (streams !== null && !streams.has(request.stream)) return [plain('stream')];
  const state = request.stateOf(egress);
  if (!state.running) return [plain('stopped')];
  if (request.tried?.has(egress) === true) return [plain('tried')];
  const gates = closuresOf(request, state);
  const { place, budget } = state;
  if (budget !== undefined && budget !== null && isUsedUp(request, state))
    gates.push({ gate: 'budget', untilMs: budget.untilMs, cause: budget.cause });
  if (place !== undefined && place.kind !== 'here') return [...gates, gateOfPlace(place, request.nowMs)];
  const { circuit, limit, inFlight, concurrency, sharedConcurrency: shared = concurrency } = state;
  const rest = circuitGate(state, request.nowMs);
  if (rest !== 'open') {
    const untilMs = rest === 'probing' ? null : circuit.restsUntilMs;
    gates.push({ gate: rest, untilMs, cause: circuit.cause });
  }
  if (limit !== undefined && limit !== null) {
    gates.push({ gate: limit.kind, untilMs: limit.untilMs, cause: limit.cause });
  }
  const site = request.siteGate?.(egress) ?? null;
  if (site !== null) gates.push(site);
  if (inFlight >= concurrency) {
    const own = concurrency > 1 ? `all ${concurrency} are in use` : 'its one is in use';
    const cause = concurrency < shared ? `${concurrency} of its ${shared} are this process's now, and in use` : own;
    gates.push({ ...plain('busy'), cause });
  }
  return gates;
}

function closuresOf(request: ChooseRequest, state: ExitState): GateState[] {
  const closures = state.standing?.closures ?? [];
  const [first] = closures;
  if (first === undefined) return [];
  if (!maySendProbe(request, state)) return closures.map(({ gate, untilMs, cause }) => ({ gate, untilMs, cause }));
  return state.inFlight > 0 ? [{ gate: 'probing', untilMs: null, cause: first.cause }] : [];
}

function gateOfPlace(place: Exclude<ExitPlace, { kind: 'here' }>, nowMs: number): GateState {
  const untilMs = nowMs + PLACE_MS;
  if (place.kind === 'nowhere') return { gate: 'nowhere', untilMs, cause: place.cause };
  const cause = `is on node ${place.node}`;
  return { gate: 'elsewhere', untilMs, cause: place.isClosed === true ? `${cause}, which cannot use it now` : cause };
}

const STOPPED_BY_HAND: Closure['gate'] = 'paused';

/**
 * One message at a time goes by a closed exit to see whether it recovered: by the node that has it, and never by one that an
 * operator stopped. What is not to be moved when it is refused (`onBlock: hold`) is not for trying out.
 */
function maySendProbe({ policy: { streams }, stream }: ChooseRequest, { standing, place }: ExitState): boolean {
  if (standing === undefined || !standing.probes) return false;
  if (Object.hasOwn(streams, stream) && streams[stream]?.onBlock === 'hold') return false;
  if (place !== undefined && place.kind !== 'here') return false;
  return !standing.closures.some(({ gate }) => gate === STOPPED_BY_HAND);
}
