/** What the scheduler has in hand, as figures. */
import type { Schedule } from './schedule.ts';

export type SchedulerStats = {
  /** Deliveries in memory, under lease: being tried, waiting in lanes, being settled; with reservations. */
  readonly held: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly settling: number;
  readonly lanes: number;
  readonly restingLanes: number;
  /** Content in memory that has not been sent yet. */
  readonly freshBytes: number;
};

export function statsOf({ window, lanes }: Schedule): SchedulerStats {
  const counts = { trying: 0, waiting: 0, settling: 0, arrived: 0, gone: 0 };
  for (const { state } of window.entries.values()) counts[state] += 1;
  return {
    held: window.held,
    inFlight: counts.trying,
    waiting: counts.waiting,
    settling: counts.settling,
    lanes: lanes.size,
    restingLanes: lanes.resting.size,
    freshBytes: window.freshBytes,
  };
}
