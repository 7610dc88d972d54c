/** What `relevo init` prints: how the tests went, and what is to be done next. */
import type { WizardTrial } from '../../operations/wizard/trial.ts';
import { formatReply } from '../../message/reply.ts';
import { zoneLine } from '../../sign/records.ts';
import { printable } from '../output.ts';
import type { ListenPorts } from '../start/ports-probe.ts';

export function trialText({ exits, records, problems, message }: WizardTrial): string {
  const lines = [
    ...problems.map((text) => `problem: ${text}`),
    ...exits.map(({ egress, isWell, result }) =>
      isWell
        ? `ok: ${egress} works (${result.tookMs} ms)`
        : `FAILED: ${egress}: ${result.kind === 'failed' ? `${result.stage}: ${result.cause}` : 'something is amiss: `relevo egress test` says what'}`,
    ),
    ...records.map(
      ({ record, state }) => `${state === 'present' ? 'ok' : state}: ${record.type} ${record.name} (${record.purpose})`,
    ),
    ...messageLines(message),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function messageLines(message: WizardTrial['message']): string[] {
  if (message === null) return [];
  if (message.kind === 'refused') return [`FAILED: the test message was not sent: ${message.why}`];
  const { state, reply, attempts } = message.trial;
  const by = attempts.at(-1)?.egress ?? 'no exit';
  if (state === 'delivered') return [`ok: the test message was delivered by ${by}`];
  return [`FAILED: the test message: ${reply === null ? 'no exit took it in time' : formatReply(reply)}`];
}

export type InitDone = {
  readonly policyFile: string;
  readonly domain: string;
  readonly client: string;
  readonly password: string | null;
  readonly admin: { readonly name: string; readonly password: string | null } | null;
  readonly ports: ListenPorts;
  readonly httpListen: string;
  readonly trial: WizardTrial | null;
  readonly isRunning: boolean;
};

/** The fifth step. */
export function doneText(done: InitDone): string {
  const { policyFile, domain, client, password, admin, ports, httpListen, trial, isRunning } = done;
  const missing = (trial?.records ?? []).filter(({ state }) => state !== 'present');
  const login = password ?? 'PASSWORD';
  return [
    '',
    `Wrote ${policyFile}.`,
    '',
    `  user      ${client}`,
    ...(password === null ? [] : [`  password  ${password}      (shown only now)`]),
    `  server    127.0.0.1:${ports.submission} with STARTTLS, or 127.0.0.1:${ports.submissions} with TLS from the start`,
    '',
    ...(admin === null
      ? ['For the pages: relevo user add NAME --role admin']
      : [
          `Pages at http://${httpListen}/`,
          `  user      ${admin.name}`,
          ...(admin.password === null ? [] : [`  password  ${admin.password}      (shown only now)`]),
        ]),
    '',
    ...(isRunning ? [] : ['1. Start it:', '', '  npm start', '']),
    `${isRunning ? 1 : 2}. Publish these records, then see whether they are there with: relevo dns ${domain}`,
    '',
    ...(trial === null ? [`  relevo dns ${domain}`] : missing.map(({ record }) => `  ${zoneLine(record)}`)),
    ...(trial !== null && missing.length === 0 ? ['  (all are there)'] : []),
    '',
    `${isRunning ? 2 : 3}. Send a message; mail to *.test and *.example stays here:`,
    '',
    `  swaks --server 127.0.0.1:${ports.submission} --tls --auth PLAIN --auth-user ${client} --auth-password ${login} --from postmaster@${domain} --to you@demo.test`,
    '',
    '',
  ].join('\n');
}
