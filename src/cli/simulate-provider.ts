import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { SimulatorEvent } from '../../scripts/simulator/simulator.ts'; // architecture: types of what it loads below
import { addCommand, type Cli, type ExitCode, type Registry } from './cli.ts';
import { printable } from './output.ts';

/** `relevo simulate-provider FILE` */
export function addSimulateProvider(program: Command, registry: Registry): void {
  addCommand(program, registry, {
    usage: 'simulate-provider <file>',
    summary: 'run mailbox providers that behave like real ones, to try a policy on; until it is interrupted',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nWith --json each event is a line of JSON. docs/simulator.md tells what the file may say.',
      ),
    run: async (cli, { args, options }) => simulate(cli, resolve(cli.cwd, String(args[0])), options.json === true),
  });
}

async function simulate(cli: Cli, file: string, isJson: boolean): Promise<ExitCode> {
  const { terminal } = cli;
  const fail = (why: string): ExitCode => {
    terminal.err(`relevo: ${file}: ${why}\n`);
    return 1;
  };
  // architecture: the simulator is a tool of its own, and no relay loads it.
  const { readDescription } = await import('../../scripts/simulator/description.ts');
  // architecture: a tool of its own, which no relay loads.
  const { startSimulator } = await import('../../scripts/simulator/simulator.ts');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  const read = readDescription(text);
  if (read.kind === 'refused') return fail(`\n  ${read.problems.join('\n  ')}`);
  const emit = (event: SimulatorEvent): void => terminal.out(isJson ? `${JSON.stringify(event)}\n` : lineOf(event));
  try {
    await using simulator = await startSimulator({ description: read.description, clock: cli.clock, emit });
    for (const [name, endpoints] of simulator.listening) {
      const where =
        endpoints.length === 0 ? 'nowhere' : endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
      terminal.err(`${name} listens at ${where}\n`);
    }
    if (simulator.dns !== null) terminal.err(`names are answered for at ${simulator.dns.host}:${simulator.dns.port}\n`);
    await interrupted();
    return 0;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return fail(error.message);
  }
}

function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}

function lineOf(event: SimulatorEvent): string {
  const at = new Date(event.atMs).toISOString();
  return printable(`${at}  ${event.provider}  ${event.client}  ${event.event}  ${detailOf(event)}`).concat('\n');
}

function detailOf(event: SimulatorEvent): string {
  switch (event.event) {
    case 'taken':
    case 'dropped':
      return `<${event.sender}> to ${event.recipients.join(', ')}, ${event.sizeBytes} bytes`;
    case 'refused':
      return event.reply;
    case 'bounced-later':
    case 'bounce-failed':
      return `${event.recipient}${event.cause === undefined ? '' : `: ${event.cause}`}`;
  }
}
