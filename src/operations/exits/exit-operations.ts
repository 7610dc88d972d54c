/** What operators may ask of the exits: their figures, and to stop one and let it go on. */
import type { ExitStandings } from '../../exits/standings.ts';
import { egressOf } from '../../policy/match.ts';
import { nearest } from '../../policy/file/nearest.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { StatsNeeds } from '../../access/relay-advice.ts';
import { relayStats, type RelayStats } from '../../access/relay-stats.ts';
import { forgivenMark, PAUSE_MARKS, pauseMark } from '../../routing/reputation-mark.ts';
import type { LimitUsesNeeds } from '../../schedule/limits/limit-uses.ts';
import type { Marks } from '../../spool/marks.ts';
import { exitPasts } from '../simulate/exit-pasts.ts';
import { exitStatuses, type ExitStatusNeeds } from './exit-status.ts';
import { OperationsError, type Operations } from '../operations.ts';

export type ExitOperations = Pick<Operations, 'stats' | 'exits' | 'exitPasts' | 'pause' | 'resume'>;

export type ExitOperationsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Marks;
  readonly ledger: LimitUsesNeeds['ledger'];
  readonly standings: ExitStandings;
  readonly stats: StatsNeeds;
  /** The alerts in force; null: no relay is running. */
  readonly alerts: () => RelayStats['alerts'];
  readonly places?: NonNullable<ExitStatusNeeds['places']>;
} & Pick<LimitUsesNeeds, 'usesNow' | 'sharesConnections'>;

/** Over the store, whether a relay runs on it or not. */
export function exitOperations(needs: ExitOperationsNeeds): ExitOperations {
  const { marks, standings, clock } = needs;
  return {
    stats: async () => {
      const [stats, statuses] = await Promise.all([relayStats(needs.stats, needs.alerts()), exitStatuses(needs)]);
      const known = new Map(statuses.map((status) => [status.egress, status]));
      // What closes an exit, and what is used of its limits, has one source, whoever asks.
      const exits = stats.exits.map((exit) => {
        const { closures, limits } = known.get(exit.egress) ?? { ...exit, limits: null };
        return { ...exit, closures, limits };
      });
      return { ...stats, exits };
    },
    exits: () => exitStatuses(needs),
    exitPasts: () => exitPasts({ ...needs, tallies: needs.ledger }),
    pause: async ({ egress, reason }) => {
      mustKnow(needs.policy(), egress);
      await standings.refresh();
      const before = standings.pauseOf(egress);
      // By the clock of another node it may have been later: a mark of an earlier time would not replace that one.
      const sinceMs = Math.max(before?.sinceMs ?? 0, clock.nowMs());
      await marks.mark([pauseMark(egress, { reason, sinceMs })]);
      await standings.refresh();
      return { changed: before === null };
    },
    resume: async ({ egress, forget }) => {
      await standings.refresh();
      const isPaused = standings.pauseOf(egress) !== null;
      // One that is not in the policy any more can still be let go.
      if (!isPaused) mustKnow(needs.policy(), egress);
      if (forget) await marks.mark([forgivenMark(egress, clock.nowMs())]);
      if (isPaused) await marks.unmark([`${PAUSE_MARKS}${egress}`]);
      await standings.refresh();
      return { changed: isPaused };
    },
  };
}

/** @throws OperationsError */
export function mustKnow(policy: Policy, egress: string): void {
  if (egressOf(policy, egress) !== undefined) return;
  const meant = nearest(egress, Object.keys(policy.egress));
  throw new OperationsError(`the policy has no egress ${egress}${meant === null ? '' : ` (did you mean ${meant}?)`}`);
}
