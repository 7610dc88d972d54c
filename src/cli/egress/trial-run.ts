/** `relevo egress test --to`: a message of its own, and what became of it. */
import { formatMailbox, parseMailbox } from '../../message/address.ts';
import type { AttemptRecord } from '../../message/event.ts';
import { formatReply } from '../../message/reply.ts';
import type { Policy } from '../../policy/schema.ts';
import { systemDial } from '../../system.ts';
import { type Cli, type ExitCode, UsageError } from '../cli.ts';
import { type Trial, tryMessage } from '../../operations/exits/trial.ts';
import { json, printable } from '../output.ts';

export type TrialOptions = { readonly to?: string; readonly from?: string; readonly failover?: true };

/** @throws UsageError for options that need `--to` */
export function isTrial({ to, from, failover }: TrialOptions): boolean {
  if (to === undefined && (failover === true || from !== undefined))
    throw new UsageError('--failover and --from are for a message: say --to <address> too');
  return to !== undefined;
}

/** @param ask `egress`: by this exit; null: by the route that such a message has */
export async function runTrial(
  cli: Cli,
  policy: Policy,
  ask: TrialOptions & { readonly egress: string | null; readonly json?: true },
): Promise<ExitCode> {
  const { to = '', from = policy.postmaster, failover = false, egress } = ask;
  const ports = { clock: cli.clock, random: cli.random, dns: cli.dns(policy.dns.servers), dial: systemDial };
  const addresses = { sender: addressOf('--from', from), recipient: addressOf('--to', to) };
  const result = await tryMessage({ policy, ...addresses, egress, failover }, ports);
  if (ask.json === true) cli.terminal.out(json(result));
  if (result.kind === 'refused') {
    if (ask.json !== true) cli.terminal.err(`relevo: the message was not sent: ${printable(result.why)}\n`);
    return 1;
  }
  if (ask.json !== true) cli.terminal.out(textOf(result.trial, addresses.recipient));
  return result.trial.state === 'delivered' ? 0 : 1;
}

function textOf({ route, broken, attempts, state, reply }: Trial, recipient: string): string {
  const how = broken === null ? '' : `, as if ${broken} could not be reached`;
  const last = attempts.at(-1);
  const end =
    state === 'delivered' && broken !== null
      ? `Failover works: it left by ${last?.egress ?? 'no exit'}.`
      : state === 'delivered'
        ? `It was delivered by ${last?.egress ?? 'no exit'}.`
        : `It was NOT delivered${state === null ? '' : ` (${state})`}: ${reply === null ? 'no exit took it in time' : formatReply(reply)}`;
  const lines = attempts.map(
    (attempt) => `  ${attempt.egress}: ${attempt.egress === broken ? 'made to fail: ' : ''}${tried(attempt)}`,
  );
  return [`To ${recipient} by the route ${route}${how}:`, ...lines, end].map((line) => `${printable(line)}\n`).join('');
}

function tried({ host, address, tls, reply, tookMs, providerId }: AttemptRecord): string {
  const peer =
    host === null
      ? ''
      : ` (${host}${address === null || address === host ? '' : ` ${address}`}, ${tls ?? 'clear text'})`;
  const id = providerId === undefined ? '' : `, there ${providerId}`;
  return `${formatReply(reply)}${peer}, ${tookMs} ms${id}`;
}

function addressOf(option: string, text: string): string {
  const mailbox = parseMailbox(text.replace(/^<(.*)>$/, '$1'));
  if (mailbox === null) throw new UsageError(`${option}: "${text}" is no address`);
  return formatMailbox(mailbox);
}
