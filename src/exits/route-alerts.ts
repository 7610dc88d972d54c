/** Tells operators of routes whose mail waits because every exit that they have is closed. */
import { exitsOf, isUsable } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { StandingOf } from '../routing/standing.ts';
import { repeated } from '../running/repeated.ts';

export type RouteAlertsNeeds = {
  readonly policy: () => Policy;
  readonly standingOf: StandingOf;
  readonly clock: Clock;
  readonly emit: Emit;
};

const LOOK_EVERY_MS = 5_000;

/** Looks every 5 s until it is disposed of. Mail is taken all the same: it waits. */
export function watchRoutes(needs: RouteAlertsNeeds): AsyncDisposable {
  const raised = new Set<string>();
  return repeated(() => look(needs, raised), { clock: needs.clock, everyMs: LOOK_EVERY_MS, firstMs: 0 });
}

/** @param raised routes that were told of */
function look({ policy, standingOf, clock, emit }: RouteAlertsNeeds, raised: Set<string>): void {
  const closed = closedRoutes(policy(), standingOf);
  for (const route of new Set([...raised, ...closed.keys()])) {
    const why = closed.get(route);
    if ((why !== undefined) === raised.has(route)) continue;
    if (why === undefined) raised.delete(route);
    else raised.add(route);
    const text =
      why === undefined
        ? `an exit of route ${route} is open again, or the route is gone`
        : `mail waits: every exit of route ${route} is closed: ${why}`;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `route-closed:${route}`, text, raised: why !== undefined });
  }
}

/** By name, with what closes each of its exits. None where no exit at all is open: that is told as a whole. */
function closedRoutes(policy: Policy, standingOf: StandingOf): ReadonlyMap<string, string> {
  const closed = new Map<string, string>();
  const isOpen = (name: string): boolean => isUsable(policy, name) && standingOf(name).closures.length === 0;
  if (!Object.keys(policy.egress).some(isOpen)) return closed;
  for (const route of policy.routes) {
    const exits = [...new Set(exitsOf(policy, route).flatMap(({ egress }) => egress))];
    const causes = exits.map((egress) => ({ egress, closure: standingOf(egress).closures[0] }));
    if (causes.length === 0 || causes.some(({ closure }) => closure === undefined)) continue;
    closed.set(
      route.name,
      causes.map(({ egress, closure }) => `${egress} ${closure?.gate} (${closure?.cause})`).join('; '),
    );
  }
  return closed;
}
