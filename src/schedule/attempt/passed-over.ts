/** Why a message did not go by exits that its route has before the one that was taken, or in the same pool: for its history. */
import type { Clock } from '../../ports.ts';
import type { Gate, Reason } from '../../routing/choose.ts';
import type { Exits } from '../exits/exits.ts';
import { reasonText } from '../reasons/gate-text.ts';
import type { Sites } from '../sites/sites.ts';
import type { Entry } from '../window/entry.ts';

/** Gates that an operator wants to hear of; the others are over in a moment, or are what the policy says. */
const TOLD: ReadonlySet<Gate> = new Set<Gate>([
  'paused',
  'down',
  'listed',
  'reputation',
  'nowhere',
  'resting',
  'asked',
  'budget',
  'limited',
  'site-rest',
]);
const TOLD_MOST = 8;

type PassedOverNeeds = {
  readonly exits: Pick<Exits, 'walk' | 'isAnyAt'>;
  readonly sites: Sites;
  readonly clock: Clock;
};

type Taken = { readonly name: string; readonly pool: string | null };

/** @returns in the words of `explain`; null: nothing stood in the way of any */
export function passedOver({ exits, sites, clock }: PassedOverNeeds, entry: Entry, taken: Taken): string | null {
  const { route, stream } = entry.group;
  // Most policies have one way for a message: nothing to look at.
  if (route === null || (route.use.length === 1 && taken.pool === null)) return null;
  const { site } = entry.lane;
  const question = { route, stream, siteGate: (exit: string) => sites.gateOf(site, exit) };
  if (!exits.isAnyAt(question, TOLD)) return null;
  return closedBefore(exits.walk(question), taken, clock.monotonicMs());
}

function closedBefore(reasons: readonly Reason[], taken: Taken, nowMs: number): string | null {
  const isTaken = ({ egress, pool }: Reason): boolean => egress === taken.name && pool === taken.pool;
  const at = reasons.findIndex(isTaken);
  const closed = reasons.filter(
    (reason, place) =>
      TOLD.has(reason.gate) && !isTaken(reason) && (place < at || (taken.pool !== null && reason.pool === taken.pool)),
  );
  if (closed.length === 0) return null;
  const more = closed.length > TOLD_MOST ? [`and ${closed.length - TOLD_MOST} more`] : [];
  return [...closed.slice(0, TOLD_MOST).map((reason) => reasonText(reason, nowMs)), ...more].join(', ');
}
