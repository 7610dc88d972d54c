/** `relevo start`: the relay from its first line to its exit code. */
import type { RelayOptions } from '../foundation.ts';
import type { Relay } from '../relay.ts';
import { startRelay } from '../relay.ts';
import type { Cli, ExitCode } from './cli.ts';
import type { Where } from './data-folder.ts';
import { firstStart } from './first-start.ts';
import { shownPath } from './policy-file.ts';

/** Signals as the process gets them. */
export type Signals = {
  /** Calls `run` at each signal; returns what ends it. */
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', run: () => void): () => void;
  /** The same for rejections that nobody waited for: each is a bug, and no reason to stop taking mail. */
  onStray(run: (cause: unknown) => void): () => void;
};

export type StartNeeds = Omit<RelayOptions, 'where' | 'shownPolicyFile' | 'env'> & { readonly signals: Signals };

/**
 * Runs the relay until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reads the policy again.
 * @returns 0 after a stop, 1 when it could not start
 */
export async function runStart(cli: Cli, where: Where, needs: StartNeeds): Promise<ExitCode> {
  const first = await firstStart(cli, where);
  if (first.kind === 'failed') return refused(cli, [first.cause]);
  if (first.kind === 'written') cli.terminal.err(first.text);
  const started = await startRelay({
    ...needs,
    where,
    shownPolicyFile: shownPath(cli, where.policyFile),
    env: cli.env,
  });
  if (started.kind === 'refused') return refused(cli, started.problems);
  await using relay = started.relay;
  for (const problem of relay.problems()) cli.terminal.err(`relevo: ${problem}\n`);
  await untilStopped(relay, needs.signals);
  return 0;
}

async function untilStopped(relay: Relay, signals: Signals): Promise<void> {
  using subscriptions = new DisposableStack();
  const atOnce = new AbortController();
  await new Promise<void>((resolve) => {
    let isStopping = false;
    const end = (): void => {
      if (isStopping) atOnce.abort(new Error('second signal'));
      isStopping = true;
      resolve();
    };
    subscriptions.defer(signals.on('SIGTERM', end));
    subscriptions.defer(signals.on('SIGINT', end));
    subscriptions.defer(signals.onStray((cause) => relay.tellStray(cause)));
    subscriptions.defer(signals.on('SIGHUP', () => void relay.reload()));
  });
  await relay.stop(atOnce.signal);
}

function refused(cli: Cli, problems: readonly string[]): ExitCode {
  for (const problem of problems) cli.terminal.err(`relevo: ${problem}\n`);
  cli.terminal.err('relevo: not started\n');
  return 1;
}
