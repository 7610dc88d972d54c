/** Marks and tallies in memory, as several threads and nodes share them. */
import type { Mark, Marks } from '../../src/spool/marks.ts';
import type { Count, Tallies } from '../../src/spool/tallies.ts';

export type SharedFigures = {
  readonly marks: Marks;
  readonly tallies: Tallies;
  /** From now on nothing is answered. */
  isAway: boolean;
  /** Since when figures were asked for, in the order in which they were. */
  readonly looks: number[];
};

export function sharedFigures(): SharedFigures {
  const marks = new Map<string, Mark>();
  const counts = new Map<string, Count>();
  const answering = async <Answer>(answer: () => Answer): Promise<Answer> => {
    if (figures.isAway) throw new Error('the store is away');
    return answer();
  };
  const figures: SharedFigures = {
    isAway: false,
    looks: [],
    marks: {
      marks: (prefix) =>
        answering(() =>
          [...marks.values()]
            .filter(({ name }) => name.startsWith(prefix))
            .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
        ),
      mark: (made) =>
        answering(() => {
          for (const mark of made) if ((marks.get(mark.name)?.atMs ?? 0) <= mark.atMs) marks.set(mark.name, mark);
        }),
      unmark: (names) => answering(() => names.forEach((name) => marks.delete(name))),
    },
    tallies: {
      count: (entries) =>
        answering(() => {
          for (const { account, startsAtMs, amount } of entries) {
            const key = `${account} ${startsAtMs}`;
            counts.set(key, { account, startsAtMs, amount: amount + (counts.get(key)?.amount ?? 0) });
          }
        }),
      counts: (prefix, sinceMs) =>
        answering(() => {
          figures.looks.push(sinceMs);
          return [...counts.values()].filter((one) => one.account.startsWith(prefix) && one.startsAtMs >= sinceMs);
        }),
    },
  };
  return figures;
}
