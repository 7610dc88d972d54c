/**
 * The known name that a misspelt one most likely means.
 * @returns null where none is near: at most a third of the letters differ, or one is the start of the other; case aside
 */
export function nearest(misspelt: string, known: Iterable<string>): string | null {
  if (misspelt.length > 64) return null;
  const word = misspelt.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    // An ending too many or too few: `warning` for `warn`.
    const isStart = Math.min(word.length, other.length) >= 3 && (word.startsWith(other) || other.startsWith(word));
    const distance = isStart ? 1 : distanceOf(word, other);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** `, did you mean "dailyLimit"?`, or nothing. */
export function suggestion(misspelt: string, known: Iterable<string>): string {
  const name = nearest(misspelt, known);
  return name === null ? '' : `, did you mean "${name}"?`;
}

/** Letters to insert, remove, change, or swap with their neighbour. */
function distanceOf(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (isSwapped && row > 1 && column > 1) least = Math.min(least, (beforeLast[column - 2] ?? 0) + 1);
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
