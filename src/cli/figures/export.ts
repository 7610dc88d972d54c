import type { Command } from 'commander';
import { FIGURES } from '../../report/rollups/figures.ts';
import { type Dimension, DIMENSIONS } from '../../report/rollups/stretch.ts';
import { csvLine } from '../../report/csv.ts';
import { isoTime } from '../../report/log-fields.ts';
import type { Operations } from '../../operations/operations.ts';
import { dayOf } from '../../policy/day.ts';
import { parseDurationMs } from '../../policy/units.ts';
import type { PassedMessage, TrafficPage } from '../../spool/traffic.ts';
import { addCommand, type Cli, type Registry, UsageError } from '../cli.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';
import { withOperations } from '../reach.ts';

type ExportOptions = {
  readonly since?: string;
  readonly by?: string;
  readonly step?: string;
  readonly csv?: true;
  readonly json?: true;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NAMES_MOST = 1_000;

/** `relevo export figures|messages`: as much as there is, a page at a time. */
export function addExports(program: Command, registry: Registry): void {
  const group = program.command('export').description('figures and messages for other programs, as lines');
  addFigures(group, registry);
  addMessages(group, registry);
}

function addFigures(group: Command, registry: Registry): void {
  addCommand<ExportOptions>(group, registry, {
    usage: 'figures',
    summary: 'figures of the mail over time: a line for each stretch and name, JSON or CSV',
    shape: (command) =>
      command
        .option('--by <what>', `one of ${DIMENSIONS.join(', ')}`, 'all')
        .option('--step <step>', '1h (kept for 90 days) or 1d (400 days)', '1d')
        .option('--since <time>', 'of so long up to now (default: 30d)')
        .option('--csv', 'CSV in place of JSON lines')
        .option('--json', 'JSON lines, as without it'),
    run: async (cli, { options, where }) => {
      notBoth(options);
      const by = DIMENSIONS.find((one) => one === options.by);
      if (by === undefined) throw new UsageError(`--by ${options.by}: expected one of ${DIMENSIONS.join(', ')}`);
      if (options.step !== '1h' && options.step !== '1d') throw new UsageError('--step: expected 1h or 1d');
      const loaded = loadPolicyFile(cli, where);
      const zone = loaded.kind === 'refused' ? 'UTC' : loaded.policy.timeZone;
      const of = { by, isByHour: options.step === '1h', sinceMs: sinceOf(cli, options), zone };
      await withOperations(cli, where, (operations) => writeFigures(cli, operations, { ...of, options }));
      return 0;
    },
  });
}

async function writeFigures(
  { terminal, clock }: Cli,
  operations: Operations,
  of: {
    readonly by: Dimension;
    readonly isByHour: boolean;
    readonly sinceMs: number;
    readonly zone: string;
    readonly options: ExportOptions;
  },
): Promise<void> {
  const isCsv = of.options.csv === true;
  if (isCsv) terminal.out(csvLine(['time', 'by', 'name', ...FIGURES]));
  const nowMs = clock.nowMs();
  const endOf = (startsAtMs: number): number =>
    of.isByHour ? startsAtMs + HOUR_MS : dayOf(startsAtMs, of.zone).endsAtMs;
  let startsAtMs = of.isByHour ? Math.floor(of.sinceMs / HOUR_MS) * HOUR_MS : dayOf(of.sinceMs, of.zone).startsAtMs;
  for (; startsAtMs <= nowMs; startsAtMs = endOf(startsAtMs)) {
    const toMs = endOf(startsAtMs);
    const { rows } = await operations.table({ by: of.by, fromMs: startsAtMs, toMs, limit: NAMES_MOST });
    const time = isoTime(startsAtMs);
    for (const { name, isRest, figures } of rows) {
      const line = isCsv
        ? csvLine([time, of.by, name, ...FIGURES.map((figure) => figures[figure])])
        : `${JSON.stringify({ time, by: of.by, name, isRest, ...figures })}\n`;
      terminal.out(line);
    }
  }
}

function addMessages(group: Command, registry: Registry): void {
  addCommand<ExportOptions>(group, registry, {
    usage: 'messages',
    summary: 'messages and where each delivery is: a line for each message (JSON) or delivery (CSV)',
    shape: (command) =>
      command
        .option('--since <time>', 'received within so long up to now (default: 30d)')
        .option('--csv', 'CSV in place of JSON lines')
        .option('--json', 'JSON lines, as without it')
        .addHelpText(
          'after',
          '\nIn no order; a message that ends meanwhile may come twice, and is then as it came last.',
        ),
    run: async (cli, { options, where }) => {
      notBoth(options);
      const sinceMs = sinceOf(cli, options);
      await withOperations(cli, where, (operations) => writeMessages(cli, operations, { sinceMs, options }));
      return 0;
    },
  });
}

const MESSAGE_COLUMNS = ['id', 'received', 'client', 'stream', 'priority', 'sender', 'tag', 'bytes'];
const DELIVERY_COLUMNS = ['delivery', 'domain', 'recipients', 'exit', 'host', 'attempts', 'state', 'ended'];

async function writeMessages(
  { terminal }: Cli,
  operations: Operations,
  { sinceMs, options }: { readonly sinceMs: number; readonly options: ExportOptions },
): Promise<void> {
  const isCsv = options.csv === true;
  if (isCsv) terminal.out(csvLine([...MESSAGE_COLUMNS, ...DELIVERY_COLUMNS]));
  for (let after: string | null = null; ;) {
    const page: TrafficPage = await operations.traffic({ sinceMs, after });
    for (const message of page.messages)
      terminal.out(
        isCsv ? csvOf(message) : `${JSON.stringify({ ...message, receivedAt: isoTime(message.receivedAtMs) })}\n`,
      );
    if (page.next === null) return;
    after = page.next;
  }
}

function csvOf(message: PassedMessage): string {
  const { id, receivedAtMs, client, stream, priority, sender, tag, sizeBytes, deliveries } = message;
  const head = [id, isoTime(receivedAtMs), client, stream, priority, sender, tag, sizeBytes];
  return deliveries
    .map(({ id: delivery, domain, recipients, egress, host, attempts, end, endedAtMs }) =>
      csvLine([...head, delivery, domain, recipients, egress, host, attempts, end ?? 'queued', timeText(endedAtMs)]),
    )
    .join('');
}

function timeText(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}

function notBoth({ csv, json }: ExportOptions): void {
  if (csv === true && json === true) throw new UsageError('--csv or --json, not both');
}

function sinceOf({ clock }: Cli, { since }: ExportOptions): number {
  const spanMs = since === undefined ? 30 * DAY_MS : parseDurationMs(since);
  if (spanMs === null) throw new UsageError(`--since ${since}: expected a time such as 24h or 7d`);
  return Math.max(0, clock.nowMs() - spanMs);
}
