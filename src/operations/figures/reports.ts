/** Reports of a stretch of time: what bounced and why, what passed, what it cost. Out of the figures; the same for pages, API and command line. */
import { BOUNCE_FIGURES, type Figure, FIGURES } from '../../report/rollups/figures.ts';
import { csvLine } from '../../report/csv.ts';
import type { Dimension } from '../../report/rollups/stretch.ts';
import type { MonthCosts } from '../../routing/cost-figures.ts';
import type { FigureOperations, TableAnswer, TableRow } from './figure-operations.ts';

/** By what the tables of a report are. */
export const REPORT_DIMENSIONS = [
  'exit',
  'stream',
  'client',
  'destination',
  'tag',
] as const satisfies readonly Dimension[];
export type ReportDimension = (typeof REPORT_DIMENSIONS)[number];

export type ReportAsk = {
  readonly fromMs: number;
  readonly toMs: number;
  /** Rows of each table that have a name of their own. */
  readonly limit: number;
};

export type TrafficReport = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly total: TableRow;
  readonly by: Readonly<Record<ReportDimension, readonly TableRow[]>>;
};

/** `reasons`: what servers said, without whom it was about. */
export type BounceReport = TrafficReport & { readonly reasons: readonly TableRow[] };

export async function trafficReport(figures: Pick<FigureOperations, 'table'>, ask: ReportAsk): Promise<TrafficReport> {
  const tables = new Map<ReportDimension, TableAnswer>();
  const read = REPORT_DIMENSIONS.map(async (by) => tables.set(by, await figures.table({ ...ask, by })));
  const [{ fromMs, toMs, total }] = await Promise.all([figures.table({ ...ask, by: 'all' }), ...read]);
  const rowsOf = (by: ReportDimension): readonly TableRow[] => tables.get(by)?.rows ?? [];
  return { fromMs, toMs, total, by: eachOf(rowsOf) };
}

/** Those with the most bounces first; names without any are left out. */
export async function bounceReport(figures: Pick<FigureOperations, 'table'>, ask: ReportAsk): Promise<BounceReport> {
  // By mail, names are ranked: those with the most bounces may be further down.
  const [all, reasons] = await Promise.all([
    trafficReport(figures, { ...ask, limit: 1_000 }),
    figures.table({ ...ask, by: 'reason' }),
  ]);
  const by = eachOf((one) => byBounces(all.by[one]).slice(0, ask.limit));
  return { ...all, by, reasons: byBounces(reasons.rows) };
}

function eachOf(rowsOf: (by: ReportDimension) => readonly TableRow[]): TrafficReport['by'] {
  return {
    exit: rowsOf('exit'),
    stream: rowsOf('stream'),
    client: rowsOf('client'),
    destination: rowsOf('destination'),
    tag: rowsOf('tag'),
  };
}

/** Those that have any, the most first. */
function byBounces(rows: readonly TableRow[]): readonly TableRow[] {
  return rows
    .filter((row) => bouncesOf(row) > 0)
    .toSorted((one, other) => Number(one.isRest) - Number(other.isRest) || bouncesOf(other) - bouncesOf(one));
}

/** Recipients that bounced, at once or after a server had taken the mail. */
export function bouncesOf({ figures }: Pick<TableRow, 'figures'>): number {
  return figures.bounced + figures.returned;
}

/** Of the recipients whose story ended by an answer, those that bounced, 0 to 1; null: none ended. */
export function bounceRateOf(row: Pick<TableRow, 'figures'>): number | null {
  const { delivered, bounced, expired } = row.figures;
  const ended = delivered + bounced + expired;
  return ended === 0 ? null : Math.min(1, bouncesOf(row) / ended);
}

const BOUNCE_COLUMNS = ['bounced', 'returned', ...BOUNCE_FIGURES, 'delivered', 'complained'] as const;

/** A line a name of each table. */
export function bouncesCsv(report: BounceReport): string {
  const rows = [...rowsOf(report), ...report.reasons.map((row) => ({ by: 'reason', row }))];
  const head = csvLine(['by', 'name', ...BOUNCE_COLUMNS, 'bounce_rate']);
  const lines = rows.map(({ by, row }) =>
    csvLine([by, row.name, ...BOUNCE_COLUMNS.map((figure) => row.figures[figure]), shareText(bounceRateOf(row))]),
  );
  return head + lines.join('');
}

/** A line a name, with all figures. */
export function trafficCsv(report: TrafficReport): string {
  const head = csvLine(['by', 'name', ...FIGURES, 'success', 'latency_p50_ms', 'latency_p95_ms', 'latency_p99_ms']);
  const lines = rowsOf(report).map(({ by, row }) => csvLine([by, row.name, ...cellsOf(row)]));
  return head + lines.join('');
}

function cellsOf({ figures, success, latencyMs }: TableRow): (string | number | null)[] {
  const sums = FIGURES.map((figure: Figure) => figures[figure]);
  return [...sums, shareText(success), latencyMs?.p50 ?? null, latencyMs?.p95 ?? null, latencyMs?.p99 ?? null];
}

function rowsOf({ total, by }: TrafficReport): readonly { readonly by: string; readonly row: TableRow }[] {
  const named = REPORT_DIMENSIONS.flatMap((dimension) => by[dimension].map((row) => ({ by: dimension, row })));
  return [{ by: 'all', row: total }, ...named];
}

function shareText(share: number | null): number | null {
  return share === null ? null : Number(share.toFixed(4));
}

/** A line for each exit, stream, client, tag, and for what own servers saved. */
export function costsCsv(costs: MonthCosts): string {
  const { month, exits, streams, clients, tags, savings } = costs;
  const lines = [
    csvLine(['month', 'by', 'name', 'count', 'currency', 'to_date', 'forecast', 'budget', 'budget_used']),
    ...exits.map(({ egress, count, currency, monthToDate, forecast, budget }) =>
      csvLine([
        month,
        'exit',
        egress,
        count,
        currency,
        monthToDate,
        forecast,
        budget?.amount ?? null,
        budget?.used ?? null,
      ]),
    ),
    ...Object.entries({ stream: streams, client: clients, tag: tags }).flatMap(([by, shares]) =>
      shares.map(({ name, count, currency, monthToDate }) =>
        csvLine([month, by, name, count, currency, monthToDate, null, null, null]),
      ),
    ),
    ...savings.map(({ currency, count, saved, forecast }) =>
      csvLine([month, 'saved', 'own servers', count, currency, saved, forecast, null, null]),
    ),
  ];
  return lines.join('');
}
