/** `relevo start`: the relay from its first line to its exit code. */
import type { RelayOptions } from '../../foundation/foundation.ts';
import type { Relay } from '../../relay.ts';
import { startRelay } from '../../relay.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { firstStart } from './first-start.ts';
import { shownPath } from '../policy/policy-file.ts';
import type { StartAsk } from '../program.ts';

/** Signals as the process gets them. */
export type Signals = {
  /** Calls `run` at each signal; returns what ends it. */
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', run: () => void): () => void;
  /** The same for rejections that nobody waited for: each is a bug, and no reason to stop taking mail. */
  onStray(run: (cause: unknown) => void): () => void;
};

export type StartNeeds = Omit<RelayOptions, 'where' | 'shownPolicyFile' | 'env' | 'workers' | 'node'> & {
  readonly signals: Signals;
  readonly machine: Machine;
};

/** What decides how many workers are of use. */
export type Machine = {
  readonly cores: number;
  /** Whether the system divides the connections to one port among those who listen there. */
  readonly balancesPorts: boolean;
};

/** What most starts have left to do when they are told to end. */
const END_OF_START_MS = 3_000;

/**
 * Runs the relay until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reads the policy again.
 * @returns 0 after a stop, 1 when it could not start
 */
export async function runStart(
  cli: Cli,
  { workers: asked, node, ...where }: StartAsk,
  needs: StartNeeds,
): Promise<ExitCode> {
  const first = await firstStart(cli, where);
  if (first.kind === 'failed') return refused(cli, [first.cause]);
  if (first.kind === 'written') cli.terminal.err(first.text);
  // Before anything listens: a signal in the middle of the start is one to stop, not one to die of.
  using ending = listenForEnd(needs.signals);
  const workers = workersFor(asked, needs.machine);
  if (asked !== 'auto' && workers !== asked)
    cli.terminal.err('relevo: this system does not divide connections among workers: one takes all mail\n');
  const shownPolicyFile = shownPath(cli, where.policyFile);
  const starting = startRelay({ ...needs, where, workers, node, shownPolicyFile, env: cli.env });
  const started = await Promise.race([starting, givenUp(cli, ending)]);
  if (started === null) {
    // What it has begun is good for nothing but to be ended.
    void starting
      .then((late) => (late.kind === 'running' ? late.relay[Symbol.asyncDispose]() : undefined))
      .catch(() => {});
    cli.terminal.err('relevo: stopped before it had started\n');
    return 0;
  }
  if (started.kind === 'refused') return refused(cli, started.problems);
  await using relay = started.relay;
  for (const problem of relay.problems()) cli.terminal.err(`relevo: ${problem}\n`);
  await untilStopped(relay, needs.signals, ending);
  return 0;
}

/**
 * A worker's thread fills one core, and what it has others do (signatures, the store, the system's own part) about as
 * much again: so `auto` is one for each two cores.
 */
export function workersFor(asked: number | 'auto', { cores, balancesPorts }: Machine): number {
  if (!balancesPorts) return 1;
  return asked === 'auto' ? Math.max(1, Math.floor(cores / 2)) : asked;
}

type Ending = Disposable & {
  /** Resolves at the first signal to end. */
  readonly asked: Promise<void>;
  /** Aborted by the second. */
  readonly atOnce: AbortSignal;
};

function listenForEnd(signals: Signals): Ending {
  const subscriptions = new DisposableStack();
  const atOnce = new AbortController();
  const asked = new Promise<void>((resolve) => {
    let isAsked = false;
    const end = (): void => {
      if (isAsked) atOnce.abort(new Error('second signal'));
      isAsked = true;
      resolve();
    };
    subscriptions.defer(signals.on('SIGTERM', end));
    subscriptions.defer(signals.on('SIGINT', end));
    // The policy is being read anyway.
    subscriptions.defer(signals.on('SIGHUP', () => {}));
  });
  return { asked, atOnce: atOnce.signal, [Symbol.dispose]: () => subscriptions.dispose() };
}

/** A start that was asked to end gets a moment to come to one, as a second signal does not want. */
async function givenUp({ clock }: Cli, { asked, atOnce }: Ending): Promise<null> {
  await asked;
  await clock.sleep(END_OF_START_MS, atOnce).catch(() => undefined);
  return null;
}

async function untilStopped(relay: Relay, signals: Signals, { asked, atOnce }: Ending): Promise<void> {
  using subscriptions = new DisposableStack();
  subscriptions.defer(signals.onStray((cause) => relay.tellStray(cause)));
  subscriptions.defer(signals.on('SIGHUP', () => void relay.reload()));
  await asked;
  await relay.stop(atOnce);
}

function refused(cli: Cli, problems: readonly string[]): ExitCode {
  for (const problem of problems) cli.terminal.err(`relevo: ${problem}\n`);
  cli.terminal.err('relevo: not started\n');
  return 1;
}
