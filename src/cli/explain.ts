import type { Command } from 'commander';
import { addCommand, type Registry } from './cli.ts';
import type { Explanation } from './operations.ts';
import { formatAge, json, printable } from './output.ts';
import { parseId } from './queue-filter.ts';
import { withOperations } from './reach.ts';

/** `relevo explain ID` */
export function addExplain(program: Command, registry: Registry): void {
  addCommand(program, registry, {
    usage: 'explain <id>',
    summary: 'why a message, or one delivery of it, is not sent yet, and when it will be tried',
    json: true,
    run: async (cli, { args, options, where }) => {
      const id = parseId(String(args[0]));
      const explanations = await withOperations(cli, where, (operations) => operations.explain({ id }));
      if (explanations === null) {
        cli.terminal.err(`relevo: no message ${id} is known here\n`);
        return 1;
      }
      if (options.json === true) cli.terminal.out(json({ id, deliveries: explanations }));
      else if (explanations.length === 0)
        cli.terminal.out(`Nothing of it waits: \`relevo message ${id}\` tells how it ended.\n`);
      else cli.terminal.out(explanations.map((one) => explanationText(one, cli.clock.nowMs())).join('\n'));
      return 0;
    },
  });
}

function explanationText(one: Explanation, nowMs: number): string {
  const recipients = one.recipients.map(printable).join(' ');
  const lease =
    one.leasedUntilMs === null || one.leasedUntilMs < nowMs
      ? []
      : [`  the relay has it in hand (its lease runs ${formatAge(one.leasedUntilMs - nowMs)} more)`];
  return [
    `${one.deliveryId} to ${recipients} is ${one.state}`,
    ...lease,
    ...one.reasons.map((reason) => `  ${printable(reason)}`),
    '',
  ].join('\n');
}
