import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Suppression, SUPPRESSIONS_AT_ONCE } from '../../spool/suppressions.ts';
import { addCommand, type Cli, type ExitCode, type Registry, UsageError } from '../cli.ts';
import { json, plural } from '../output.ts';
import type { Operations } from '../../operations/operations.ts';
import { withOperations } from '../reach.ts';
import { addSuppressionFilter, keepOf, reasonOf, suppressionFilter, type SuppressionFilterOptions } from './options.ts';
import { EXPORT_FORMATS, exportFormat } from '../../operations/suppress/export.ts';
import { entryOf, type ImportTerms } from '../../operations/suppress/formats.ts';
import { allSuppressions } from '../../operations/suppress/suppress-operations.ts';
import { ListError, rowsOf } from '../../operations/suppress/rows.ts';

/** `relevo suppress import` and `export` */
export function addTransfer(group: Command, registry: Registry): void {
  addImport(group, registry);
  addExport(group, registry);
}

type ImportOptions = {
  readonly client?: string;
  readonly stream?: string;
  readonly global?: true;
  readonly reason?: string;
  readonly keep?: string;
  readonly dryRun?: true;
  readonly skipBad?: true;
};

/** What a pass over a list came to. */
type Tally = {
  made: number;
  skipped: number;
  bad: number;
  readonly formats: Record<string, number>;
  readonly reasons: Record<string, number>;
};

const MOST_PROBLEMS = 20;

function addImport(group: Command, registry: Registry): void {
  addCommand<ImportOptions>(group, registry, {
    usage: 'import <file>',
    summary: 'take over a list: our own CSV, SendGrid, Mailgun, Amazon SES, or addresses alone',
    json: true,
    shape: (command) =>
      command
        .option('--client <name>', 'they hold for the mail of this client alone')
        .option('--stream <name>', 'they hold for this stream alone')
        .option('--global', 'they hold for all mail, complaints and unsubscribes too')
        .option('--reason <reason>', 'instead of the one that the list says')
        .option('--keep <time>', 'for how long from now, such as 365d (default: until they are taken back)')
        .option('--dry-run', 'say what would be done, and do nothing')
        .option('--skip-bad', 'import the rest where lines cannot be read')
        .addHelpText(
          'after',
          '\nThe form is told by the names of the columns. The whole file is read first: where a line cannot be read nothing\n' +
            'is imported, unless --skip-bad says so. Blocks of SendGrid, which say nothing of the address, are left out.',
        ),
    run: async (cli, { args: [given], options, where }) => {
      const file = resolve(cli.cwd, String(given));
      const terms = termsOf(cli, options);
      const checked = await pass({ cli, file, terms, tells: true }, null);
      const isRefused = checked.bad > 0 && options.skipBad !== true;
      if (isRefused || options.dryRun === true) return tell(cli, checked, { options, isDone: false });
      const done = await withOperations(cli, where, (operations) =>
        pass({ cli, file, terms, tells: false }, operations),
      );
      return tell(cli, done, { options, isDone: true });
    },
  });
}

function termsOf(cli: Cli, { client, stream, global, reason, keep }: ImportOptions): ImportTerms {
  if (global === true && (client !== undefined || stream !== undefined))
    throw new UsageError('--global or --client and --stream, not both');
  return {
    client: client ?? null,
    stream: stream ?? null,
    isScoped: global === true || client !== undefined || stream !== undefined,
    reason: reason === undefined ? null : reasonOf(reason),
    keepMs: keep === undefined ? null : keepOf(keep),
    nowMs: cli.clock.nowMs(),
  };
}

type Pass = { readonly cli: Cli; readonly file: string; readonly terms: ImportTerms; readonly tells: boolean };

