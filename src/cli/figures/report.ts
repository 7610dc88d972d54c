import type { Command } from 'commander';
import { bouncesCsv, bounceReport, costsCsv, trafficCsv, trafficReport } from '../../operations/figures/reports.ts';
import type { Operations } from '../../operations/operations.ts';
import { monthOf, startOfDay } from '../../policy/day.ts';
import { parseDurationMs } from '../../policy/units.ts';
import { addCommand, type Cli, type Registry, UsageError } from '../cli.ts';
import { costsText } from './cost-text.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { json } from '../output.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';
import { withOperations } from '../reach.ts';
import { addReportSend } from './report-send.ts';
import { bouncesText, trafficText } from './report-text.ts';

type ReportOptions = {
  readonly month?: string;
  readonly since?: string;
  readonly top?: string;
  readonly csv?: true;
};

/** A report in the forms in which it can be printed. */
type Printed = { readonly value: unknown; readonly csv: () => string; readonly text: () => string };

const DAY_MS = 86_400_000;
const USUAL_TOP = 20;

/** `relevo report bounces|costs|traffic` */
export function addReports(program: Command, registry: Registry): void {
  const group = program
    .command('report')
    .description('what passed, what bounced and why, what it cost; on the screen or by mail');
  addReport(group, registry, {
    name: 'traffic',
    summary: 'what came and what became of it, by exit, stream, client, destination and tag',
    make: async (operations, ask) => {
      const report = await trafficReport(operations, ask);
      return { value: report, csv: () => trafficCsv(report), text: () => trafficText(report) };
    },
  });
  addReport(group, registry, {
    name: 'bounces',
    summary: 'what bounced: of which kind, by whom, where, and what servers said',
    make: async (operations, ask) => {
      const report = await bounceReport(operations, ask);
      return { value: report, csv: () => bouncesCsv(report), text: () => bouncesText(report) };
    },
  });
  addCosts(group, registry);
  addReportSend(group, registry);
}

function addReport(
  group: Command,
  registry: Registry,
  of: {
    readonly name: string;
    readonly summary: string;
    readonly make: (
      operations: Operations,
      ask: { readonly fromMs: number; readonly toMs: number; readonly limit: number },
    ) => Promise<Printed>;
  },
): void {
  addCommand<ReportOptions>(group, registry, {
    usage: of.name,
    summary: of.summary,
    json: true,
    shape: (command) =>
      command
        .option('--month <month>', 'of that month, such as 2026-11')
        .option('--since <time>', 'of so long up to now, such as 24h or 7d (default: 30d)')
        .option('--top <count>', `so many rows of each table (default: ${USUAL_TOP})`)
        .option('--csv', 'print CSV'),
    run: async (cli, { options, where }) => {
      const ask = { ...stretchOf(cli, where, options), limit: topOf(options) };
      const printed = await withOperations(cli, where, (operations) => of.make(operations, ask));
      return print(cli, options, printed);
    },
  });
}

function addCosts(group: Command, registry: Registry): void {
  addCommand<Pick<ReportOptions, 'month' | 'csv'>>(group, registry, {
    usage: 'costs',
    summary: 'what a month cost, by exit, stream, client and tag, and what own servers saved',
    json: true,
    shape: (command) =>
      command
        .option('--month <month>', 'of that month, such as 2026-10 (default: this one)')
        .option('--csv', 'print CSV'),
    run: async (cli, { options, where }) => {
      const month = options.month === undefined ? null : monthName(options.month);
      const costs = await withOperations(cli, where, (operations) => operations.costs({ month }));
      const none = `Nothing in ${costs.month} has a price.\n`;
      const text = (): string => costsText(costs, cli.clock.nowMs()) || none;
      return print(cli, options, { value: costs, csv: () => costsCsv(costs), text });
    },
  });
}

function print(
  { terminal }: Cli,
  { csv, json: asJson }: { readonly csv?: true; readonly json?: true },
  printed: Printed,
): 0 {
  if (csv === true && asJson === true) throw new UsageError('--csv or --json, not both');
  terminal.out(csv === true ? printed.csv() : asJson === true ? json(printed.value) : printed.text());
  return 0;
}

function stretchOf(cli: Cli, where: Where, { month, since }: ReportOptions) {
  const nowMs = cli.clock.nowMs();
  if (month !== undefined && since !== undefined) throw new UsageError('--month or --since, not both');
  if (month === undefined) {
    const spanMs = since === undefined ? 30 * DAY_MS : parseDurationMs(since);
    if (spanMs === null) throw new UsageError(`--since ${since}: expected a time such as 24h or 7d`);
    return { fromMs: Math.max(0, nowMs - spanMs), toMs: nowMs + 1 };
  }
  const loaded = loadPolicyFile(cli, where);
  const zone = loaded.kind === 'refused' ? 'UTC' : loaded.policy.timeZone;
  const { startsAtMs, endsAtMs } = monthOf(startOfDay(`${monthName(month)}-01`, zone), zone);
  return { fromMs: startsAtMs, toMs: endsAtMs };
}

function monthName(text: string): string {
  if (/^20\d{2}-(?:0[1-9]|1[0-2])$/.test(text)) return text;
  throw new UsageError(`--month ${text}: expected a month such as 2026-11`);
}

function topOf({ top }: ReportOptions): number {
  if (top === undefined) return USUAL_TOP;
  const count = Number(top);
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count;
  throw new UsageError(`--top ${top}: expected a count from 1 to 1000`);
}
