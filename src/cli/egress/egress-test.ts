import type { Command } from 'commander';
import { isUsable } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Look } from '../../routing/listing-course.ts';
import { canSendFrom, systemDial } from '../../system.ts';
import { addCommand, addGroup, UsageError, type Cli, type Registry } from '../cli.ts';
import { connectControl } from '../../control/client.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { targetOf, type ExitStatus } from '../../operations/exits/exit-status.ts';
import { type EgressTried, isWell, tryEgress } from '../../operations/exits/try-egress.ts';
import { isTrial, runTrial, type TrialOptions } from './trial-run.ts';
import { json, printable } from '../output.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';

const HELP = `
From this machine, by the policy file, without a running relay; nothing changes for one that runs. Without --to no mail is
sent. Without a name: every exit in use. Exit code 1 when one does not work, one of its keys is refused, an address is listed, or the message was not
delivered. With --to the exits are used as they are, whatever their limits have left: a message of its own is signed, sent
and waited for, a minute at most; with --failover one exit is made unreachable for it, and it has to leave by another.`;

/** `relevo egress test` */
export function addEgressTest(program: Command, registry: Registry): void {
  const group =
    program.commands.find((command) => command.name() === 'egress') ?? addGroup(program, 'egress', 'look at the exits');
  addCommand<TrialOptions>(group, registry, {
    usage: 'test [name]',
    summary:
      'see now whether exits work: connect, TLS, EHLO, AUTH, keys, accounts, and whether blocklists have their addresses',
    json: true,
    shape: (command) =>
      command
        .option('--to <address>', 'send one message there, by that exit or by the route that it has')
        .option('--from <address>', 'its sender (default: the postmaster of the policy)')
        .option('--failover', 'with --to: as if that exit, or the first of the route, could not be reached')
        .addHelpText('after', HELP),
    run: async (cli, { args: [name], options, where }) => {
      const loaded = loadPolicyFile(cli, where);
      if (loaded.kind === 'refused') {
        cli.terminal.err(`relevo: the policy cannot be read:\n  ${loaded.problems.join('\n  ')}\n`);
        return 1;
      }
      const egress = typeof name === 'string' ? name : null;
      const names = namesOf(loaded.policy, egress);
      if (isTrial(options)) return runTrial(cli, loaded.policy, { ...options, egress });
      const differs = await differences(where, loaded, names);
      const tested = await Promise.all(names.map((egress) => testOf(cli, loaded.policy, egress)));
      cli.terminal.out(
        options.json === true
          ? json({ exits: tested, differs })
          : [...differs.map((line) => `${line}\n`), ...tested.map(textOf)].join('') || 'No exit is in use.\n',
      );
      return tested.every(isWell) ? 0 : 1;
    },
  });
}

/** In what the relay that runs, with a policy and an environment of its own, would ask others than this command does; empty: in nothing, or none runs. */
async function differences(
  { dataFolder }: Where,
  { policy, version }: { readonly policy: Policy; readonly version: string },
  names: readonly string[],
): Promise<string[]> {
  const connection = await connectControl(dataFolder);
  if (connection.kind !== 'connected') return [];
  const { operations } = connection;
  const [status, exits] = await Promise.all([
    operations.status().catch(() => null),
    operations.exits().catch((): readonly ExitStatus[] => []),
  ]);
  const lines: string[] = [];
  if (status !== null && status.policyVersion !== version)
    lines.push(
      `The running relay has another policy in force (${status.policyVersion}, the file is ${version}): it may fare otherwise.`,
    );
  for (const { egress, target } of exits) {
    const here = policy.egress[egress];
    if (!names.includes(egress) || here === undefined || targetOf(here) === target) continue;
    lines.push(
      `${egress}: the running relay sends to ${target ?? 'no one server'}, this shell has ${targetOf(here) ?? 'none'}: its environment is another.`,
    );
  }
  return lines;
}

function namesOf(policy: Policy, name: string | null): readonly string[] {
  if (name === null) return Object.keys(policy.egress).filter((egress) => isUsable(policy, egress));
  if (!Object.hasOwn(policy.egress, name)) {
    throw new UsageError(`there is no exit "${name}": the policy has ${Object.keys(policy.egress).join(', ')}`);
  }
  return [name];
}

async function testOf(cli: Cli, policy: Policy, egress: string): Promise<EgressTried> {
  const { clock } = cli;
  return tryEgress({ policy, clock, dns: cli.dns(policy.dns.servers), dial: systemDial, canSendFrom }, egress);
}

function textOf({ egress, result, address, lists }: EgressTried): string {
  const lines = result.steps.map(({ stage, found }) => `${stage.padEnd(10)}${found}`.trimEnd());
  if (result.kind === 'failed') lines.push(`${result.stage.padEnd(10)}FAILED: ${result.cause}`);
  if (result.kind === 'ok' && lines.length === 0)
    lines.push('nothing to ask: the system picks the address that it leaves from');
  lines.push(
    ...lists.map(
      ({ zone, verdict, text }) => `${zone}: ${address} is ${verdictText(verdict)}${text === '' ? '' : ` (${text})`}`,
    ),
  );
  const state = result.kind === 'ok' ? `works (${result.tookMs} ms)` : 'does not work';
  return `${egress} ${state}\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`;
}

function verdictText(verdict: Look['verdict']): string {
  switch (verdict.kind) {
    case 'listed':
      return `LISTED: ${verdict.words}`;
    case 'clean':
      return verdict.noted === '' ? 'not listed' : `in ${verdict.noted}, which closes nothing`;
    case 'unknown':
      return `not known to be listed or not: ${verdict.cause}`;
  }
}
