/**
 * What `read` finds for each of `items`, in their order. The next ones are asked for while the first are used: one at first, then twice as
 * many each time, so that whoever stops early has hardly asked for more than was needed, and whoever goes on waits a few times only.
 * Rejects as `read` does, where that one's turn comes.
 * @param atOnce asked for at once, at most
 */
export async function* readAhead<Item, Found>(
  items: Iterable<Item>,
  read: (item: Item) => Promise<Found>,
  atOnce: number,
): AsyncGenerator<Found> {
  const left = items[Symbol.iterator]();
  for (let width = 1; ; width = Math.min(width * 2, atOnce)) {
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
