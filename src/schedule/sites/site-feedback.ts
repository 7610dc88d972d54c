/**
 * What a site takes from one exit, learnt from what it answers. Pure; times are monotonic ms. Down at once: half the
 * connections, then ever longer between messages, each time with a pause; up slowly: one step after a round of successes.
 * What was under way together is held against it once. An exit whose address the site refuses again and again is left
 * alone there for a while.
 */
export type SiteFeedback = {
  /** Connections allowed now, at least 1 and at most `most`. */
  readonly limit: number;
  readonly most: number;
  /** Least time between the starts of two messages, 0: none. */
  readonly everyMs: number;
  /** Successes since the last step. */
  readonly successes: number;
  /** Times that it asked for less in a row, with no success in between. */
  readonly setbacks: number;
  /** Attempts with a lower number were under way when it last asked for less. */
  readonly fellAt: number;
  /** Refusals of the exit's address in a row. */
  readonly blocks: number;
  /** How often in a row the exit was left alone. */
  readonly rests: number;
  /** Nothing goes there by the exit until then; past or null: it may. */
  readonly shutUntilMs: number | null;
  readonly why: 'slower' | 'blocked' | null;
};

/** `slower`: it asks for less. `blocked`: it refuses the exit's address. `none`: says nothing. */
export type SiteSignal = 'success' | 'slower' | 'blocked' | 'none';

/** What outlives the process; `shutUntilMs` where it rests or rested. */
export type Ceiling = Pick<SiteFeedback, 'limit' | 'everyMs' | 'rests' | 'shutUntilMs'>;

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;
const FIRST_EVERY_MS = 1_000;
const LONGEST_EVERY_MS = 60_000;
/** Successes before a step up, at least. */
const ROUND_LEAST = 5;
/** Refusals of an address in a row before the site is left alone: one text that was read wrongly stops nothing. */
const BLOCKS_MOST = 3;
const FIRST_REST_MS = 1_800_000;
export const LONGEST_REST_MS = 14_400_000;

/** @param ceiling what was learnt before; null: nothing */
export function freshSiteFeedback(most: number, ceiling: Ceiling | null): SiteFeedback {
  const { limit, everyMs, rests, shutUntilMs } = ceiling ?? { limit: most, everyMs: 0, rests: 0, shutUntilMs: null };
  return {
    limit: Math.max(1, Math.min(most, limit)),
    most,
    everyMs: Math.min(LONGEST_EVERY_MS, Math.max(0, everyMs)),
    successes: 0,
    setbacks: 0,
    fellAt: 0,
    blocks: 0,
    rests,
    shutUntilMs,
    why: rests > 0 ? 'blocked' : null,
  };
}

/** What was learnt before has been read, and this knows nothing yet. */
export function withCeiling(feedback: SiteFeedback, ceiling: Ceiling): SiteFeedback {
  const { limit, everyMs, rests, shutUntilMs, why } = freshSiteFeedback(feedback.most, ceiling);
  return { ...feedback, limit, everyMs, rests, shutUntilMs, why };
}

/** Another limit of the policy: what was learnt stays, within it. */
export function withSiteMost(feedback: SiteFeedback, most: number): SiteFeedback {
  if (feedback.most === most) return feedback;
  return { ...feedback, most, limit: feedback.limit === feedback.most ? most : Math.min(feedback.limit, most) };
}

/** @param attempt as in `afterSignal` of feedback.ts, counted for this site and exit */
export function afterSiteSignal(
  feedback: SiteFeedback,
  signal: SiteSignal,
  attempt: { readonly number: number; readonly next: number; readonly nowMs: number },
): SiteFeedback {
  switch (signal) {
    case 'none':
      return feedback;
    case 'success':
      return risen(feedback, attempt.nowMs);
    case 'slower':
      return slowed(feedback, attempt);
    case 'blocked':
      return blockedOnce(feedback, attempt.nowMs);
  }
}

/** What is as good as can be stays as it is: most mail goes to sites that ask for nothing. */
function isAtBest(feedback: SiteFeedback): boolean {
  const { limit, most, everyMs, setbacks, blocks, rests, shutUntilMs } = feedback;
  return limit === most && everyMs === 0 && setbacks + blocks + rests === 0 && shutUntilMs === null;
}

function risen(feedback: SiteFeedback, nowMs: number): SiteFeedback {
  if (isAtBest(feedback)) return feedback;
  const shut = isShut(feedback, nowMs) ? {} : { shutUntilMs: null, why: null };
  const well = { ...feedback, ...shut, setbacks: 0, blocks: 0, rests: 0 };
  const successes = feedback.successes + 1;
  if (successes < Math.max(ROUND_LEAST, feedback.limit)) return { ...well, successes };
  if (feedback.everyMs > 0) {
    const everyMs = feedback.everyMs <= FIRST_EVERY_MS ? 0 : Math.floor(feedback.everyMs / 2);
    return { ...well, successes: 0, everyMs };
  }
  return { ...well, successes: 0, limit: Math.min(feedback.most, feedback.limit + 1) };
}

function slowed(
  feedback: SiteFeedback,
  { number, next, nowMs }: { readonly number: number; readonly next: number; readonly nowMs: number },
): SiteFeedback {
  if (number < feedback.fellAt) return { ...feedback, successes: 0 };
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, feedback.setbacks));
  const lower =
    feedback.limit > 1
      ? { limit: Math.floor(feedback.limit / 2) }
      : { everyMs: Math.min(LONGEST_EVERY_MS, Math.max(FIRST_EVERY_MS, feedback.everyMs * 2)) };
  const until = Math.max(nowMs + pauseMs, feedback.shutUntilMs ?? 0);
  const why = feedback.why === 'blocked' && isShut(feedback, nowMs) ? 'blocked' : 'slower';
  const setbacks = feedback.setbacks + 1;
  return { ...feedback, ...lower, successes: 0, setbacks, fellAt: next, shutUntilMs: until, why };
}

function blockedOnce(feedback: SiteFeedback, nowMs: number): SiteFeedback {
  const blocks = feedback.blocks + 1;
  const counted = { ...feedback, blocks, successes: 0 };
  // After a rest one refusal is enough; those of what was under way do not prolong one that began.
  if (feedback.why === 'blocked' && isShut(feedback, nowMs)) return counted;
  if (blocks < BLOCKS_MOST && feedback.rests === 0) return counted;
  const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(10, feedback.rests));
  return { ...counted, rests: feedback.rests + 1, shutUntilMs: nowMs + restMs, why: 'blocked' };
}

/** Connections that it gets now: one alone finds out whether the site takes mail by it again. */
export function siteConnections({ limit, rests }: SiteFeedback): number {
  return rests > 0 ? 1 : limit;
}

export function isShut({ shutUntilMs }: SiteFeedback, nowMs: number): boolean {
  return shutUntilMs !== null && shutUntilMs > nowMs;
}

/** Whether it holds more back than the policy does. */
export function isNarrowed(feedback: SiteFeedback): boolean {
  return feedback.limit < feedback.most || feedback.everyMs > 0 || feedback.shutUntilMs !== null;
}
