/** Series and tables, out of the rows of figures. */
import { dayOf } from '../../policy/day.ts';
import {
  type Cell,
  emptyCell,
  type Figure,
  FIGURES,
  figuresOf,
  latencyOf,
  merge,
  placeOf,
  queueOf,
  successOf,
  weightOf,
} from '../../report/rollups/figures.ts';
import { readRows } from '../../report/rollups/read.ts';
import { REST } from '../../report/rollups/row.ts';
import {
  DAY_MS,
  type Dimension,
  HOUR_MS,
  KEPT_MS,
  type Level,
  MINUTE_MS,
  startOf,
} from '../../report/rollups/stretch.ts';
import type { Marks } from '../../spool/marks.ts';
import {
  type FigureSeries,
  POINTS_AT_MOST,
  SERIES_AT_MOST,
  type SeriesAnswer,
  type SeriesAsk,
  type SeriesFigure,
  STEPS_MS,
  type TableAnswer,
  type TableAsk,
  type TableRow,
} from './figure-operations.ts';

export type FigureReading = {
  readonly marks: Pick<Marks, 'marks'>;
  readonly nowMs: number;
  readonly timeZone: string;
};

/** What all names that have no row of their own are called. */
const OTHERS = 'other';
const NOBODYS_FIGURES: ReadonlySet<SeriesFigure> = new Set(['queue', 'queueMax', 'oldest']);
/** Figures are written so long after their time at most, where the store answers. */
const WRITTEN_MS = 15_000;
const SUMS: ReadonlySet<string> = new Set(FIGURES);

/** Rejects with `SpoolError`. */
export async function seriesOf(reading: FigureReading, ask: SeriesAsk): Promise<SeriesAnswer> {
  const stepMs = stepFor(reading, ask);
  const times = timesOf(reading, { ...ask, stepMs });
  const [firstMs] = times;
  if (firstMs === undefined) return { stepMs, times: [], series: [] };
  const level: Level = stepMs < HOUR_MS ? 'minute' : stepMs < DAY_MS ? 'hour' : 'day';
  const rows = { dimension: ask.by, level, fromMs: firstMs, toMs: Math.min(ask.toMs, reading.nowMs + 1) };
  const names = ask.names ?? (await greatest(reading, rows, ask));
  const wanted = new Set(names);
  const cells = new Map<string, (Cell | undefined)[]>(names.map((name) => [name, []]));
  let hasRest = false;
  let at = 0;
  for await (const { startsAtMs, row } of readRows(reading.marks, rows)) {
    while (at + 1 < times.length && (times[at + 1] ?? 0) <= startsAtMs) at += 1;
    for (const [name, cell] of row) {
      const as = wanted.has(name) ? name : REST;
      if (as === REST && ask.names !== null) continue;
      if (as === REST) hasRest = true;
      const of = cells.get(as) ?? [];
      cells.set(as, of);
      merge((of[at] ??= emptyCell()), cell);
    }
  }
  // Of what is not over, or was a moment ago, some may still be on its way.
  const openFrom = times.findIndex((_, one) => (times[one + 1] ?? ask.toMs) > reading.nowMs - WRITTEN_MS);
  const shown = hasRest ? [...names, REST] : names;
  return {
    stepMs,
    times: times.map((timeMs) => Math.floor(timeMs / 1_000)),
    series: shown.flatMap((name) =>
      ask.what.map((figure) => oneSeries({ name, figure, times, openFrom }, cells.get(name) ?? [])),
    ),
  };
}

type Wanted = {
  readonly name: string;
  readonly figure: SeriesFigure;
  readonly times: readonly number[];
  /** From that place on figures are not whole yet; -1: all are. */
  readonly openFrom: number;
};

function oneSeries({ name, figure, times, openFrom }: Wanted, cells: readonly (Cell | undefined)[]): FigureSeries {
  const isRest = name === REST;
  const values = times.map((_, at) => {
    const isOpen = openFrom !== -1 && at >= openFrom;
    return valueOf(cells[at], { figure, isOpen });
  });
  return { name: isRest ? OTHERS : name, isRest, figure, values };
}

type Asked = { readonly figure: SeriesFigure; readonly isOpen: boolean };

function valueOf(cell: Cell | undefined, { figure, isOpen }: Asked): number | null {
  if (SUMS.has(figure)) return cell?.[placeOf(figure as Figure)] ?? 0;
  // Nobody looks at a queue in which nothing was, and is not: it is empty. What nobody looked at yet may be full.
  if (NOBODYS_FIGURES.has(figure)) return queueValue(cell, figure) ?? (isOpen ? null : 0);
  if (cell === undefined) return null;
  if (figure === 'success') return successOf(figuresOf(cell));
  const latency = latencyOf(cell);
  return latency === null ? null : latency[figure as 'p50' | 'p95' | 'p99'];
}

function queueValue(cell: Cell | undefined, figure: SeriesFigure): number | null {
  const queue = cell === undefined ? null : queueOf(cell);
  if (queue === null) return null;
  if (figure === 'queue') return Math.round(queue.mean);
  return figure === 'queueMax' ? queue.max : queue.oldestMs;
}

