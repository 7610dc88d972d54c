/** One line of the table, and the arithmetic behind it. */
import type { Board } from './board.ts';

/** What one measurement gave; what it did not look at is left out. */
export type Figures = {
  /** Messages at the sink for each second of the measurement, or accepted where `note` says so. */
  readonly perSecond?: number;
  /** CPU seconds of all of the peer's processes for 1,000 messages. */
  readonly cpuPer1000?: number;
  /** Peak over its processes, pages that they share counted in each. */
  readonly rssMb?: number;
  /** Shared pages counted once. */
  readonly pssMb?: number;
  /** From the final dot to 250, or what `note` says. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Cores that the hypervisor gave to others meanwhile; from 0.1 on a rate says little. */
  readonly stealCores?: number;
};

export type Row = {
  readonly cell: string;
  readonly peer: string;
  readonly figures: Figures;
  /** Messages a second as a multiple of Postfix + OpenDKIM, and of Postfix unsigned: medians over the pairs. */
  readonly ratio?: number;
  readonly ratioUnsigned?: number;
  readonly runs: number;
  readonly note?: string;
  /** What the conservation check found; null: everything accepted is accounted for. */
  readonly broken: string | null;
  /** Why there are no figures. */
  readonly missing?: string;
};

/** The middle one; of an even number the mean of the two. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** The value that `share` of all do not exceed. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

const NAMES = ['perSecond', 'cpuPer1000', 'rssMb', 'pssMb', 'p50Ms', 'p99Ms', 'stealCores'] as const;

/** Each figure's median; of what was stolen the worst. */
export function medians(runs: readonly Figures[]): Figures {
  const all: { -readonly [Name in keyof Figures]: Figures[Name] } = {};
  for (const name of NAMES) {
    const known = runs.map((figures) => figures[name]).filter((value) => value !== undefined);
    if (known.length > 0) all[name] = name === 'stealCores' ? Math.max(...known) : median(known);
  }
  return all;
}

/** From the final dot to 250 of the messages `from` to `end`. */
export function acknowledgement(board: Board, from: number, end: number): Pick<Figures, 'p50Ms' | 'p99Ms'> {
  return spread(differences({ from: board.sentMs, to: board.ackedMs }, from, end));
}

/** From the final dot to the sink of the messages `from` to `end`. */
export function passage(board: Board, from: number, end: number): Pick<Figures, 'p50Ms' | 'p99Ms'> {
  return spread(differences({ from: board.sentMs, to: board.arrivedMs }, from, end));
}

function spread(ms: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  return { p50Ms: quantile(ms, 0.5), p99Ms: quantile(ms, 0.99) };
}

function differences(
  columns: { readonly from: Float64Array; readonly to: Float64Array },
  from: number,
  end: number,
): number[] {
  const all: number[] = [];
  for (let number = from; number < end; number++) {
    const to = columns.to[number] ?? 0;
    if (to > 0) all.push(to - (columns.from[number] ?? 0));
  }
  return all;
}
