import { Command, CommanderError } from 'commander';
import { isNodeName } from '../spool/nodes.ts';
import { SpoolError } from '../spool/spool.ts';
import { addCommand, exitCodeOf, UsageError, type Cli, type ExitCode, type Registry } from './cli.ts';
import type { Where } from '../foundation/data-folder.ts';
import { OperationsError } from '../operations/operations.ts';

export type StartAsk = Where & {
  readonly node: string | null;
  /** `auto`: as many as the machine is good for. */
  readonly workers: number | 'auto';
};

export type ProgramNeeds = Cli & {
  readonly version: string;
  /** The body of `start`: runs the relay until it ends. */
  readonly start: (ask: StartAsk) => Promise<ExitCode>;
};

/**
 * Runs one command. Never rejects: what goes wrong is told on standard error.
 * @param argv the arguments after the program's name
 */
export async function runProgram(argv: readonly string[], needs: ProgramNeeds): Promise<ExitCode> {
  let code: ExitCode = 0;
  const registry: Registry = { ...needs, finish: (finished) => (code = finished) };
  const program = buildProgram(registry, needs);
  try {
    // A relay runs for months and needs none of them: 5 MB.
    if (argv[0] !== 'start') (await import('./commands.ts')).addCommands(program, registry);
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error);
    return failed(needs, error);
  }
}

function buildProgram(registry: Registry, { version, start }: ProgramNeeds): Command {
  const { terminal } = registry;
  const program = new Command('relevo')
    .description('A self-hosted SMTP relay.')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', '\nExit codes: 0 done, 1 a problem was found, 2 the command was not understood.');
  addStart(program, registry, start);
  return program;
}

function addStart(program: Command, registry: Registry, start: ProgramNeeds['start']): void {
  addCommand<{ readonly node?: string; readonly workers: string }>(program, registry, {
    usage: 'start',
    summary: 'run the relay; the first start writes a policy',
    shape: (command) =>
      command
        .option(
          '--node <name>',
          'name of this node, where several share a spool (default: one of its own, kept in the data folder)',
        )
        .option('--workers <n>', 'threads that take and send mail, or auto: one for each two cores', 'auto'),
    run: (_, { options, where }) =>
      start({ ...where, node: parseNode(options.node), workers: parseWorkers(options.workers) }),
  });
}

function parseNode(text: string | undefined): string | null {
  if (text === undefined || isNodeName(text)) return text ?? null;
  throw new UsageError(`--node ${text}: give a name of letters, digits, dots and dashes, 64 at most`);
}

/** More than any machine has use for: each costs memory, and a share of every limit. */
const MOST_WORKERS = 64;

function parseWorkers(text: string): StartAsk['workers'] {
  if (text === 'auto') return text;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS)
    throw new UsageError(`--workers ${text}: give a number from 1 to ${MOST_WORKERS}, or auto`);
  return count;
}

function failed({ terminal }: Cli, error: unknown): ExitCode {
  if (error instanceof UsageError) {
    terminal.err(`error: ${error.message}\n`);
    return 2;
  }
  if (error instanceof OperationsError || error instanceof SpoolError) {
    const isInUse = error instanceof SpoolError && error.kind === 'in-use' && !error.isFinal;
    const hint = isInUse ? ' (a relay that is starting or ending?)' : '';
    terminal.err(`relevo: ${error.message}${hint}\n`);
    return 1;
  }
  terminal.err(
    `relevo: this should not happen: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 1;
}
