/**
 * What `read` finds for each of `items`, in their order, some of them asked for together: so many as the first of `widths` says, then
 * so many as the second, and in the end always as many as the last. Whoever needs little asks for little first; whoever goes on waits a
 * few times only. Rejects as `read` does, where that one's turn comes.
 */
export async function* readAhead<Item, Found>(
  items: Iterable<Item>,
  read: (item: Item) => Promise<Found>,
  widths: readonly [number, ...number[]],
): AsyncGenerator<Found> {
  const left = items[Symbol.iterator]();
  for (let round = 0; ; round++) {
    const width = widths[Math.min(round, widths.length - 1)] ?? 1;
    const asked: Promise<Found>[] = [];
    while (asked.length < width) {
      const next = left.next();
      if (next.done === true) break;
      const found = read(next.value);
      // Whoever stops before it, or at another that failed, never looks at this one.
      found.catch(() => undefined);
      asked.push(found);
    }
    if (asked.length === 0) return;
    for (const found of asked) yield await found;
  }
}
