import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { addCommand, type Cli, type ExitCode, type Registry } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { type KeyChange, keyChanges, withoutSecrets } from '../../operations/policy/changes.ts';
import { cut, json, printable } from '../output.ts';
import { loadPolicyFile } from './policy-file.ts';

const LONGEST_VALUE = 100;

/** `relevo policy diff <file>` */
export function addPolicyDiff(policy: Command, registry: Registry): void {
  addCommand(policy, registry, {
    usage: 'diff <file>',
    summary: 'the keys that differ between the policy file and another one',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nCompares what is written: a key that is left out has its default. Exit code 1 when one of them would be refused.',
      ),
    run: async (cli, { args, options, where }) =>
      diffFiles(cli, { where, file: resolve(cli.cwd, String(args[0])), asJson: options.json === true }),
  });
}

function diffFiles(
  cli: Cli,
  { where, file, asJson }: { readonly where: Where; readonly file: string; readonly asJson: boolean },
): ExitCode {
  const { terminal } = cli;
  const files = [where.policyFile, file];
  const problems = files.flatMap((policyFile) => {
    const loaded = loadPolicyFile(cli, { ...where, policyFile });
    return loaded.kind === 'refused' ? loaded.problems : [];
  });
  if (problems.length > 0) {
    terminal.out(asJson ? json({ file, valid: false, problems }) : `${problems.join('\n')}\n`);
    return 1;
  }
  const [from, to] = files.map((path) => parse(readFileSync(path, 'utf8')) as unknown);
  const changes = keyChanges(from, to).map(withoutSecrets);
  if (asJson) terminal.out(json({ file, valid: true, changes }));
  else if (changes.length === 0) terminal.out('Nothing differs.\n');
  else for (const change of changes) terminal.out(`${printable(lineOf(change))}\n`);
  return 0;
}

function lineOf({ key, from, to }: KeyChange): string {
  if (from === undefined) return `+ ${key}: ${shown(to)}`;
  if (to === undefined) return `- ${key}: ${shown(from)}`;
  return `~ ${key}: ${shown(from)} → ${shown(to)}`;
}

function shown(value: unknown): string {
  return cut(typeof value === 'string' ? value : JSON.stringify(value), LONGEST_VALUE);
}
