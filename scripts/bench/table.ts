/** All rows as one table in Markdown. */
import type { Row } from './figures.ts';

const COLUMNS: readonly (readonly [title: string, cell: (row: Row) => string])[] = [
  ['cell', (row) => row.cell],
  ['relay', (row) => row.peer],
  ['runs', (row) => String(row.runs)],
  ['messages/s', ({ figures }) => whole(figures.perSecond)],
  ['× Postfix + OpenDKIM', (row) => fixed(row.ratio, 2)],
  ['× Postfix unsigned', (row) => fixed(row.ratioUnsigned, 2)],
  ['CPU s / 1000', ({ figures }) => fixed(figures.cpuPer1000, 2)],
  ['RSS MB (shared once)', ({ figures }) => memory(figures.rssMb, figures.pssMb)],
  ['p50 / p99 ms', ({ figures }) => pair(figures.p50Ms, figures.p99Ms)],
  ['steal', ({ figures }) => fixed(figures.stealCores, 2)],
  ['notes', (row) => row.note ?? ''],
  ['conservation', (row) => (row.runs === 0 ? '' : (row.broken ?? 'holds'))],
];

/** A row that could not be measured says why. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = COLUMNS.map(([, cell]) => cell(row));
    if (row.missing !== undefined) cells[COLUMNS.length - 2] = `not measured: ${row.missing}`;
    return cells.map((text) => text.replaceAll('|', '\\|').replaceAll('\n', ' '));
  });
  const titles = COLUMNS.map(([title]) => title);
  const written = [titles, titles.map(() => '---'), ...lines];
  return written.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}

function whole(value: number | undefined): string {
  return value === undefined ? '' : Math.round(value).toLocaleString('en-US');
}

function memory(rss: number | undefined, pss: number | undefined): string {
  return rss === undefined ? '' : `${whole(rss)} (${whole(pss)})`;
}

function pair(low: number | undefined, high: number | undefined): string {
  if (low === undefined || high === undefined) return '';
  const digits = high < 100 ? 1 : 0;
  return `${low.toFixed(digits)} / ${high.toFixed(digits)}`;
}
