/** What the scheduler has in hand, as figures. */
import type { Schedule } from './schedule.ts';
import type { Site } from './sites/site.ts';

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
  /** By mailbox provider; `other` for all that are none of the known ones. */
  readonly sites: readonly SiteStats[];
  /** By exit of the policy. */
  readonly exits: readonly ExitUse[];
};

/** What a process, or all of a relay, does by an exit now. */
export type ExitUse = {
  readonly egress: string;
  /** Open, or about to be. */
  readonly connections: number;
  /** When its rate and delay let the next message go, wall ms; null: now, or it is for another process to say. */
  readonly nextAtMs: number | null;
};

export type SiteStats = {
  readonly provider: string;
  /** Attempts under way. */
  readonly inFlight: number;
  /** Exits that it takes less from than the policy allows; those that it takes nothing from, for their address. */
  readonly slowed: number;
  readonly blocked: number;
};

export function statsOf({ window, lanes, sites, policy, limits, connections }: Schedule): SchedulerStats {
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
    sites: siteStats(sites.all),
    exits: Object.keys(policy().egress).map((egress) => ({
      egress,
      connections: connections.openOf(egress),
      nextAtMs: limits.nextAtMs(egress),
    })),
  };
}

function siteStats(sites: Iterable<Site>): SiteStats[] {
  const byProvider = new Map<string, SiteStats>();
  for (const site of sites) {
    const { provider, inFlight, narrowed, exits } = site;
    const name = provider ?? 'other';
    const sum = byProvider.get(name) ?? { provider: name, inFlight: 0, slowed: 0, blocked: 0 };
    const blocked = [...narrowed].filter((exit) => exits.get(exit)?.feedback.why === 'blocked').length;
    byProvider.set(name, {
      provider: name,
      inFlight: sum.inFlight + inFlight,
      slowed: sum.slowed + narrowed.size - blocked,
      blocked: sum.blocked + blocked,
    });
  }
  return [...byProvider.values()];
}
