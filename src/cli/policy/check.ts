import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addCommand, addGroup, type Cli, type ExitCode, type Registry } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { checkNamedFiles } from '../../operations/policy/named-files.ts';
import { json, plural } from '../output.ts';
import { addPolicyDiff } from './diff.ts';
import { addPolicyVersions } from './versions.ts';
import { loadPolicyFile, shownPath, warningsHere } from './policy-file.ts';
import { addSimulate } from './simulate.ts';

type CheckOptions = { readonly json?: true };

/** `relevo check [file]` */
export function addCheck(program: Command, registry: Registry): void {
  addCommand<CheckOptions>(program, registry, {
    usage: 'check [file]',
    summary: 'validate a policy and the files that it names, and run its own tests, without touching a running relay',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nExit code 1 when the policy would be refused, or a key or certificate that it names cannot be used.',
      ),
    run: async (cli, { args, options, where }) => {
      const [file] = args;
      const policyFile = typeof file === 'string' ? resolve(cli.cwd, file) : where.policyFile;
      return checkFile(cli, { ...where, policyFile }, options);
    },
  });
}

/** `policy check` is `check`; `policy schema` prints what editors want. */
export function addPolicy(program: Command, registry: Registry, jsonSchema: () => unknown): void {
  const policy = addGroup(program, 'policy', 'the policy file');
  addCheck(policy, registry);
  addSimulate(policy, registry);
  addPolicyDiff(policy, registry);
  addPolicyVersions(policy, registry);
  addCommand(policy, registry, {
    usage: 'schema',
    summary: 'print the JSON Schema of policy files, for editors',
    json: true,
    run: async (cli) => {
      cli.terminal.out(json(jsonSchema()));
      return 0;
    },
  });
}

async function checkFile(cli: Cli, where: Where, options: CheckOptions): Promise<ExitCode> {
  const { terminal } = cli;
  const loaded = loadPolicyFile(cli, where);
  const file = shownPath(cli, where.policyFile);
  const named = loaded.kind === 'loaded' ? await checkNamedFiles(loaded.policy) : null;
  const inFile = (lines: readonly string[] = []): string[] => lines.map((line) => `${file}: ${line}`);
  const problems = loaded.kind === 'refused' ? loaded.problems : inFile(named?.problems);
  const warnings = loaded.kind === 'loaded' ? [...(await warningsHere(loaded)), ...inFile(named?.warnings)] : [];
  const version = loaded.kind === 'loaded' ? loaded.version : null;
  const valid = problems.length === 0;
  if (options.json === true) {
    terminal.out(json({ file: where.policyFile, valid, version, problems, warnings }));
    return valid ? 0 : 1;
  }
  for (const problem of problems) terminal.out(`${problem}\n`);
  for (const warning of warnings) terminal.out(`${warning}\n`);
  const tests = loaded.kind === 'loaded' ? loaded.policy.tests.length : 0;
  const tested = tests === 0 ? '' : `, ${plural(tests, 'test')} passed`;
  terminal.out(
    valid ? `${file} is sound (version ${version})${tested}.\n` : `${plural(problems.length, 'problem')}.\n`,
  );
  return valid ? 0 : 1;
}
