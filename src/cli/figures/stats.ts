import type { Command } from 'commander';
import type { ExitStats, RelayStats } from '../../access/relay-stats.ts';
import { answersOf, type FlowKind, FLOW_KINDS } from '../../routing/outcome-figures.ts';
import { addCommand, type Registry } from '../cli.ts';
import { rateText, usedText } from '../egress/list.ts';
import { costsText } from './cost-text.ts';
import { closureLines, stateText } from '../egress/exit-text.ts';
import { json, plural, printable, table } from '../output.ts';
import { formatAge } from '../../policy/units.ts';
import { withOperations } from '../reach.ts';
import { reportsText } from './came-back-text.ts';

/** `relevo stats` */
export function addStats(program: Command, registry: Registry): void {
  addCommand(program, registry, {
    usage: 'stats',
    summary: 'what came of the mail, how each exit stands, and what might be done',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nMail is counted by recipients: what was accepted, and how often each thing came of it (a recipient may be deferred\nmany times). Of an exit the answers of servers are counted; SCORE is its reputation, 0 to 100 (docs/reputation.md).',
      ),
    run: async (cli, { options, where }) => {
      const stats = await withOperations(cli, where, (operations) => operations.stats());
      cli.terminal.out(options.json === true ? json(stats) : statsText(stats));
      return 0;
    },
  });
}

function statsText(stats: RelayStats): string {
  const costs = costsText(stats.costs, stats.atMs);
  const parts = [
    flowsText(stats),
    exitsText(stats),
    ...[reportsText(stats.exits), costs].filter((text) => text !== ''),
    adviceText(stats),
    alertsText(stats),
  ];
  return parts.join('\n');
}

/** Shown even where nothing came of it; the others only where something did. */
const ALWAYS: ReadonlySet<FlowKind> = new Set(['accepted', 'delivered', 'deferred', 'bounced']);

function flowsText({ today, week, month, queue, atMs }: RelayStats): string {
  const kinds = FLOW_KINDS.filter((kind) => ALWAYS.has(kind) || month[kind] > 0);
  const rows = kinds.map((kind) => [kind, String(today[kind]), String(week[kind]), String(month[kind])]);
  const { deliveries, oldestCreatedAtMs } = queue;
  const oldest = oldestCreatedAtMs === null ? '' : `, the oldest for ${formatAge(atMs - oldestCreatedAtMs)}`;
  const queued = deliveries === 0 ? 'Nothing is queued.' : `${plural(deliveries, 'delivery')} queued${oldest}.`;
  return `${table(['RECIPIENTS', 'TODAY', '7 DAYS', '30 DAYS'], rows)}${queued}\n`;
}

function exitsText({ exits, atMs, alerts }: RelayStats): string {
  if (exits.length === 0) return 'The policy has no exit in use.\n';
  const header = [
    'EXIT',
    'STATE',
    'SCORE',
    'DELIVERED',
    'ANSWERS TODAY',
    '7 DAYS',
    'LIMIT TODAY',
    'RATE',
    'CONN.',
    'WARM-UP',
    'COST MONTH',
  ];
  const rows = exits.map((exit) => [
    exit.egress,
    stateText({ ...exit, isRunning: alerts !== null }),
    String(exit.score),
    exit.successRate === null ? '-' : `${(100 * exit.successRate).toFixed(1)} %`,
    String(answersOf(exit.today)),
    String(answersOf(exit.week)),
    exit.limit === null ? '-' : `${exit.limit.used}/${exit.limit.limit}`,
    exit.limits === null || exit.limits === undefined ? '-' : rateText(exit.limits, atMs),
    usedText(exit.limits?.connections ?? null),
    warmupText(exit),
    exit.cost === null ? '-' : `${exit.cost.amount.toFixed(2)} ${exit.cost.currency}`,
  ]);
  const closed = exits.flatMap(({ egress, closures }) => closureLines(egress, closures, atMs));
  return table(header, rows) + closed.join('');
}

function warmupText({ limit }: ExitStats): string {
  const warmup = limit?.warmup ?? null;
  return warmup === null ? '-' : `day ${warmup.day} of ${warmup.days}`;
}

function adviceText({ advice }: RelayStats): string {
  if (advice.length === 0) return 'No recommendations.\n';
  return `Recommendations:\n${advice.map(({ text }) => `  ${printable(text)}\n`).join('')}`;
}

function alertsText({ alerts, atMs }: RelayStats): string {
  if (alerts === null) return 'No relay is running.\n';
  if (alerts.length === 0) return 'No alert is in force.\n';
  return `Alerts in force:\n${alerts.map(({ text, sinceMs }) => `  ${printable(text)} (for ${formatAge(atMs - sinceMs)})\n`).join('')}`;
}
