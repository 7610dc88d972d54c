import { Option, type Command } from 'commander';
import { FINAL_STATES } from '../message/outcome.ts';
import { sumsOf, type MoveStore, type MoveSums } from '../spool/move.ts';
import { abandonMove, runMove, type MoveProgress, type MoveResult } from '../spool/moving.ts';
import { SpoolError } from '../spool/spool.ts';
import { addCommand, addGroup, type Cli, type ExitCode, type Registry } from './cli.ts';
import { connectControl } from '../control/client.ts';
import type { Where } from '../foundation/data-folder.ts';
import { ENGINES, moveEnds, openEnd, PASSWORD_VARIABLE, type EndOptions, type MoveEnds } from './move-ends.ts';
import { OperationsError } from '../operations/operations.ts';
import { json, plural } from './output.ts';

/** `relevo spool …` */
export function addSpool(program: Command, registry: Registry): void {
  const spool = addGroup(program, 'spool', 'the store of accepted mail');
  addCommand<MoveOptions>(spool, registry, {
    usage: 'move',
    summary: 'carry everything from one store to another, with no relay running on either',
    json: true,
    shape,
    run: (cli, { options, where }) => move(cli, where, options),
  });
}

type MoveOptions = EndOptions & { readonly dryRun?: true; readonly abandon?: true; readonly json?: true };

function shape(command: Command): Command {
  return command
    .addOption(new Option('--from <engine>', 'where the mail is').choices(ENGINES).makeOptionMandatory())
    .addOption(new Option('--to <engine>', 'where it is to be').choices(ENGINES).makeOptionMandatory())
    .option('--url <url>', `the Redis server, where the policy names the other store; password: ${PASSWORD_VARIABLE}`)
    .option('--path <dir>', 'the embedded store, where the policy names Redis (default: spool in the data folder)')
    .option('--other <file>', 'a policy file whose `spool` is the store that the policy does not name')
    .option('--dry-run', 'tell what there is to be moved')
    .option('--abandon', 'go back: give up a move that has not come to its end')
    .addHelpText(
      'after',
      '\nThe policy names one of the two stores. Interrupted or killed, the same command goes on where it was; until it is' +
        '\nover, no relay starts on either store. Exit code 1 when it did not come to its end.',
    );
}

async function move(cli: Cli, where: Where, options: MoveOptions): Promise<ExitCode> {
  const ends = moveEnds(cli, where, options);
  const running = await connectControl(where.dataFolder);
  if (running.kind === 'failed') throw new OperationsError(running.cause);
  if (running.kind === 'connected') throw new OperationsError('a relay is running on this data folder: stop it first');
  await using source = await openEnd(cli, ends, ends.source);
  if (options.dryRun === true) return await dryRun(cli, source, options);
  if (options.abandon === true) return await abandon(cli, ends, { source, options });
  await using target = await openEnd(cli, ends, ends.target);
  const result = await untilStopped((signal) =>
    runMove({
      source,
      target,
      newId: cli.random.bytes(12).toString('hex'),
      nowMs: cli.clock.nowMs(),
      signal,
      onProgress: tellProgress(cli),
    }),
  );
  return report(cli, result, { from: source.name, to: target.name, isJson: options.json === true, ends });
}

/** Its copies are removed as well where the target can be had; the source is free in any case. */
async function abandon(
  cli: Cli,
  ends: MoveEnds,
  { source, options }: { readonly source: MoveStore; readonly options: MoveOptions },
): Promise<ExitCode> {
  await using stack = new AsyncDisposableStack();
  let target: MoveStore | null = null;
  try {
    target = stack.use(await openEnd(cli, ends, ends.target));
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    cli.terminal.err(`relevo: ${error.message}\n`);
  }
  const result = await untilStopped((signal) => abandonMove({ source, target, signal, onProgress: tellProgress(cli) }));
  const told = { from: source.name, to: target?.name ?? 'the target', isJson: options.json === true, ends };
  return report(cli, result, told);
}

async function dryRun(cli: Cli, source: MoveStore, options: MoveOptions): Promise<ExitCode> {
  const [sums, mark] = [sumsOf(await source.audit()), await source.mark()];
  const isUnderWay = mark !== null;
  if (options.json === true) cli.terminal.out(json({ result: 'dry-run', from: source.name, isUnderWay, sums }));
  else
    cli.terminal.out(
      `In ${source.name}:\n${sumsText(sums)}${isUnderWay ? `A move to ${mark.peer} is unfinished.\n` : ''}Nothing was moved.\n`,
    );
  return 0;
}

/** SIGINT and SIGTERM end it between two pages; a second one at once, which loses nothing either. */
async function untilStopped<Result>(run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
    for (const signal of SIGNALS) process.off(signal, end);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    return await run(stop.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const TOLD_EVERY_MS = 2_000;

function tellProgress({ terminal, clock }: Cli): (progress: MoveProgress) => void {
  let lastMs = clock.monotonicMs();
  let lastStep: string | null = null;
  return ({ step, records }) => {
    const nowMs = clock.monotonicMs();
    if (step === lastStep && nowMs - lastMs < TOLD_EVERY_MS) return;
    [lastMs, lastStep] = [nowMs, step];
    terminal.err(records === 0 ? `${step} …\n` : `${step}: ${plural(records, 'record')}\n`);
  };
}

type Told = { readonly from: string; readonly to: string; readonly isJson: boolean; readonly ends: MoveEnds };

function report({ terminal }: Cli, result: MoveResult, { from, to, isJson, ends }: Told): ExitCode {
  const problems = problemsOf(result);
  const sums = result.kind === 'moved' ? result.sums : null;
  if (isJson) terminal.out(json({ result: result.kind, from, to, sums, problems }));
  else if (result.kind === 'moved') {
    const next = ends.isPolicyTarget
      ? 'The policy names the new store: `relevo start`.'
      : 'The policy still names the old store: change its `spool` before you start the relay.';
    terminal.out(`Moved from ${from} to ${to}:\n${sumsText(result.sums)}Both sides add up to the same. ${next}\n`);
  } else if (result.kind === 'abandoned') terminal.out(`Given up: all mail is in ${from}, as it was.\n`);
  if (!isJson) for (const problem of problems) terminal.err(`relevo: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

const OR_BACK = 'nothing was removed. Go back with --abandon';

function problemsOf(result: MoveResult): readonly string[] {
  switch (result.kind) {
    case 'moved':
      return [];
    case 'abandoned':
      if (result.copiesIn === null) return [];
      return [
        `the copies in ${result.copiesIn} are still there: no relay starts on it until this command, or the next move ` +
          'to it, has removed them',
      ];
    case 'stopped':
      return ['stopped: give the same command again to go on'];
    case 'refused':
      return [result.why];
    case 'differs':
      return [`the target is not what it should be, and ${OR_BACK}`, ...result.differences];
    case 'conflict':
      return [
        `the target has ${plural(result.messageIds.length, 'message')} by itself that the source has too, and ${OR_BACK}`,
        ...result.messageIds,
      ];
  }
}

function sumsText({ messages, accepted, finished, queued, possibleDuplicates }: MoveSums): string {
  const lines = [
    `${plural(messages, 'message')} for ${plural(accepted, 'recipient')}: ${queued} still queued`,
    ...FINAL_STATES.filter((state) => finished[state] > 0).map((state) => `${finished[state]} ${state}`),
  ];
  const doubt =
    possibleDuplicates > 0 ? `${plural(possibleDuplicates, 'copy')} may have been delivered twice before.\n` : '';
  return `${lines.join(', ')}.\n${doubt}`;
}
