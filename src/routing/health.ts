/**
 * What the checks of an exit came to, and what follows from the next one. Pure. Wall ms: it is kept in the store and outlives
 * the process. See docs/decisions/0018-exit-checks.md.
 *
 * up → (a check fails: again soon) → `downAfter` in a row: down → checked at growing distances → one that works: up.
 */
import { z } from 'zod';
import type { Policy } from '../policy/schema.ts';

export type Health = {
  /** Checks that failed in a row. */
  readonly failures: number;
  /** Since when nothing goes out by it; null: it is up. */
  readonly downSinceMs: number | null;
  readonly nextAtMs: number;
  /** What the last check met, for operators; '' where it worked. */
  readonly cause: string;
};

const SHAPE = z.object({
  failures: z.number(),
  downSinceMs: z.number().nullable(),
  nextAtMs: z.number(),
  cause: z.string(),
});

/** Marks of all exits by that node. */
export function healthMarksOf(node: string): string {
  return `health:${node}:`;
}

/** The mark of what that node's checks of an exit came to. */
export function healthMark(node: string, egress: string): string {
  return `${healthMarksOf(node)}${egress}`;
}

/** What a mark's text says; null: nothing that this version understands. */
export function parseHealth(text: string): Health | null {
  return parsed(text, SHAPE);
}

/** A JSON text of that shape; null: it is none. */
export function parsed<T>(text: string, shape: z.ZodType<T>): T | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const result = shape.safeParse(value);
  return result.success ? result.data : null;
}

/** After a failure, the next check: a server that was started anew is back within that. */
export const SOON_MS = 30_000;
/** With what those that send read every few seconds, mail goes by a server that is back within a minute. */
const LONGEST_MS = 50_000;

/** `refused`: it refuses the sign-in; asked too often it may bar the relay for good, and waiting mends no password. */
export type Failure = { readonly cause: string; readonly refused: boolean };

export type CheckTerms = {
  readonly nowMs: number;
  readonly health: Policy['health'];
  /** Mail went out by it since the check before, so that a failed one proves nothing: it may be at its limit of connections. */
  readonly delivered: boolean;
};

/**
 * @param before null: never checked
 * @param failure what the check met; null: it worked
 */
export function afterCheck(before: Health | null, failure: Failure | null, terms: CheckTerms): Health {
  const { nowMs, health, delivered } = terms;
  if (failure === null) return { failures: 0, downSinceMs: null, nextAtMs: nowMs + health.every, cause: '' };
  const wasDown = before !== null && before.downSinceMs !== null;
  const failures = delivered && !wasDown ? 1 : (before?.failures ?? 0) + 1;
  const downSinceMs = before?.downSinceMs ?? (failures >= health.downAfter ? nowMs : null);
  const longestMs = failure.refused ? health.every : Math.min(health.every, LONGEST_MS);
  const doublings = downSinceMs === null ? 0 : Math.min(20, Math.max(0, failures - health.downAfter));
  return {
    failures,
    downSinceMs,
    nextAtMs: nowMs + Math.min(longestMs, SOON_MS * 2 ** doublings),
    cause: failure.cause,
  };
}
