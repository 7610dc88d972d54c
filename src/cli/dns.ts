import type { Command } from 'commander';
import { domainRecords } from '../watches/domain-records.ts';
import { parseDomain } from '../message/address.ts';
import { checkRecords, type CheckedRecord } from '../sign/records-check.ts';
import { zoneLine, type DnsRecord } from '../sign/records.ts';
import { addCommand, UsageError, type Registry } from './cli.ts';
import { json, printable } from './output.ts';
import { loadPolicyFile } from './policy/policy-file.ts';

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
      const { records, problems } = await domainRecords(loaded.policy, domain);
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
