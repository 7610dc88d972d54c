/**
 * How many connections a destination is allowed, learnt from what it answers. Pure; times are monotonic ms. Additive up,
 * multiplicative down, with hysteresis: the limit halves at most once for what was under way together, and rises by one
 * only after a whole round of successes. A destination that fails again and again with nothing in between is dead: its
 * lane rests, ever longer, and then one attempt at a time finds out.
 */
export type Feedback = {
  /** Connections allowed now, at least 1 and at most `most`. */
  readonly limit: number;
  readonly most: number;
  /** Successes since the limit last moved. */
  readonly successes: number;
  /** Failures to get through at all, in a row. */
  readonly failures: number;
  /** Attempts with a lower number were under way when the limit last fell: their trouble is known already. */
  readonly fellAt: number;
  /** null: not resting. Past: one attempt may find out. */
  readonly restsUntilMs: number | null;
  readonly restMs: number;
};

/**
 * `refused`: it answers, but not now (4yz to the message). `alive`: it answers, and what it says is not about the destination.
 * `unreachable`: it could not be talked to. `none`: says nothing.
 */
export type Signal = 'success' | 'refused' | 'alive' | 'unreachable' | 'none';

const FIRST_REST_MS = 30_000;
const LONGEST_REST_MS = 600_000;

export function freshFeedback(most: number): Feedback {
  return { limit: most, most, successes: 0, failures: 0, fellAt: 0, restsUntilMs: null, restMs: 0 };
}

/** A new policy's limit: what was learnt stays, within it. */
export function withMost(feedback: Feedback, most: number): Feedback {
  if (feedback.most === most) return feedback;
  const limit = feedback.limit === feedback.most ? most : Math.min(feedback.limit, most);
  return { ...feedback, most, limit };
}

/**
 * @param attempt numbers of this lane's attempts, from 1 in the order of their start: `number` of the one that ended,
 * `next` of the next to start
 */
export function afterSignal(
  feedback: Feedback,
  signal: Signal,
  attempt: { readonly number: number; readonly next: number; readonly nowMs: number },
): Feedback {
  switch (signal) {
    case 'none':
      return feedback;
    case 'success':
      return risen(feedback);
    case 'alive':
      return alive(feedback);
    case 'refused':
      return fallen(alive(feedback), attempt);
    case 'unreachable':
      return unreached(feedback, attempt);
  }
}

function alive(feedback: Feedback): Feedback {
  return { ...feedback, failures: 0, restsUntilMs: null, restMs: 0 };
}

function risen(feedback: Feedback): Feedback {
  const successes = feedback.successes + 1;
  if (successes < feedback.limit) return { ...alive(feedback), successes };
  return { ...alive(feedback), successes: 0, limit: Math.min(feedback.most, feedback.limit + 1) };
}

function fallen(feedback: Feedback, attempt: { readonly number: number; readonly next: number }): Feedback {
  if (attempt.number < feedback.fellAt) return feedback;
  return { ...feedback, limit: Math.max(1, Math.floor(feedback.limit / 2)), successes: 0, fellAt: attempt.next };
}

function unreached(
  feedback: Feedback,
  attempt: { readonly number: number; readonly next: number; readonly nowMs: number },
): Feedback {
  const lower = fallen({ ...feedback, failures: feedback.failures + 1 }, attempt);
  const resting = feedback.restsUntilMs !== null && feedback.restsUntilMs > attempt.nowMs;
  // While it rests already, the failures of what was under way do not prolong the rest.
  if (resting || lower.failures < lower.limit) return lower;
  const restMs = feedback.restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, feedback.restMs * 2);
  return { ...lower, limit: 1, restMs, restsUntilMs: attempt.nowMs + restMs };
}

export function isResting(feedback: Feedback, nowMs: number): boolean {
  return feedback.restsUntilMs !== null && feedback.restsUntilMs > nowMs;
}

/** It rested and has not been reached since. */
export function isSuspect(feedback: Feedback): boolean {
  return feedback.restsUntilMs !== null;
}

/**
 * Connections that so many deliveries justify: they open along limit·(1 − e^(−0.023·queued)), at least one.
 * @param queued waiting and under way
 */
export function connectionsFor(limit: number, queued: number): number {
  return Math.max(1, Math.min(limit, Math.round(limit * (1 - Math.exp(-0.023 * queued)))));
}
