import type { Egress } from '../../egress/egress.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Random } from '../../ports.ts';
import type { StandingOf } from '../../routing/standing.ts';
import type { Quotas } from '../../spool/ledger.ts';
import { dispatch } from '../attempt/dispatch.ts';
import { tellFailure, type Schedule } from '../schedule.ts';
import type { SharedCircles } from '../window/regroup.ts';
import { Connections } from './connections.ts';

export type OpenConnectionsNeeds = {
  readonly policy: () => Policy;
  readonly quotas: Quotas;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  readonly find: (exit: string) => Egress | undefined;
  /** This worker's part of a limit. */
  readonly share: (limit: number) => number;
  readonly paceOf: (exit: string) => number;
  /** See `SchedulerNeeds`. */
  readonly sharesConnections?: () => boolean;
  readonly standingOf?: StandingOf;
  readonly circles?: SharedCircles;
};

/** The connections of a schedule's exits. @param scheduleOf called once it is there */
export function openConnections(
  { sharesConnections, standingOf, circles, random, find, ...needs }: OpenConnectionsNeeds,
  scheduleOf: () => Schedule,
): Connections {
  return new Connections({
    ...needs,
    holder: random.bytes(12).toString('hex'),
    isShared: sharesConnections ?? (() => false),
    // Of an exit whose settings changed, what is under way is not among the new one's.
    isProbed: (exit) => {
      if (standingOf === undefined || circles?.isShared() !== true) return false;
      const { closures, probes } = standingOf(exit);
      return probes && closures.length > 0;
    },
    inFlightOf: (exit) => scheduleOf().exits.inFlightOf(exit),
    openOf: (exit) => Math.max(find(exit)?.connections ?? 0, scheduleOf().exits.inFlightOf(exit)),
    trim: (exit, most) => find(exit)?.trim?.(most),
    lost: (exit) => cutOff(scheduleOf(), exit),
    changed: () => {
      scheduleOf().exits.touch();
      dispatch(scheduleOf());
    },
    failed: (cause) => tellFailure(scheduleOf(), 'connections', cause),
  });
}

/** Where the final dot is out, its reply is waited for all the same. */
function cutOff({ window }: Schedule, exit: string): void {
  for (const { state, underWay, ticket, abort } of window.entries.values()) {
    // What hears nothing has its place at the exit, and none at the site.
    if (state === 'trying' && (underWay ?? ticket)?.exit === exit)
      abort.abort(new Error(`its connection by ${exit} may be another node's now`));
  }
}
