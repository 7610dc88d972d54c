/** Which member of a pool is next, by its strategy. Pure. */
import type { ChooseRequest, Gate, TurnWanted } from './choose.ts';
import { firstGate, isHandedOn, LIMITED } from './gates.ts';
import type { Member, Step } from './steps.ts';
import { nextPlace, rankOf } from './strategies.ts';

/** `place`: its turn in the circle of the pool; null: it took none. `isShared`: that was asked for, see `turnsOf`. */
export type Pick = {
  readonly member: Member;
  readonly place: number | null;
  readonly isShared: boolean;
  readonly gate: Gate;
};

/** Whether this gate ends the search: it may send, or another node may, or it is not known to be used up. */
export function isTaken(request: ChooseRequest, { egress }: Member, gate: Gate): boolean {
  return (
    gate === 'ready' ||
    gate === 'asking' ||
    (gate === 'elsewhere' && request.here !== true && isHandedOn(request.stateOf(egress)))
  );
}

/**
 * The member of a step that is next; null: none may be. Or the turn that has to be asked for.
 * @param limited is added to: exits that a limit of their own keeps from it
 */
export function pickOf(
  request: ChooseRequest,
  step: Step,
  limited: string[],
): Pick | { readonly turn: TurnWanted } | null {
  switch (step.strategy) {
    case 'random':
      return atRandom(request, step, limited);
    case 'least-used':
    case 'best-performance':
      return bestOf(request, step, limited);
    case 'round-robin': {
      const { pool } = step;
      const isFirst = request.here !== true && (request.tried === undefined || request.tried.size === 0);
      const turns = pool === null || !isFirst ? null : (request.turnsOf?.(pool) ?? null);
      return turns === null || pool === null
        ? inCircle(request, step, limited)
        : inSharedCircle(request, { step, pool, turns }, limited);
    }
  }
}

/** Looks at an exit once; one that its limit keeps is noted. */
function look(request: ChooseRequest, member: Member, limited: string[]): Gate {
  const gate = firstGate(request, member);
  if (gate !== 'asking' && LIMITED.has(gate)) limited.push(member.egress);
  return gate;
}

function inCircle(request: ChooseRequest, step: Step, limited: string[]): Pick | null {
  const { circle, members, isEven } = step;
  const seen = isEven ? null : new Set<number>();
  const from = nextPlace(request, step);
  for (let turn = 0; turn < circle.length; turn++) {
    const place = (from + turn) % circle.length;
    const number = circle[place] ?? 0;
    const member = members[number];
    if (member === undefined || seen?.has(number) === true) continue;
    seen?.add(number);
    const gate = look(request, member, limited);
    if (isTaken(request, member, gate)) return { member, place, isShared: false, gate };
    if (seen?.size === members.length) return null;
  }
  return null;
}

type SharedCircle = { readonly step: Step; readonly pool: string; readonly turns: readonly number[] };

/** Turns whose member may not send now are passed over. */
function inSharedCircle(
  request: ChooseRequest,
  { step, pool, turns }: SharedCircle,
  limited: string[],
): Pick | { readonly turn: TurnWanted } | null {
  const { circle, members } = step;
  const gates = members.map((member) => look(request, member, limited));
  const isOpen = members.map((member, number) => isTaken(request, member, gates[number] ?? 'stopped'));
  for (const place of turns) {
    const number = circle[place] ?? -1;
    const member = members[number];
    if (member !== undefined && isOpen[number] === true)
      return { member, place, isShared: true, gate: gates[number] ?? 'stopped' };
  }
  const open = [...circle.keys()].filter((place) => isOpen[circle[place] ?? -1] === true);
  return open.length === 0 ? null : { turn: { pool, places: circle.length, open } };
}

/** One after the other is drawn until one may send: so each that may has the part that its weight gives it. */
function atRandom(request: ChooseRequest, { members }: Step, limited: string[]): Pick | null {
  const left = [...members];
  let total = left.reduce((sum, { weight }) => sum + weight, 0);
  while (left.length > 0) {
    let point = request.fraction() * total;
    const drawn = left.findIndex(({ weight }) => (point -= weight) < 0);
    const at = drawn === -1 ? left.length - 1 : drawn;
    const member = left[at];
    if (member === undefined) return null;
    const gate = look(request, member, limited);
    if (isTaken(request, member, gate)) return { member, place: null, isShared: false, gate };
    total -= member.weight;
    left.splice(at, 1);
  }
  return null;
}

/** The one with the lowest rank; of several, whose turn it is. */
function bestOf(request: ChooseRequest, step: Step, limited: string[]): Pick | null {
  const { circle, members, isEven } = step;
  const seen = isEven ? null : new Set<number>();
  const from = nextPlace(request, step);
  let best: Pick | null = null;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < circle.length; turn++) {
    const place = (from + turn) % circle.length;
    const number = circle[place] ?? 0;
    const member = members[number];
    if (member === undefined || member.shut !== null || seen?.has(number) === true) continue;
    seen?.add(number);
    const rank = rankOf(request, step, member);
    if (rank >= bestRank) continue;
    const gate = look(request, member, limited);
    if (isTaken(request, member, gate)) [best, bestRank] = [{ member, place, isShared: false, gate }, rank];
  }
  return best;
}
