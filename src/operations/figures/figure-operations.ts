/** What operators may ask of the figures that a relay keeps of its mail: series for charts, tables, reports. */
import type { Figure, Figures, Latency } from '../../report/rollups/figures.ts';
import type { Dimension } from '../../report/rollups/stretch.ts';
import type { MonthCosts } from '../../routing/cost-figures.ts';
import { OperationsError } from '../operations.ts';

/** Beside sums: the share of recipients reached (0 to 1), times from acceptance to delivery (ms), what waited. */
export const OTHER_FIGURES = ['success', 'p50', 'p95', 'p99', 'queue', 'queueMax', 'oldest'] as const;
export type SeriesFigure = Figure | (typeof OTHER_FIGURES)[number];

export const STEPS_MS = [60_000, 600_000, 3_600_000, 86_400_000] as const;
/** A series has at most so many points, and an answer so many series. */
export const POINTS_AT_MOST = 3_000;
export const SERIES_AT_MOST = 25;

export type SeriesAsk = {
  /** From 1 to 8. `queue`, `queueMax` (deliveries) and `oldest` (ms) are known of `all` only. */
  readonly what: readonly SeriesFigure[];
  readonly by: Dimension;
  /** Only those; null: the greatest by the first figure, and all others as one. */
  readonly names: readonly string[] | null;
  readonly fromMs: number;
  readonly toMs: number;
  /** One of `STEPS_MS`; null: as fits the stretch. Minutes are kept for 48 hours, hours for 90 days, days for 400. */
  readonly stepMs: number | null;
};

/** A name and a figure; `isRest`: all names that have no series of their own. */
export type FigureSeries = {
  readonly name: string;
  readonly isRest: boolean;
  readonly figure: SeriesFigure;
  /** One for each of `times`. Sums are 0 where nothing happened; null: nothing can be said. */
  readonly values: readonly (number | null)[];
};

export type SeriesAnswer = {
  readonly stepMs: number;
  /** Starts of the stretches, seconds since 1970, rising. A day is one of the policy's time zone. */
  readonly times: readonly number[];
  readonly series: readonly FigureSeries[];
};

export type TableAsk = {
  readonly by: Dimension;
  readonly fromMs: number;
  readonly toMs: number;
  /** Rows with a name of their own, at most 1,000. */
  readonly limit: number;
};

export type TableRow = {
  readonly name: string;
  readonly isRest: boolean;
  readonly figures: Figures;
  /** 0 to 1; null: nothing ended. */
  readonly success: number | null;
  readonly latencyMs: Latency | null;
};

/** Whole stretches: `fromMs` and `toMs` are what was summed. */
export type TableAnswer = {
  readonly fromMs: number;
  readonly toMs: number;
  /** The greatest first; what remains is last. */
  readonly rows: readonly TableRow[];
  /** Of the whole relay. */
  readonly total: TableRow;
};

/** All methods may reject with `SpoolError`, or with `OperationsError` for what is not known. */
export type FigureOperations = {
  series(ask: SeriesAsk): Promise<SeriesAnswer>;
  table(ask: TableAsk): Promise<TableAnswer>;
  /** What a month of the policy's time zone cost. @param ask.month `2026-11`; null: this one, with what it comes to */
  costs(ask: { readonly month: string | null }): Promise<MonthCosts>;
};

/** Of who has no figures: whoever asks is told so. */
export const NO_FIGURES: FigureOperations = { series: unknown, table: unknown, costs: unknown };

function unknown(): Promise<never> {
  return Promise.reject(new OperationsError('the figures are not known here'));
}
