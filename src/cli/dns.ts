import type { Command } from 'commander';
import { parseDomain } from '../message/address.ts';
import { returnPathFor } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import { openKeyring } from '../sign/keyring.ts';
import { checkRecords, type CheckedRecord } from '../sign/records-check.ts';
import { recordsToPublish, zoneLine, type DnsRecord } from '../sign/records.ts';
import { addCommand, UsageError, type Registry } from './cli.ts';
import { json, printable } from './output.ts';
import { loadPolicyFile } from './policy-file.ts';

/** `relevo dns DOMAIN` */
export function addDns(program: Command, registry: Registry): void {
  addCommand<{ readonly check: boolean }>(program, registry, {
    usage: 'dns <domain>',
    summary: 'the DNS records that mail from a domain needs, and which are missing or wrong',
    json: true,
    shape: (command) =>
      command
        .option('--no-check', 'print them without asking DNS')
        .addHelpText('after', '\nExit code 1 when a record is missing or different.'),
    run: async (cli, { args, options, where }) => {
      const domain = parseDomain(String(args[0]));
      if (domain === null || domain.startsWith('[')) throw new UsageError(`"${String(args[0])}" is no domain`);
      const loaded = loadPolicyFile(cli, where);
      if (loaded.kind === 'refused') {
        cli.terminal.err(`relevo: the policy cannot be read:\n  ${loaded.problems.join('\n  ')}\n`);
        return 1;
      }
      const { records, problems } = await recordsOf(loaded.policy, domain);
      for (const problem of problems) cli.terminal.err(`relevo: ${problem}\n`);
      const checked = options.check ? await checkRecords(records, cli.dns(loaded.policy.dns.servers)) : null;
      if (options.json === true)
        cli.terminal.out(json({ domain, records: checked?.map(plainRecord) ?? records, problems }));
      else cli.terminal.out(checked === null ? plainText(records) : checkedText(checked));
      const isWrong = checked?.some(({ state }) => state === 'missing' || state === 'different') === true;
      return isWrong || problems.length > 0 ? 1 : 0;
    },
  });
}

async function recordsOf(
  policy: Policy,
  domain: string,
): Promise<{ readonly records: readonly DnsRecord[]; readonly problems: readonly string[] }> {
  const keyring = await openKeyring(policy.domains);
  const keys = keyring.keysFor(domain);
  const problems = keyring.problems().map(({ text }) => text);
  if (keys.length === 0) problems.push(`no DKIM key signs for ${domain}: \`relevo dkim keygen ${domain}\` makes one`);
  const records = recordsToPublish({
    domain,
    keys,
    hostname: policy.hostname,
    returnPath: returnPathFor(policy, domain),
    addresses: addressesOf(policy),
    includes: [],
    reportsTo: policy.postmaster,
  });
  return { records, problems };
}

/** Those that the policy names; an exit that leaves by whatever address the system picks has none that is known. */
function addressesOf(policy: Policy): string[] {
  return Object.values(policy.egress).flatMap((exit) => {
    if (!exit.enabled) return [];
    if (exit.type === 'mx') return [exit.address ?? exit.bind].filter((address) => address !== null);
    return exit.type === 'smtp' && exit.address !== null ? [exit.address] : [];
  });
}

function plainRecord({ record, state, found, advice }: CheckedRecord) {
  return { ...record, state, found, advice };
}

function plainText(records: readonly DnsRecord[]): string {
  return records.map((record) => `${zoneLine(record)}\n`).join('');
}

function checkedText(checked: readonly CheckedRecord[]): string {
  return checked
    .map(({ record, state, found, advice }) => {
      const lines = [`${state === 'present' ? 'ok' : state}: ${record.type} ${record.name} (${record.purpose})`];
      if (state !== 'present') lines.push(`  publish: ${zoneLine(record)}`);
      if (state === 'different') lines.push(...found.map((text) => `  found:   ${printable(text)}`));
      // Of one that is missing it says what the zone line says.
      if (advice !== null && state !== 'missing') lines.push(`  ${printable(advice)}`);
      return `${lines.join('\n')}\n`;
    })
    .join('');
}
