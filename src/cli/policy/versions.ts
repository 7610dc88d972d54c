import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { loadPolicy } from '../../policy/file/load.ts';
import { PolicyOperations, problemLine } from '../../operations/policy/policy-operations.ts';
import type { PolicyPut } from '../../operations/policy/put.ts';
import { type PolicyAuthor, type PolicyVersion, PolicyVersions } from '../../operations/policy/versions.ts';
import { isoTime } from '../../report/log-fields.ts';
import { canSendFrom } from '../../system.ts';
import { addCommand, UsageError, type Cli, type ExitCode, type Registry } from '../cli.ts';
import { connectControl } from '../../control/client.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { checkNamedFiles } from '../../operations/policy/named-files.ts';
import { json, printable, table } from '../output.ts';
import { shownPath } from './policy-file.ts';
import { watchUptake } from './uptake.ts';

/** `relevo policy versions|rollback` */
export function addPolicyVersions(policy: Command, registry: Registry): void {
  addCommand(policy, registry, {
    usage: 'versions',
    summary: 'the policies that came into force here, with who and when',
    json: true,
    run: async (cli, { options, where }) => {
      const versions = await new PolicyVersions(where.dataFolder).list();
      cli.terminal.out(options.json === true ? json({ versions }) : textOf(versions));
      return 0;
    },
  });
  addCommand<{ readonly comment?: string }>(policy, registry, {
    usage: 'rollback <version>',
    summary: 'write an earlier policy into the policy file again; a running relay takes it up at once',
    json: true,
    shape: (command) =>
      command
        .option('--comment <text>', 'why, for the list of versions')
        .addHelpText('after', '\nExit code 1 when the file was left as it was, or the running relay refused it.'),
    run: async (cli, { args, options, where }) => {
      const id = /^[1-9]\d{0,8}$/.test(String(args[0])) ? Number(args[0]) : null;
      if (id === null)
        throw new UsageError(`"${String(args[0])}" is no version: \`relevo policy versions\` lists them`);
      const comment = options.comment ?? '';
      const put = await policyHere(cli, where).rollback({ id, etag: null, by: cliAuthor(), comment });
      return told(cli, { put, id, where, asJson: options.json === true });
    },
  });
}

/** The operations on the policy file of a command, whether a relay runs by it or not. */
function policyHere(cli: Cli, where: Where): PolicyOperations {
  const file = shownPath(cli, where.policyFile);
  return new PolicyOperations({
    policyFile: where.policyFile,
    load: (text) => loadPolicy({ file, text, env: cli.env, readFile: (path) => readFileSync(path, 'utf8') }),
    namedFiles: checkNamedFiles,
    canSendFrom,
    versions: new PolicyVersions(where.dataFolder),
    watchUptake: () => watchUptake(where.dataFolder),
    inForce: async () => {
      const connection = await connectControl(where.dataFolder);
      if (connection.kind !== 'connected') return null;
      return (await connection.operations.status())?.policyVersion ?? null;
    },
    isForeign: true,
  });
}

/** Whoever runs this command, as the system calls them. */
export function cliAuthor(): PolicyAuthor {
  try {
    return { kind: 'cli', name: userInfo().username };
  } catch {
    // A user that has no name, as in some containers.
    return { kind: 'cli', name: String(process.getuid?.() ?? '') };
  }
}

function textOf(versions: readonly PolicyVersion[]): string {
  if (versions.length === 0) return 'None is kept yet: a relay keeps each that comes into force.\n';
  const rows = versions.map(({ id, atMs, by, what, comment, version }) => [
    String(id),
    isoTime(atMs).slice(0, 19).replace('T', ' '),
    by.kind === 'file' ? 'by hand' : `${by.kind} ${by.name}`,
    what,
    version,
    comment,
  ]);
  return table(['VERSION', 'IN FORCE FROM (UTC)', 'WHO', 'WHAT', 'POLICY', 'COMMENT'], rows);
}

function told(
  cli: Cli,
  {
    put,
    id,
    where,
    asJson,
  }: { readonly put: PolicyPut; readonly id: number; readonly where: Where; readonly asJson: boolean },
): ExitCode {
  const { terminal } = cli;
  const file = shownPath(cli, where.policyFile);
  if (asJson) terminal.out(json(put));
  switch (put.kind) {
    case 'written': {
      if (asJson) return 0;
      for (const warning of put.warnings) terminal.out(`${printable(warning)}\n`);
      const same = put.isSame ? 'was that already' : `is version ${id} again`;
      terminal.out(`${file} ${same}: ${RELAY[put.relay]}.\n`);
      return 0;
    }
    case 'not-writable':
      terminal.err(`relevo: ${put.why}\n`);
      return 1;
    case 'stale':
      terminal.err(`relevo: ${file} was changed at this very moment, and is left as it is\n`);
      return 1;
    case 'refused':
    case 'not-taken': {
      const problems = put.problems.map((problem) => `  ${problemLine(file, problem)}\n`).join('');
      const who = put.kind === 'refused' ? 'it would be refused' : 'the running relay refused it';
      terminal.err(`relevo: ${file} is left as it was, for ${who}:\n${problems}`);
      return 1;
    }
  }
}

const RELAY = {
  'in-force': 'in force',
  'not-running': 'no relay is running on this data folder, it counts from the next start',
  unknown: 'whether the relay took it up is not known, its log says',
} as const;