type RowsOf = {
  readonly dimension: Dimension;
  readonly level: Level;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Names by what the first figure came to. */
async function greatest({ marks }: FigureReading, rows: RowsOf, { what }: SeriesAsk): Promise<readonly string[]> {
  const sums = new Map<string, number>();
  const [first] = what;
  const place = first !== undefined && SUMS.has(first) ? placeOf(first as Figure) : null;
  for await (const { row } of readRows(marks, rows))
    for (const [name, cell] of row) {
      const amount = place === null ? weightOf(cell) : (cell[place] ?? 0);
      if (name !== REST) sums.set(name, (sums.get(name) ?? 0) + amount);
    }
  const most = Math.max(1, Math.floor(SERIES_AT_MOST / what.length) - 1);
  return [...sums]
    .toSorted(([one, sum], [other, otherSum]) => otherSum - sum || (one < other ? -1 : 1))
    .slice(0, most)
    .map(([name]) => name);
}

/** The step that was asked for, or the next longer one of which there is enough, and not too much. */
function stepFor({ nowMs }: FigureReading, { fromMs, toMs, stepMs }: SeriesAsk): number {
  const spanMs = Math.max(0, toMs - fromMs);
  const fits =
    spanMs <= 2 * HOUR_MS ? MINUTE_MS : spanMs <= 36 * HOUR_MS ? 600_000 : spanMs <= 8 * DAY_MS ? HOUR_MS : DAY_MS;
  const wanted = stepMs ?? fits;
  const isThere = (step: number): boolean => {
    const keptMs = step < HOUR_MS ? KEPT_MS.minute : step < DAY_MS ? KEPT_MS.hour : KEPT_MS.day;
    return step === DAY_MS || (fromMs >= nowMs - keptMs && spanMs / step <= POINTS_AT_MOST);
  };
  return STEPS_MS.find((step) => step >= wanted && isThere(step)) ?? DAY_MS;
}

/** Starts of the stretches from the one that has `fromMs` in it; none begins before figures are kept, or after now. */
function timesOf(
  { nowMs, timeZone }: FigureReading,
  { fromMs, toMs, stepMs }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): number[] {
  const firstMs = Math.max(fromMs, nowMs - KEPT_MS.day);
  const endMs = Math.min(toMs, nowMs + 1);
  const times: number[] = [];
  if (stepMs < DAY_MS) {
    for (let atMs = Math.floor(firstMs / stepMs) * stepMs; atMs < endMs; atMs += stepMs) times.push(atMs);
    return times;
  }
  for (let day = dayOf(firstMs, timeZone); day.startsAtMs < endMs; day = dayOf(day.endsAtMs, timeZone))
    times.push(day.startsAtMs);
  return times;
}

/** Rejects with `SpoolError`. */
export async function tableOf(reading: FigureReading, { by, fromMs, toMs, limit }: TableAsk): Promise<TableAnswer> {
  const stretch = wholeStretch(reading, { fromMs, toMs });
  const sums = sumsOf(reading, { ...stretch, dimension: by });
  const [cells, all] = await Promise.all([
    sums,
    by === 'all' ? sums : sumsOf(reading, { ...stretch, dimension: 'all' }),
  ]);
  const rest = cells.get(REST) ?? emptyCell();
  cells.delete(REST);
  const ranked = [...cells].toSorted(
    ([one, cell], [other, otherCell]) => weightOf(otherCell) - weightOf(cell) || (one < other ? -1 : 1),
  );
  for (const [, cell] of ranked.slice(limit)) merge(rest, cell);
  const rows = ranked.slice(0, limit).map(([name, cell]) => tableRow(name, cell));
  return {
    fromMs: stretch.fromMs,
    toMs: stretch.toMs,
    rows: weightOf(rest) === 0 && rest.every((amount) => amount === 0) ? rows : [...rows, tableRow(REST, rest)],
    total: tableRow('all', [...all.values()][0] ?? emptyCell()),
  };
}

async function sumsOf({ marks }: FigureReading, rows: RowsOf): Promise<Map<string, Cell>> {
  const sums = new Map<string, Cell>();
  for await (const { row } of readRows(marks, rows))
    for (const [name, cell] of row) {
      const sum = sums.get(name) ?? emptyCell();
      merge(sum, cell);
      sums.set(name, sum);
    }
  return sums;
}

function tableRow(name: string, cell: Cell): TableRow {
  const figures = figuresOf(cell);
  const isRest = name === REST;
  return {
    name: isRest ? OTHERS : name,
    isRest,
    figures,
    success: successOf(figures),
    latencyMs: latencyOf(cell),
  };
}

/** Whole stretches of the finest level that is kept so long, and is quick to read. */
function wholeStretch(
  { nowMs, timeZone }: FigureReading,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): { readonly level: Level; readonly fromMs: number; readonly toMs: number } {
  const endMs = Math.max(fromMs, Math.min(toMs, nowMs + 1));
  const spanMs = endMs - fromMs;
  const isRecent = (level: Level): boolean => fromMs >= nowMs - KEPT_MS[level];
  const lastAskedMs = Math.max(0, Math.min(toMs, nowMs + 2 * DAY_MS) - 1);
  // Whole days are told by days: those of a time zone need not begin with an hour.
  const isDays = dayOf(fromMs, timeZone).startsAtMs === fromMs && dayOf(lastAskedMs, timeZone).endsAtMs === toMs;
  const isFine = spanMs <= 3 * HOUR_MS && isRecent('minute');
  const byHour: Level = spanMs <= 8 * DAY_MS && isRecent('hour') && !isDays ? 'hour' : 'day';
  const level: Level = isFine && !isDays ? 'minute' : byHour;
  const firstMs = startOf(level, Math.max(fromMs, nowMs - KEPT_MS.day), timeZone);
  const lastMs = startOf(level, Math.max(firstMs, endMs - 1), timeZone);
  const lastEndMs =
    level === 'day' ? dayOf(lastMs, timeZone).endsAtMs : lastMs + (level === 'hour' ? HOUR_MS : MINUTE_MS);
  return { level, fromMs: firstMs, toMs: lastEndMs };
}
