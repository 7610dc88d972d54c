/**
 * What `read` finds for each of `all`, in their order, some of them asked for together: so many as the first of `widths` says, then
 * so many as the second, and in the end always as many as the last. Whoever needs little asks for little first; whoever goes on waits a
 * few times only. Rejects as `read` does, where that one's turn comes.
 */
export async function* readAhead<Asked, Found>(
  all: Iterable<Asked>,
  read: (one: Asked) => Promise<Found>,
  widths: readonly [number, ...number[]],
): AsyncGenerator<Found> {
  const left = all[Symbol.iterator]();
  for (let round = 0; ; round++) {
    const width = widths[Math.min(round, widths.length - 1)] ?? 1;
    const reading: Promise<Found>[] = [];
    while (reading.length < width) {
      const next = left.next();
      if (next.done === true) break;
      const found = read(next.value);
      // Whoever stops before it, or at another that failed, never looks at this one.
      found.catch(() => undefined);
      reading.push(found);
    }
    if (reading.length === 0) return;
    for (const found of reading) yield await found;
  }
}
