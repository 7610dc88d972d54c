import type { Command } from 'commander';
import { userInfo } from 'node:os';
import type { AlertList } from '../operations/alert-operations.ts';
import { isoTime } from '../report/log-fields.ts';
import { addCommand, addGroup, type Registry } from './cli.ts';
import { json, printable, table } from './output.ts';
import { withOperations } from './reach.ts';

/** `relevo alert …` */
export function addAlerts(program: Command, registry: Registry): void {
  const group = addGroup(program, 'alert', 'what is wrong now, and who is told of it');
  addCommand(group, registry, {
    usage: 'list',
    summary: 'alerts in force, and those that are over',
    json: true,
    run: async (cli, { options, where }) => {
      const list = await withOperations(cli, where, (operations) => operations.alertList());
      cli.terminal.out(options.json === true ? json(list) : listText(list));
      return list.alerts.some(({ severity }) => severity !== 'info') ? 1 : 0;
    },
  });
  addCommand(group, registry, {
    usage: 'acknowledge <name>',
    summary: 'tell nobody of it any more until it is over',
    json: true,
    run: async (cli, { args: [given], options, where }) => {
      const name = String(given);
      const { changed, known } = await withOperations(cli, where, (operations) =>
        operations.acknowledgeAlert({ name, by: whoAmI() }),
      );
      if (known === 0) {
        cli.terminal.err(`relevo: no alert ${printable(name)} is in force: relevo alert list\n`);
        return 1;
      }
      const text = changed > 0 ? `Nobody is told of ${name} until it is over.` : `${name} was acknowledged already.`;
      cli.terminal.out(options.json === true ? json({ name, changed }) : `${printable(text)}\n`);
      return 0;
    },
  });
  addCommand(group, registry, {
    usage: 'test',
    summary: 'send a test notice to everybody whom the policy names',
    json: true,
    run: async (cli, { options, where }) => {
      const destinations = await withOperations(cli, where, (operations) => operations.testAlerts());
      const lines = destinations.map(({ to, kind, problem }) => {
        const well = kind === 'mail' ? 'queued' : 'taken';
        return `${printable(to)}: ${problem === null ? well : `failed: ${printable(problem)}`}\n`;
      });
      const text = lines.length === 0 ? 'The policy names nobody: alerts.to.\n' : lines.join('');
      cli.terminal.out(options.json === true ? json({ destinations }) : text);
      return destinations.length === 0 || destinations.some(({ problem }) => problem !== null) ? 1 : 0;
    },
  });
}

function whoAmI(): string {
  try {
    return `${userInfo().username} (command line)`;
  } catch {
    return 'command line';
  }
}

function listText({ alerts, past }: AlertList): string {
  const now =
    alerts.length === 0
      ? 'No alert is in force.\n'
      : table(
          ['ALERT', 'SEVERITY', 'SINCE', 'TOLD', 'WHAT'],
          alerts.map(({ name, node, severity, sinceMs, toldAtMs, acknowledged, text }) => [
            `${name}${node === null ? '' : `@${node}`}`,
            severity,
            isoTime(sinceMs),
            acknowledged !== null ? `seen by ${acknowledged.by}` : toldAtMs === null ? 'not yet' : isoTime(toldAtMs),
            text,
          ]),
        );
  if (past.length === 0) return now;
  const rows = past
    .slice(0, 20)
    .map(({ name, sinceMs, overAtMs, text }) => [name, isoTime(sinceMs), isoTime(overAtMs), text]);
  return `${now}\nOver:\n${table(['ALERT', 'FROM', 'UNTIL', 'WHAT'], rows)}`;
}
