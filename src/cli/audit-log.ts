import type { Command } from 'commander';
import type { AuditEntry } from '../operations/audit-entry.ts';
import type { AuditPage } from '../operations/audit-log.ts';
import type { Operations } from '../operations/operations.ts';
import { isoTime } from '../report/log-fields.ts';
import { addCommand, type Registry, UsageError } from './cli.ts';
import { json, printable, table } from './output.ts';
import { withOperations } from './reach.ts';
import { timeBefore } from './time-option.ts';

type Options = {
  readonly who?: string;
  readonly what?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly before?: string;
};

const MOST = 10_000;
const PAGE = 1_000;

/** `relevo audit log` */
export function addAuditLog(program: Command, registry: Registry): void {
  const group = program.commands.find((command) => command.name() === 'audit') ?? program;
  // Both have --json and --policy: what follows `log` is its own.
  for (const command of [program, group]) command.enablePositionalOptions();
  addCommand<Options>(group, registry, {
    usage: 'log',
    summary: 'who changed what, and who was not let; the newest first',
    json: true,
    shape: (command) =>
      command
        .option('--who <name>', 'by that token or user; or token, user, operator, file')
        .option('--what <kind>', 'such as egress.pause, or token for all that is done to tokens')
        .option('--since <time>', 'from then on: 2026-11-22T08:00:00Z, or so long ago: 6h, 2d')
        .option('--until <time>', 'and before then')
        .option('--limit <count>', `at most so many, 1 to ${MOST}`, '50')
        .option('--before <id>', 'those before that entry: `next` of --json')
        .addHelpText('after', '\nKept for `audit.keep` of the policy.'),
    run: async (cli, { options, where }) => {
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
        throw new UsageError(`--limit: expected a number from 1 to ${MOST}`);
      const ask = {
        ...(options.who === undefined ? {} : { who: options.who }),
        ...(options.what === undefined ? {} : { what: options.what }),
        ...(options.since === undefined ? {} : { fromMs: timeBefore(cli, '--since', options.since) }),
        ...(options.until === undefined ? {} : { untilMs: timeBefore(cli, '--until', options.until) }),
      };
      const page = await withOperations(cli, where, (operations) =>
        pagesOf(operations, { ...ask, before: options.before ?? null }, limit),
      );
      cli.terminal.out(options.json === true ? json(page) : textOf(page));
      return 0;
    },
  });
}

type Ask = Omit<Parameters<Operations['auditLog']>[0], 'limit'>;

async function pagesOf(operations: Operations, ask: Ask, limit: number): Promise<AuditPage> {
  const entries: AuditEntry[] = [];
  let next = ask.before;
  do {
    const page = await operations.auditLog({ ...ask, before: next, limit: Math.min(PAGE, limit - entries.length) });
    entries.push(...page.entries);
    ({ next } = page);
  } while (next !== null && entries.length < limit);
  return { entries, next };
}

function textOf({ entries, next }: AuditPage): string {
  if (entries.length === 0) return 'There is nothing of the kind.\n';
  const rows = entries.map(({ atMs, actor, what, on, before, after }) => [
    isoTime(atMs),
    actor.kind === 'nobody' ? 'nobody known' : `${actor.kind} ${actor.name}`,
    actor.from,
    what,
    on,
    shortText(before) + (before === undefined || after === undefined ? '' : ' → ') + shortText(after),
  ]);
  const shown = table(
    ['WHEN', 'WHO', 'FROM', 'WHAT', 'ON', 'BEFORE → AFTER'],
    rows.map((row) => row.map(printable)),
  );
  return next === null ? shown : `${shown}There is more: --before ${next}\n`;
}

const LONGEST = 100;

function shortText(value: unknown): string {
  const text = value === undefined ? '' : JSON.stringify(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
