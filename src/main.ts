/** The process edge: arguments in, exit code out; the only file beside `system.ts` that reads `process`. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Cli } from './cli/cli.ts';
import { runProgram } from './cli/program.ts';
import type { Signals } from './cli/start/start.ts';
import { systemTerminal } from './cli/terminal.ts';
import { standardOutput } from './report/log-output.ts';
import { localAddresses, systemClock, systemDns, systemPorts, systemRandom } from './system.ts';

const root = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

const cli: Cli = {
  terminal: systemTerminal(),
  root,
  cwd: process.cwd(),
  env: process.env,
  clock: systemClock,
  random: systemRandom,
  dns: (servers) => systemDns(() => servers),
};

const signals: Signals = {
  on: (signal, run) => {
    process.on(signal, run);
    return () => void process.off(signal, run);
  },
  onStray: (run) => {
    process.on('unhandledRejection', run);
    return () => void process.off('unhandledRejection', run);
  },
};

/** What `start` leaves behind on its way out gets this long to be written: who reads the log may never read again. */
const LAST_OUTPUT_MS = 1_000;

/** The output of a command waits for its reader (`relevo queue list | less`); a relay that was told to end does not. */
let isRelay = false;

const code = await runProgram(process.argv.slice(2), {
  ...cli,
  version,
  start: async (ask) => {
    isRelay = true;
    // All timers of the relay are unreferenced: without this one a wait for nothing but them would end the process.
    setInterval(() => {}, 2 ** 30);
    // Only here: the other commands need not wait for the whole relay to be read.
    const { runStart } = await import('./cli/start/start.ts');
    return runStart(cli, ask, {
      version,
      nodeVersion: process.version,
      pid: process.pid,
      ports: systemPorts,
      localAddresses,
      output: standardOutput(),
      signals,
      // SO_REUSEPORT divides connections on Linux only.
      machine: { cores: availableParallelism(), balancesPorts: process.platform === 'linux' },
    });
  },
});
if (isRelay) setTimeout(() => process.exit(code), LAST_OUTPUT_MS);
// A peer that never answers may hold a socket open: everything that matters has been written by now.
process.stdout.write('', () => process.exit(code));
