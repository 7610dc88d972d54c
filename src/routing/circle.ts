/** The circle in which members of a pool take turns, by their weights. Pure. */

/** Circles are no longer: finer weights are rounded. */
const MOST_PLACES = 1_000;

/**
 * The members' numbers in the order of their turns. With equal weights each once, in order; with weights each as often as
 * its weight has it, as evenly spread as can be: 3, 1, 1 is 0 1 0 2 0.
 * @param weights whole, from 1
 */
export function circleOf(weights: readonly number[]): readonly number[] {
  const parts = reduced(weights);
  const total = parts.reduce((sum, part) => sum + part, 0);
  const ahead = parts.map(() => 0);
  return Array.from({ length: total }, () => {
    let next = 0;
    for (const [member, part] of parts.entries()) {
      ahead[member] = (ahead[member] ?? 0) + part;
      if ((ahead[member] ?? 0) > (ahead[next] ?? 0)) next = member;
    }
    ahead[next] = (ahead[next] ?? 0) - total;
    return next;
  });
}

function reduced(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const fitting =
    total <= MOST_PLACES ? weights : weights.map((weight) => Math.max(1, Math.round((weight * MOST_PLACES) / total)));
  const divisor = fitting.reduce(greatestCommonDivisor, 0);
  return fitting.map((weight) => weight / Math.max(1, divisor));
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
