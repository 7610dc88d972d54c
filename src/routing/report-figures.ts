/** What was said of the mail that exits took, as it is named and read among the tallies. Pure. */
import type { Count } from '../spool/tallies.ts';

/** Recipients by what was said of them, as often as it was; whoever opens a message twice counts twice. */
export const REPORT_KINDS = [
  'confirmed',
  'put-off',
  'bounced-later',
  'complained',
  'unsubscribed',
  'opened',
  'clicked',
] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];
export type Reports = Readonly<Record<ReportKind, number>>;

/** By days (UTC). */
export const REPORTS_BY_DAY = 'report-day:';

export function reportAccount(egress: string, kind: ReportKind): string {
  return `${REPORTS_BY_DAY}${encodeURIComponent(egress)}:${kind}`;
}

/** @returns the sums of an exit from `sinceMs` on; null: nothing was said of its mail */
export function sumReports(counts: readonly Count[], egress: string, sinceMs: number): Reports | null {
  const sums: Record<ReportKind, number> = {
    confirmed: 0,
    'put-off': 0,
    'bounced-later': 0,
    complained: 0,
    unsubscribed: 0,
    opened: 0,
    clicked: 0,
  };
  const kinds = new Map(REPORT_KINDS.map((kind) => [reportAccount(egress, kind), kind]));
  let isAny = false;
  for (const { account, startsAtMs, amount } of counts) {
    const kind = kinds.get(account);
    if (kind === undefined || startsAtMs < sinceMs) continue;
    sums[kind] += amount;
    isAny = true;
  }
  return isAny ? sums : null;
}