/** Reads the list once. @param operations null: nothing is made */
async function pass({ cli, file, terms, tells }: Pass, operations: Operations | null): Promise<Tally> {
  const tally: Tally = { made: 0, skipped: 0, bad: 0, formats: {}, reasons: {} };
  const problem = (text: string): void => {
    tally.bad += 1;
    if (tells && tally.bad <= MOST_PROBLEMS) cli.terminal.err(`${file}: ${text}\n`);
  };
  let entries: Suppression[] = [];
  const flush = async (): Promise<void> => {
    if (operations !== null && entries.length > 0) await operations.suppress({ entries });
    entries = [];
  };
  try {
    for await (const row of rowsOf(createReadStream(file, { encoding: 'utf8' }))) {
      const result = entryOf(row, terms);
      if (result.kind === 'bad') problem(`line ${row.line}: ${result.problem}`);
      else if (result.kind === 'skipped') tally.skipped += 1;
      else {
        tally.made += 1;
        tally.formats[result.format] = (tally.formats[result.format] ?? 0) + 1;
        tally.reasons[result.entry.reason] = (tally.reasons[result.entry.reason] ?? 0) + 1;
        if (operations !== null) entries.push(result.entry);
        if (entries.length >= SUPPRESSIONS_AT_ONCE) await flush();
      }
    }
  } catch (error) {
    if (error instanceof ListError) problem(error.message);
    else if (error instanceof Error && 'code' in error && 'syscall' in error)
      throw new UsageError(`${file} cannot be read: ${String(error.code)}`);
    else throw error;
  }
  await flush();
  return tally;
}

function tell(
  { terminal }: Cli,
  { made, skipped, bad, formats, reasons }: Tally,
  { options, isDone }: { readonly options: ImportOptions & { readonly json?: true }; readonly isDone: boolean },
): ExitCode {
  if (options.json === true)
    terminal.out(json({ imported: isDone ? made : 0, read: made, skipped, bad, formats, reasons }));
  else {
    const of = (counts: Readonly<Record<string, number>>): string =>
      Object.entries(counts)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ');
    if (made > 0) terminal.out(`${plural(made, 'entry')} (${of(formats)}): ${of(reasons)}.\n`);
    if (skipped > 0) terminal.out(`${plural(skipped, 'line')} left out: they say nothing of the address.\n`);
    if (bad > 0) terminal.out(`${plural(bad, 'line')} cannot be read.\n`);
    terminal.out(isDone ? 'Imported.\n' : 'Nothing was imported.\n');
  }
  return bad > 0 ? 1 : 0;
}

type ExportOptions = SuppressionFilterOptions & { readonly format: string; readonly out?: string };

function addExport(group: Command, registry: Registry): void {
  addCommand<ExportOptions>(group, registry, {
    usage: 'export',
    summary: 'all suppressed addresses, for a file or for a provider',
    json: true,
    shape: (command) =>
      addSuppressionFilter(command)
        .option('--format <format>', EXPORT_FORMATS.join(', '), 'csv')
        .option('--out <file>', 'where to (default: standard output)')
        .addHelpText('after', '\n--json is --format json: an object a line.'),
    run: async (cli, { options, where }) => {
      const filter = suppressionFilter(options);
      const format = exportFormat(options.json === true ? 'json' : options.format);
      if (format === null)
        throw new UsageError(`--format "${options.format}": the formats are ${EXPORT_FORMATS.join(', ')}`);
      const file = options.out === undefined ? null : createWriteStream(resolve(cli.cwd, options.out), { mode: 0o600 });
      // Told when it is closed; without a listener it would end the process.
      const failure = file === null ? null : once(file, 'error').then(([error]) => error as Error);
      const write = async (text: string): Promise<void> => {
        if (file === null) cli.terminal.out(text);
        else if (!file.write(text)) await Promise.race([once(file, 'drain'), failure]);
      };
      let [written, left] = [0, 0];
      await write(format.header);
      await withOperations(cli, where, async (operations) => {
        for await (const entries of allSuppressions(operations, filter)) {
          const lines = entries.map(format.lineOf).filter((line) => line !== null);
          written += lines.length;
          left += entries.length - lines.length;
          if (lines.length > 0) await write(lines.join(''));
        }
      });
      const failed =
        file === null ? null : await Promise.race([new Promise<null>((done) => file.end(() => done(null))), failure]);
      if (failed !== null) throw new UsageError(`${String(options.out)} cannot be written: ${failed.message}`);
      if (left > 0) cli.terminal.err(`${plural(left, 'entry')} left out: ${options.format} has no list for them.\n`);
      if (file !== null) cli.terminal.err(`${plural(written, 'entry')} written.\n`);
      return 0;
    },
  });
}
