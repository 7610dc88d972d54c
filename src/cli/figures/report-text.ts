/** Reports as people read them. */
import type { TableRow } from '../../operations/figures/figure-operations.ts';
import {
  bounceRateOf,
  type BounceReport,
  bouncesOf,
  REPORT_DIMENSIONS,
  type TrafficReport,
} from '../../operations/figures/reports.ts';
import { formatAge } from '../../policy/units.ts';
import { BOUNCE_FIGURES } from '../../report/rollups/figures.ts';
import { cut, printable, table } from '../output.ts';

const LONGEST_NAME = 40;
const LONGEST_REASON = 100;

/** A table for each kind of name. */
export function trafficText(report: TrafficReport): string {
  const tables = REPORT_DIMENSIONS.flatMap((by) => {
    const rows = report.by[by];
    return rows.length === 0 ? [] : [trafficTable(by.toUpperCase(), rows, by === 'exit')];
  });
  return [spanText(report), trafficTable('ALL', [report.total]), ...tables].join('\n');
}

/** @param isExits mail is not accepted by an exit */
function trafficTable(title: string, rows: readonly TableRow[], isExits = false): string {
  const header = [
    title,
    'ACCEPTED',
    'RECIPIENTS',
    'DELIVERED',
    'DEFERRED',
    'BOUNCED',
    'EXPIRED',
    'SUCCESS',
    '95 % WITHIN',
  ];
  return table(
    header,
    rows.map((row) => {
      const { accepted, recipients, delivered, deferred, expired } = row.figures;
      const came = isExits ? ['-', '-'] : [String(accepted), String(recipients)];
      const figures = [...came, ...[delivered, deferred, bouncesOf(row), expired].map(String)];
      return [
        nameOf(row),
        ...figures,
        shareText(row.success),
        row.latencyMs === null ? '-' : formatAge(row.latencyMs.p95),
      ];
    }),
  );
}

/** With `Nothing bounced.` where nothing did. */
export function bouncesText(report: BounceReport): string {
  if (bouncesOf(report.total) === 0) return `${spanText(report)}Nothing bounced.\n`;
  const tables = REPORT_DIMENSIONS.flatMap((by) => {
    const rows = report.by[by];
    return rows.length === 0 ? [] : [bounceTable(by.toUpperCase(), rows)];
  });
  const reasons = table(
    ['RECIPIENTS', 'SERVERS SAID'],
    report.reasons.map((row) => [String(bouncesOf(row)), printable(cut(row.name, LONGEST_REASON))]),
  );
  return [spanText(report), bounceTable('ALL', [report.total]), ...tables, reasons].join('\n');
}

function bounceTable(title: string, rows: readonly TableRow[]): string {
  return table(
    [title, 'BOUNCED', 'LATER', ...BOUNCE_FIGURES.map((kind) => HEADS[kind]), 'RATE'],
    rows.map((row) => {
      const { bounced, returned } = row.figures;
      const kinds = BOUNCE_FIGURES.map((kind) => String(row.figures[kind]));
      return [nameOf(row), String(bounced), String(returned), ...kinds, shareText(bounceRateOf(row))];
    }),
  );
}

const HEADS = {
  hard: 'HARD',
  soft: 'SOFT',
  block: 'BLOCK',
  mailboxFull: 'FULL',
  unknownUser: 'UNKNOWN',
  policy: 'POLICY',
} as const satisfies Record<(typeof BOUNCE_FIGURES)[number], string>;

function nameOf({ name, isRest }: TableRow): string {
  return isRest ? '(others)' : printable(cut(name, LONGEST_NAME));
}

function shareText(share: number | null): string {
  return share === null ? '-' : `${(100 * share).toFixed(1)} %`;
}

function spanText({ fromMs, toMs }: TrafficReport): string {
  return `From ${timeText(fromMs)} to ${timeText(toMs)} UTC.\n`;
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
}
