import { resolve } from 'node:path';
import type { Command, CommanderError } from 'commander';
import type { Clock, Dns, Random } from '../ports.ts';
import { besidePolicy, type Where } from '../foundation/data-folder.ts';
import type { Terminal } from './terminal.ts';

/** 0: done. 1: a problem was found, or it could not be done. 2: the command was not understood. */
export type ExitCode = 0 | 1 | 2;

/** What every command has. */
export type Cli = {
  readonly terminal: Terminal;
  /** The project's folder: `config/` and `data/` are looked for in it. */
  readonly root: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** @param servers the policy's `dns.servers` */
  readonly dns: (servers: readonly string[] | null) => Dns;
};

/** The program under construction: what commands are hung on. */
export type Registry = Cli & { finish(code: ExitCode): void };

export type CommandAsk<Options> = {
  /** Positional arguments in order; a missing optional one is undefined, the rest of a variadic one an array. */
  readonly args: readonly (string | readonly string[] | undefined)[];
  readonly options: Options;
  readonly where: Where;
};

export type CommandSpec<Options> = {
  /** `message <id>` */
  readonly usage: string;
  readonly summary: string;
  /** Adds options and longer help. */
  readonly shape?: (command: Command) => Command;
  /** Prints data: has `--json`. */
  readonly json?: boolean;
  /** May throw `SpoolError` and `OperationsError`, whose messages are printed; everything else that it throws is a bug. */
  readonly run: (cli: Cli, ask: CommandAsk<Options & { readonly json?: true }>) => Promise<ExitCode>;
};

/** A usage that commander cannot see to be wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Hangs a command below `parent`, with `--policy` and `--data`, which every command takes. */
export function addCommand<Options>(parent: Command, registry: Registry, spec: CommandSpec<Options>): void {
  const command = parent
    .command(spec.usage)
    .description(spec.summary)
    .allowExcessArguments(false)
    .option('--policy <file>', 'policy file (default: config/relevo.yaml of the project)')
    .option('--data <dir>', 'data folder (default: ../data from the policy file)');
  if (spec.json === true) command.option('--json', 'print JSON');
  spec.shape?.(command);
  command.action(async () => {
    const options = command.opts<Options & { policy?: string; data?: string; json?: true }>();
    const args = command.processedArgs as readonly (string | readonly string[] | undefined)[];
    registry.finish(await spec.run(registry, { args, options, where: whereOf(registry, options) }));
  });
}

/** A command that only has subcommands. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary);
}

/** Without `--data` it is the folder that paths in a policy file lead to unless told otherwise: `../data` from there. */
function whereOf(cli: Cli, options: { policy?: string; data?: string }): Where {
  const policyFile = resolve(
    cli.root,
    options.policy === undefined ? DEFAULT_POLICY : resolve(cli.cwd, options.policy),
  );
  const dataFolder = options.data === undefined ? besidePolicy(policyFile) : resolve(cli.cwd, options.data);
  return { policyFile, dataFolder };
}

const DEFAULT_POLICY = 'config/relevo.yaml';

/** Help and version were asked for; everything else that commander throws is a usage that it did not understand. */
export function exitCodeOf(error: CommanderError): ExitCode {
  return error.exitCode === 0 ? 0 : 2;
}
