import { resolve } from 'node:path';
import type { Command } from 'commander';
import { replayedFrom, simulate } from '../../routing/simulate.ts';
import type { PassedMessage } from '../../spool/traffic.ts';
import { addCommand, type Cli, type ExitCode, type Registry, UsageError } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { type Operations, OperationsError } from '../../operations/operations.ts';
import {
  HOUR_MS,
  SIMULATED_HOURS_MOST,
  simulationNotes,
  trafficPages,
} from '../../operations/simulate/simulate-policy.ts';
import { json, plural } from '../output.ts';
import { loadPolicyFile } from './policy-file.ts';
import { withOperations } from '../reach.ts';
import { simulationText } from './simulation-text.ts';

type Options = { readonly hours: string; readonly json?: true };

const MOST_HOURS = SIMULATED_HOURS_MOST;
/** Each takes about a kilobyte of memory here. */
const MOST_MESSAGES = 1_000_000;

/** `relevo policy simulate <file>` */
export function addSimulate(policy: Command, registry: Registry): void {
  addCommand<Options>(policy, registry, {
    usage: 'simulate <file>',
    summary: 'what another policy would have made of the mail of the last hours',
    json: true,
    shape: (command) =>
      command
        .option('--hours <n>', `of how many hours, 1 to ${MOST_HOURS}`, '24')
        .addHelpText(
          'after',
          '\nReplays what the store has of these hours under the policy in force and under <file>, each by itself and in the same\nway, and changes nothing. Exit code 1 when <file> would be refused. docs/routing.md says what is replayed.',
        ),
    run: (cli, { args, options, where }) =>
      simulateFile(cli, { where, file: resolve(cli.cwd, String(args[0])), options }),
  });
}

async function simulateFile(
  cli: Cli,
  { where, file, options }: { readonly where: Where; readonly file: string; readonly options: Options },
): Promise<ExitCode> {
  const hours = parseHours(options.hours);
  const { terminal } = cli;
  const candidate = loadPolicyFile(cli, { ...where, policyFile: file });
  if (candidate.kind === 'refused') {
    if (options.json === true) terminal.out(json({ file, valid: false, problems: candidate.problems }));
    else terminal.out(`${candidate.problems.join('\n')}\n${plural(candidate.problems.length, 'problem')}.\n`);
    return 1;
  }
  const inForce = loadPolicyFile(cli, where);
  if (inForce.kind === 'refused')
    throw new OperationsError(`the policy in force cannot be read:\n  ${inForce.problems.join('\n  ')}`);
  const untilMs = cli.clock.nowMs();
  const sinceMs = untilMs - hours * HOUR_MS;
  const policies = [inForce.policy, candidate.policy];
  const { messages, pasts, running } = await withOperations(cli, where, async (operations) => ({
    messages: await readTraffic(operations, replayedFrom(policies, sinceMs)),
    pasts: new Map(Object.entries(await operations.exitPasts())),
    running: (await operations.status())?.policyVersion ?? null,
  }));
  const ask = { messages, sinceMs, untilMs, inForce: inForce.policy, candidate: candidate.policy, pasts };
  const simulation = simulate(ask);
  const notes = [
    ...(running === null || running === inForce.version
      ? []
      : [
          `the running relay has version ${running} in force, and the policy file is ${inForce.version}: that was replayed`,
        ]),
    ...simulationNotes(ask, simulation),
  ];
  const { warnings } = candidate;
  terminal.out(
    options.json === true
      ? json({ file, valid: true, warnings, ...simulation, notes })
      : simulationText(simulation, [...warnings, ...notes]),
  );
  return 0;
}

function parseHours(text: string): number {
  const hours = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (hours < 1 || hours > MOST_HOURS) throw new UsageError(`--hours ${text}: give a number from 1 to ${MOST_HOURS}`);
  return hours;
}

/** A message that came twice is as it came last. */
async function readTraffic(operations: Operations, sinceMs: number): Promise<readonly PassedMessage[]> {
  const messages = new Map<string, PassedMessage>();
  for await (const page of trafficPages(operations, { sinceMs, mostMessages: MOST_MESSAGES }))
    for (const message of page) messages.set(message.id, message);
  return [...messages.values()];
}
