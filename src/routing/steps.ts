/** A route's `use` as it is walked: what the policy alone decides of it, worked out once for each policy. Pure. */
import { egressOf } from '../policy/match.ts';
import type { Strategy } from '../policy/pools.ts';
import type { Policy, RoutePolicy } from '../policy/schema.ts';
import { circleOf } from './circle.ts';

export type Member = {
  readonly egress: string;
  /** What keeps all mail from it under this policy; null: nothing. */
  readonly shut: 'disabled' | null;
  /** Streams that it may carry; null: all. */
  readonly streams: ReadonlySet<string> | null;
  readonly weight: number;
};

/** One name in `use`. An egress is a step with itself as the one member. */
export type Step = {
  readonly pool: string | null;
  readonly strategy: Strategy;
  readonly members: readonly Member[];
  /** Places of members, in the order of their turns. */
  readonly circle: readonly number[];
  /** Every member has one place. */
  readonly isEven: boolean;
};

const known = new WeakMap<Policy, WeakMap<RoutePolicy, readonly Step[]>>();

/** @param route of that policy */
export function stepsOf(policy: Policy, route: RoutePolicy): readonly Step[] {
  let ofPolicy = known.get(policy);
  if (ofPolicy === undefined) known.set(policy, (ofPolicy = new WeakMap()));
  let steps = ofPolicy.get(route);
  if (steps === undefined) ofPolicy.set(route, (steps = route.use.map((name) => stepOf(policy, name))));
  return steps;
}

function stepOf(policy: Policy, name: string): Step {
  const pool = Object.hasOwn(policy.pools, name) ? policy.pools[name] : undefined;
  const { members, weights, strategy } = pool ?? { members: [name], weights: [1], strategy: 'round-robin' };
  const circle = circleOf(weights);
  return {
    pool: pool === undefined ? null : name,
    strategy,
    members: members.map((egress, place) => memberOf(policy, egress, weights[place] ?? 1)),
    circle,
    isEven: circle.length === members.length,
  };
}

function memberOf(policy: Policy, egress: string, weight: number): Member {
  const terms = egressOf(policy, egress);
  const shut = terms?.enabled === true ? null : 'disabled';
  const streams = terms?.streams ?? null;
  return { egress, shut, streams: streams === null ? null : new Set(streams), weight };
}
