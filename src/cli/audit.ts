import type { Command } from 'commander';
import { FINAL_STATES } from '../message/outcome.ts';
import type { AuditReport } from '../spool/spool.ts';
import { addCommand, type Registry } from './cli.ts';
import { json, plural, printable } from './output.ts';
import { withOperations } from './reach.ts';

/** `relevo audit` */
export function addAudit(program: Command, registry: Registry): void {
  addCommand(program, registry, {
    usage: 'audit',
    summary: 'prove that every accepted recipient was delivered, given up or is still queued',
    json: true,
    shape: (command) => command.addHelpText('after', '\nExit code 1 when the proof does not hold.'),
    run: async (cli, { options, where }) => {
      const report = await withOperations(cli, where, (operations) => operations.audit());
      const holds = report.violations.length === 0;
      cli.terminal.out(options.json === true ? json({ holds, ...report }) : auditText(report, holds));
      return holds ? 0 : 1;
    },
  });
}

function auditText(report: AuditReport, holds: boolean): string {
  const lines = [
    ['accepted', report.accepted],
    ...FINAL_STATES.map((state): [string, number] => [state, report.finished[state]]),
    ['still queued', report.queued],
  ] as const;
  const width = Math.max(...lines.map(([, count]) => String(count).length));
  const figures = lines.map(
    ([name, count], at) => `${at === 0 ? ' ' : at === 1 ? '=' : '+'} ${String(count).padStart(width)} ${name}`,
  );
  const violations = report.violations.map(
    ({ messageId, recipient, problem }) => `  ${messageId} ${printable(recipient)}: ${problem}`,
  );
  return [
    `${plural(report.messages, 'message')}; recipients:`,
    ...figures,
    holds
      ? 'The sum holds for every recipient.'
      : `The sum does not hold for ${plural(violations.length, 'recipient')}:`,
    ...violations,
    `At most ${plural(report.possibleDuplicates, 'copy')} may have been delivered twice.`,
    '',
  ].join('\n');
}
