/**
 * What is known of an exit beside its circuit and its limits: whether checks found it down, whether its address is listed,
 * what its own recent outcomes say, whether an operator stopped it. Recorded in the store, and the same for all nodes that
 * can use it.
 */
import type { Clock } from '../ports.ts';

/**
 * What closes an exit. `paused`: by an operator. `down`: its checks fail. `listed`: its address is in DNS blocklists.
 * `reputation`: too many of its recent messages were refused or complained about.
 */
export const CLOSURE_GATES = ['paused', 'down', 'listed', 'reputation'] as const;

export type Closure = {
  readonly gate: (typeof CLOSURE_GATES)[number];
  /** When it is looked at again, wall ms; null: nobody knows. */
  readonly untilMs: number | null;
  /** For operators, with the figures: `score 62 of 100, paused below 70`. */
  readonly cause: string;
};

export type Standing = {
  /** In the order of the gates; empty: open. */
  readonly closures: readonly Closure[];
  /** A closed exit lets one message at a time through to see whether it recovered: of streams whose mail may move. */
  readonly probes: boolean;
  /** Part of its rate, limits and connections that it may use, above 0 and at most 1. */
  readonly pace: number;
  /** Reputation, 0 to 100; 100 where nothing is known. */
  readonly score: number;
  /** Share of its recent attempts that were delivered, 0 to 1; 1 where nothing is known. */
  readonly successRate: number;
};

/** Of an exit of which nothing is known. */
export const FULL_STANDING: Standing = { closures: [], probes: false, pace: 1, score: 100, successRate: 1 };

/** Sync and cheap: it is asked at each choice. */
export type StandingOf = (egress: string) => Standing;

/** The same with times of the monotonic clock. */
export function monotonic(standing: Standing, clock: Pick<Clock, 'nowMs' | 'monotonicMs'>): Standing {
  const aheadMs = clock.monotonicMs() - clock.nowMs();
  const closures = standing.closures.map(({ untilMs, ...rest }) => {
    return { ...rest, untilMs: untilMs === null ? null : untilMs + aheadMs };
  });
  return { ...standing, closures };
}
