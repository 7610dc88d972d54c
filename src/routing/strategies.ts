/** The four strategies by which a pool picks among its members. Pure. docs/routing.md tells operators of them. */
import type { ChooseRequest } from './choose.ts';
import type { Member, Step } from './steps.ts';

/** The place in the circle that comes after the last turn; 0 where the one that had it is gone from the pool. */
export function nextPlace({ rotation }: Pick<ChooseRequest, 'rotation'>, step: Step): number {
  if (step.pool === null) return 0;
  const last = rotation.get(step.pool);
  if (last === undefined) return 0;
  const { circle, members } = step;
  if (members[circle[last.place] ?? -1]?.egress === last.egress) return (last.place + 1) % circle.length;
  // The circle is another one: it goes on behind whoever had the last turn.
  const place = circle.findIndex((number) => members[number]?.egress === last.egress);
  return place === -1 ? 0 : (place + 1) % circle.length;
}

/**
 * The lower, the sooner. `least-used`: the share of its limits used today, for its weight; an exit without limits has used
 * nothing of them. `best-performance`: the score in whole points, then the success rate in whole per cent, so that chance
 * does not decide between two that are as good; the weight counts among equals alone.
 */
export function rankOf(
  request: Pick<ChooseRequest, 'shareOf' | 'stateOf'>,
  { strategy }: Step,
  member: Member,
): number {
  if (strategy === 'least-used') return request.shareOf(member.egress) / member.weight;
  if (strategy !== 'best-performance') return 0;
  const { standing } = request.stateOf(member.egress);
  return standing === undefined ? BEST : -(Math.round(standing.score) * 1_000 + Math.round(standing.successRate * 100));
}

/** Of an exit of which nothing is known. */
const BEST = -100_100;

/** All members in the order in which they would be asked; of `random`, which has none, in the order of the file. */
export function orderOf(request: ChooseRequest, step: Step): readonly Member[] {
  const { strategy, members } = step;
  if (strategy === 'random' || members.length === 1) return members;
  const inTurn = membersFrom(step, turnsOf(request, step) ?? nextPlace(request, step));
  if (strategy === 'round-robin') return inTurn;
  const ranks = new Map(inTurn.map((member) => [member, rankOf(request, step, member)]));
  return inTurn.toSorted((left, right) => (ranks.get(left) ?? 0) - (ranks.get(right) ?? 0));
}

/** Where a process has turns of a shared circle, the next of them. */
function turnsOf(request: ChooseRequest, { pool, strategy }: Step): number | null {
  return pool === null || strategy !== 'round-robin' ? null : (request.turnsOf?.(pool)?.[0] ?? null);
}

function membersFrom({ circle, members }: Step, from: number): Member[] {
  const numbers = new Set([...circle.slice(from), ...circle.slice(0, from)]);
  return [...numbers].flatMap((number) => members[number] ?? []);
}
