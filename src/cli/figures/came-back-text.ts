/** What was said of mail that exits had taken, as people read it. Pure. */
import type { ExitStats } from '../../access/relay-stats.ts';
import { REPORT_KINDS } from '../../routing/report-figures.ts';
import { table } from '../output.ts';

/** '' where nothing was said. */
export function reportsText(exits: readonly Pick<ExitStats, 'egress' | 'reported'>[]): string {
  const rows = exits.flatMap(({ egress, reported }) =>
    reported === null ? [] : [[egress, ...REPORT_KINDS.map((kind) => String(reported[kind]))]],
  );
  if (rows.length === 0) return '';
  const header = ['REPORTED IN 30 DAYS', ...REPORT_KINDS.map((kind) => kind.replace('-', ' ').toUpperCase())];
  return table(header, rows);
}
