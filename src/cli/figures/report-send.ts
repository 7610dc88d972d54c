import type { Command } from 'commander';
import { parseMailbox } from '../../message/address.ts';
import { REPORT_TO_MOST, type SendReportAsk } from '../../operations/figures/report-operations.ts';
import { addCommand, type Registry, UsageError } from '../cli.ts';
import { json, printable } from '../output.ts';
import { withOperations } from '../reach.ts';

const PERIODS = { daily: 'day', weekly: 'week', monthly: 'month' } as const;

/** `relevo report send` */
export function addReportSend(group: Command, registry: Registry): void {
  addCommand<{ readonly to?: readonly string[] }>(group, registry, {
    usage: 'send [period]',
    summary: 'send the report of the last day, week or month by mail now: daily, weekly or monthly',
    json: true,
    shape: (command) =>
      command.option('--to <address...>', 'to these addresses (default: whom the policy names for such reports)'),
    run: async (cli, { args: [period], options, where }) => {
      const ask = { every: everyOf(period as string | undefined), to: addressesOf(options.to) };
      const sent = await withOperations(cli, where, (operations) => operations.sendReport(ask));
      const lines = sent.map(
        ({ period: title, to, messageId }) => `${printable(to)}: ${title}, queued as ${messageId}\n`,
      );
      cli.terminal.out(options.json === true ? json({ sent }) : lines.join(''));
      return 0;
    },
  });
}

function everyOf(period: string | undefined): SendReportAsk['every'] {
  if (period === undefined) return null;
  const every = Object.entries(PERIODS).find(([name]) => name === period)?.[1];
  if (every === undefined) throw new UsageError(`${period}: expected daily, weekly or monthly`);
  return every;
}

function addressesOf(to: readonly string[] | undefined): SendReportAsk['to'] {
  if (to === undefined) return null;
  const odd = to.find((address) => parseMailbox(address) === null);
  if (odd !== undefined) throw new UsageError(`--to ${odd}: expected an address such as boss@example.com`);
  if (to.length > REPORT_TO_MOST) throw new UsageError(`--to: at most ${REPORT_TO_MOST} addresses at once`);
  return to;
}
