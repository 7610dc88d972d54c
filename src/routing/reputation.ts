/**
 * The reputation of an exit, 0 to 100, from what came of its own recent mail: 100 less so much for each kind of failure,
 * by its share. Pure; docs/reputation.md has it with examples.
 *
 * An hour counts half of one a day younger. The share of a kind is taken among what was delivered and what came to that
 * kind, so that no failure makes another one look rarer, and among messages that are taken to have arrived, so that a
 * few of the first cannot ruin an exit, and so that what is forgotten is forgiven.
 */
import {
  DAY_MS,
  HOUR_MS,
  OUTCOME_KINDS,
  type OutcomeKind,
  type Outcomes,
  type StretchOutcomes,
  successRateOf,
} from './outcome-figures.ts';

const HALF_LIFE_MS = DAY_MS;
/** What is older weighs less than one in a hundred. */
export const WINDOW_MS = 7 * DAY_MS;

/** Points for a share of 100 %. */
const WEIGHTS = { bounced: 200, blocked: 400, complained: 10_000, deferred: 50 } as const;
/** Messages that are taken to have arrived. A complaint is rare by nature: it takes more mail to know its share. */
const PRIOR = { bounced: 100, blocked: 100, complained: 1_000, deferred: 100 } as const;

type Failure = keyof typeof WEIGHTS;
const FAILURES = ['blocked', 'bounced', 'complained', 'deferred'] as const satisfies readonly Failure[];

export type Reputation = {
  /** 0 to 100, to a tenth. */
  readonly score: number;
  /** Share of the answers that were "delivered", 0 to 1. */
  readonly successRate: number;
  /** What each kind takes away, in points. */
  readonly losses: Readonly<Record<Failure, number>>;
  /** What it rests on, older hours by their weight. */
  readonly weighted: Outcomes;
};

/** Of an exit of which nothing is known. */
export const UNKNOWN_REPUTATION: Reputation = reputationOf([], 0);

/** @param hours of one exit; none twice */
export function reputationOf(hours: readonly StretchOutcomes[], nowMs: number): Reputation {
  const weighted: Record<OutcomeKind, number> = { delivered: 0, deferred: 0, bounced: 0, blocked: 0, complained: 0 };
  for (const hour of hours) {
    // A node whose clock is ahead writes into the next hour; beyond that a time is an error.
    if (hour.startsAtMs > nowMs + HOUR_MS) continue;
    const weight = 2 ** ((hour.startsAtMs - nowMs) / HALF_LIFE_MS);
    for (const kind of OUTCOME_KINDS) weighted[kind] += weight * hour[kind];
  }
  const losses = { blocked: 0, bounced: 0, complained: 0, deferred: 0 };
  for (const kind of FAILURES) losses[kind] = lossOf(kind, weighted);
  const lost = FAILURES.reduce((sum, kind) => sum + losses[kind], 0);
  const score = Math.round(Math.max(0, 100 - lost) * 10) / 10;
  return { score, successRate: successRateOf(weighted), losses, weighted };
}

function lossOf(kind: Failure, weighted: Outcomes): number {
  return (WEIGHTS[kind] * weighted[kind]) / (PRIOR[kind] + weighted.delivered + weighted[kind]);
}

export const LEVELS = ['good', 'slowed', 'paused'] as const;
export type Level = (typeof LEVELS)[number];

export type LevelTerms = { readonly slowBelow: number; readonly pauseBelow: number };

/** A score climbs by so much above a limit before it counts as above it. */
export const CLIMB = 2;

/** @param before what it was: an exit comes back a little above where it went */
export function levelOf(score: number, before: Level, { slowBelow, pauseBelow }: LevelTerms): Level {
  const pauseLimit = before === 'paused' ? Math.min(100, pauseBelow + CLIMB) : pauseBelow;
  if (score < pauseLimit) return 'paused';
  const slowLimit = before === 'good' ? slowBelow : Math.min(100, slowBelow + CLIMB);
  return score < slowLimit ? 'slowed' : 'good';
}

const WORDS = { blocked: 'blocked', bounced: 'bounced', complained: 'complained about', deferred: 'deferred' } as const;

/** `score 62 of 100 (blocked 9.1 % −36.4, deferred 3.0 % −1.5)`: the gravest first. */
export function reputationText({ score, losses, weighted }: Reputation): string {
  const parts = FAILURES.filter((kind) => losses[kind] >= 0.05)
    .sort((one, other) => losses[other] - losses[one])
    .map((kind) => {
      const share = (100 * weighted[kind]) / (weighted.delivered + weighted[kind]);
      return `${WORDS[kind]} ${share.toFixed(1)} % −${losses[kind].toFixed(1)}`;
    });
  return `score ${score} of 100${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

/** A paused exit lets one message at a time go out for so long, whenever so long has passed since it was paused. */
export const PROBE_EVERY_MS = 15 * 60_000;
export const PROBE_FOR_MS = 30_000;

/** `untilMs`: when that changes. */
export type ProbeTime = { readonly probes: boolean; readonly untilMs: number };

/** The same for all who know when it was paused. A clock that was set back begins anew. */
export function probeTimeAt(pausedAtMs: number, nowMs: number): ProbeTime {
  const sinceMs = Math.max(0, nowMs - pausedAtMs);
  const round = Math.floor(sinceMs / PROBE_EVERY_MS);
  const startedAtMs = Math.min(pausedAtMs, nowMs) + round * PROBE_EVERY_MS;
  const isOut = round > 0 && nowMs - startedAtMs < PROBE_FOR_MS;
  return { probes: isOut, untilMs: startedAtMs + (isOut ? PROBE_FOR_MS : PROBE_EVERY_MS) };
}
