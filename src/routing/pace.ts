/** How a rate is kept without a burst. Pure; times are monotonic ms. See docs/decisions/0009-quota-blocks.md. */
import type { Rate } from '../policy/units.ts';

/** Messages go in groups of `perGroup`, mostly one; a group begins `distanceMs` after the last message of the one before. */
export type Pace = { readonly perGroup: number; readonly distanceMs: number };

/** Messages that would follow one another closer than this go in groups, which do not: a timer is no better. */
const CLOSEST_MS = 100;
/** Groups as large as that are large enough: what one is late is little of it. */
const FAR_MS = 250;
/** Where groups are larger, what is left over of a window is next to nothing. */
const LARGE_GROUP = 1_000;
/** Whoever counts, counts in whole ms, by another clock. */
const ROUNDING_MS = 2;

/** In no window of the rate, wherever it begins, are more than its count. @param rate count at least 1 */
export function paceOf({ count, windowMs }: Rate): Pace {
  const perGroup = groupOf({ count, windowMs });
  return { perGroup, distanceMs: (windowMs + ROUNDING_MS) / Math.max(1, Math.floor(count / perGroup)) };
}

/** What an exit's settings say of when messages may follow one another. */
export type PaceTerms = { readonly rate: Rate | null; readonly delayMs: number };

/**
 * Keeps both at once: the rate's count in every window, and the delay between any two messages.
 * @param part of the pace that may be used, above 0 and at most 1: at a half everything is twice as far apart
 * @returns null: nothing is asked for
 */
export function paceFor({ rate, delayMs }: PaceTerms, part: number): Pace | null {
  const slowed = rate === null ? null : { count: rate.count, windowMs: rate.windowMs / part };
  if (delayMs <= 0) return slowed === null ? null : paceOf(slowed);
  // Groups have no distance inside.
  const distanceMs = slowed === null ? 0 : (slowed.windowMs + ROUNDING_MS) / slowed.count;
  return { perGroup: 1, distanceMs: Math.max(distanceMs, delayMs / part + ROUNDING_MS) };
}

/** The size of a group, so that whole groups use up as much of the count as can be. */
function groupOf({ count, windowMs }: Rate): number {
  const least = Math.ceil((count * CLOSEST_MS) / windowMs);
  const most = Math.floor((count * FAR_MS) / windowMs);
  if (least <= 1) return 1;
  if (least > LARGE_GROUP) return most;
  let best = least;
  const used = (size: number): number => Math.floor(count / size) * size;
  for (let size = least; size <= most; size++) if (used(size) >= used(best)) best = size;
  return best;
}

/** How long a process asks to have an exit for itself: about a second, or one message, and a little for being late. */
export function slotLengthMs({ distanceMs }: Pace): number {
  const groups = Math.max(1, Math.floor(1_000 / distanceMs));
  return groups * distanceMs + Math.min(500, Math.max(10, distanceMs / 10));
}

/** What went out, as far as it matters for what comes next. */
export type Paced = { readonly lastMs: number; readonly inGroup: number };

export const UNPACED: Paced = { lastMs: Number.NEGATIVE_INFINITY, inGroup: 0 };

/** One went out: in the group that goes on, or in the next. */
export function afterMessage({ lastMs, inGroup }: Paced, pace: Pace, nowMs: number): Paced {
  const goesOn = inGroup < pace.perGroup && nowMs - lastMs < pace.distanceMs;
  return { lastMs: nowMs, inGroup: goesOn ? inGroup + 1 : 1 };
}

/** When the next message may go, were the exit ours: in the past, or to come. */
export function earliestMs({ lastMs, inGroup }: Paced, { perGroup, distanceMs }: Pace): number {
  return inGroup < perGroup ? lastMs : lastMs + distanceMs;
}

export type Stretch = { readonly fromMs: number; readonly toMs: number };

/** `at`: the next message may go then, which may be now. `none`: another stretch of time is needed. */
export type NextStart = { readonly kind: 'at'; readonly atMs: number } | { readonly kind: 'none' };

/** @param slot in which nobody else sends; the first message after it may come at once */
export function nextStart(
  paced: Paced,
  { pace, slot, nowMs }: { readonly pace: Pace; readonly slot: Stretch | null; readonly nowMs: number },
): NextStart {
  if (slot === null) return { kind: 'none' };
  const atMs = Math.max(nowMs, slot.fromMs, earliestMs(paced, pace));
  return atMs <= slot.toMs - pace.distanceMs ? { kind: 'at', atMs } : { kind: 'none' };
}
