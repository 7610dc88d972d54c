/** What changes from one text to another, line by line. Pure. */

export type LineChange = {
  readonly kind: 'same' | 'removed' | 'added';
  /** Without its line feed. */
  readonly text: string;
  /** From 1; null: it is not in that text. */
  readonly from: number | null;
  readonly to: number | null;
};

/** Beyond so many edits the rest is told as one block that went and one that came. */
const MOST_EDITS = 600;

/** The changed lines with those around them, in order. Nothing: the texts are equal. */
export function changedLines(from: string, to: string, around = 3): readonly LineChange[] {
  const all = lineChanges(linesOf(from), linesOf(to));
  const changed = all.flatMap(({ kind }, place) => (kind === 'same' ? [] : [place]));
  const near = new Set(
    changed.flatMap((place) => Array.from({ length: 2 * around + 1 }, (_, step) => place - around + step)),
  );
  return all.filter((_, place) => near.has(place));
}

/** As `diff -u` prints it, without the names of the files. */
export function unifiedText(changes: readonly LineChange[]): string {
  return hunksOf(changes)
    .map((hunk) => `${hunkHead(hunk)}\n${hunk.map(({ kind, text }) => `${SIGNS[kind]}${text}\n`).join('')}`)
    .join('');
}

const SIGNS = { same: ' ', removed: '-', added: '+' } as const;

/** Stretches without a gap. */
function hunksOf(changes: readonly LineChange[]): LineChange[][] {
  const hunks: LineChange[][] = [];
  for (const change of changes) {
    const last = hunks.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && follows(before, change)) last.push(change);
    else hunks.push([change]);
  }
  return hunks;
}

function follows(before: LineChange, change: LineChange): boolean {
  if (before.kind === 'same' && change.kind === 'same') return change.from === (before.from ?? 0) + 1;
  return before.kind !== 'same' || change.kind !== 'same' || before.from === change.from;
}

function hunkHead(hunk: readonly LineChange[]): string {
  const side = (of: 'from' | 'to'): string => {
    const numbers = hunk.flatMap((change) => change[of] ?? []);
    return `${numbers[0] ?? 0},${numbers.length}`;
  };
  return `@@ -${side('from')} +${side('to')} @@`;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function lineChanges(from: readonly string[], to: readonly string[]): LineChange[] {
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head++;
  let tail = 0;
  while (
    tail < from.length - head &&
    tail < to.length - head &&
    from[from.length - 1 - tail] === to[to.length - 1 - tail]
  )
    tail++;
  const same = (place: number, other: number): LineChange => ({
    kind: 'same',
    text: from[place] ?? '',
    from: place + 1,
    to: other + 1,
  });
  const middle = shortestEdit(from.slice(head, from.length - tail), to.slice(head, to.length - tail));
  return [
    ...from.slice(0, head).map((_, place) => same(place, place)),
    ...middle.map((change) => ({
      ...change,
      from: change.from === null ? null : change.from + head,
      to: change.to === null ? null : change.to + head,
    })),
    ...from.slice(from.length - tail).map((_, place) => same(from.length - tail + place, to.length - tail + place)),
  ];
}

/** By the greedy way of Myers (1986): the furthest that each diagonal reaches with so many edits, then the way back. */
function shortestEdit(from: readonly string[], to: readonly string[]): LineChange[] {
  const most = Math.min(from.length + to.length, MOST_EDITS);
  const reached = new Map<number, number>([[1, 0]]);
  const steps: Map<number, number>[] = [];
  for (let edits = 0; edits <= most; edits++) {
    steps.push(new Map(reached));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const isDown = isDownwards(reached, diagonal, edits);
      let x = isDown ? (reached.get(diagonal + 1) ?? 0) : (reached.get(diagonal - 1) ?? 0) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      reached.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length) return wayBack(steps, from, to);
    }
  }
  return [
    ...from.map((text, place): LineChange => ({ kind: 'removed', text, from: place + 1, to: null })),
    ...to.map((text, place): LineChange => ({ kind: 'added', text, from: null, to: place + 1 })),
  ];
}

function isDownwards(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  if (diagonal === -edits) return true;
  return diagonal !== edits && (reached.get(diagonal - 1) ?? -1) < (reached.get(diagonal + 1) ?? -1);
}

function wayBack(
  steps: readonly ReadonlyMap<number, number>[],
  from: readonly string[],
  to: readonly string[],
): LineChange[] {
  const changes: LineChange[] = [];
  let [x, y] = [from.length, to.length];
  for (let edits = steps.length - 1; edits >= 0; edits--) {
    const reached = steps[edits] ?? new Map<number, number>();
    const diagonal = x - y;
    const before = isDownwards(reached, diagonal, edits) ? diagonal + 1 : diagonal - 1;
    const startX = reached.get(before) ?? 0;
    const startY = startX - before;
    while (x > startX && y > startY && x > 0 && y > 0) {
      changes.push({ kind: 'same', text: from[x - 1] ?? '', from: x, to: y });
      x--;
      y--;
    }
    if (edits === 0) break;
    if (x === startX) changes.push({ kind: 'added', text: to[y - 1] ?? '', from: null, to: y });
    else changes.push({ kind: 'removed', text: from[x - 1] ?? '', from: x, to: null });
    [x, y] = [startX, startY];
  }
  return changes.reverse();
}
