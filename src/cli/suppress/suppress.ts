import { InvalidArgumentError, type Command } from 'commander';
import { isoTime } from '../../report/log-fields.ts';
import { SUPPRESSION_REASONS, type Suppression } from '../../spool/suppressions.ts';
import { nearest } from '../../policy/file/nearest.ts';
import { addCommand, addGroup, type Cli, UsageError, type Registry } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';
import { cut, json, plural, table } from '../output.ts';
import { withOperations } from '../reach.ts';
import { allSuppressions } from '../../operations/suppress/suppress-operations.ts';
import {
  addressOf,
  addSuppressionFilter,
  keepOf,
  reasonOf,
  suppressionFilter,
  type SuppressionFilterOptions,
} from './options.ts';
import { addTransfer } from './transfer.ts';

/** `relevo suppress …` */
export function addSuppress(program: Command, registry: Registry): void {
  const group = addGroup(program, 'suppress', 'addresses that are not written to any more');
  addList(group, registry);
  addAdd(group, registry);
  addRemove(group, registry);
  addTransfer(group, registry);
}

function addList(group: Command, registry: Registry): void {
  addCommand<SuppressionFilterOptions & { limit: number; after?: string }>(group, registry, {
    usage: 'list',
    summary: 'suppressed addresses, by address: since when, why, and for whose mail',
    json: true,
    shape: (command) =>
      addSuppressionFilter(command)
        .option('--limit <count>', 'at most so many', countOption, 100)
        .option('--after <cursor>', 'go on where the page before ended'),
    run: async (cli, { options, where }) => {
      const filter = suppressionFilter(options);
      const { limit } = options;
      const page = await withOperations(cli, where, async (operations) => {
        const entries: Suppression[] = [];
        let after = options.after ?? null;
        // A page of the store may be short and not the last.
        do {
          const found = await operations.suppressions({ filter, limit: limit - entries.length, after });
          entries.push(...found.entries);
          after = found.next;
        } while (after !== null && entries.length < limit);
        return { entries, next: after };
      });
      if (options.json === true) cli.terminal.out(json({ suppressions: page.entries, next: page.next }));
      else cli.terminal.out(listText(page.entries, page.next, cli.clock.nowMs()));
      return 0;
    },
  });
}

function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > 1_000) throw new InvalidArgumentError('expected 1 to 1000');
  return count;
}

function listText(entries: readonly Suppression[], next: string | null, nowMs: number): string {
  const more = next === null ? '' : `More: --after ${next}\n`;
  if (entries.length === 0) return more === '' ? 'Nothing.\n' : more;
  const rows = entries.map((entry) => [
    entry.address,
    entry.reason,
    isoTime(entry.atMs).slice(0, 10),
    entry.untilMs === null ? '-' : entry.untilMs <= nowMs ? 'ended' : isoTime(entry.untilMs).slice(0, 10),
    entry.client ?? 'any',
    entry.stream ?? 'any',
    entry.source,
    cut(entry.evidence, 80),
  ]);
  return table(['ADDRESS', 'REASON', 'SINCE', 'UNTIL', 'CLIENT', 'STREAM', 'SOURCE', 'EVIDENCE'], rows) + more;
}

type ScopeOptions = { readonly client?: string; readonly stream?: string };

function addAdd(group: Command, registry: Registry): void {
  addCommand<ScopeOptions & { readonly reason: string; readonly note?: string; readonly keep?: string }>(
    group,
    registry,
    {
      usage: 'add <address...>',
      summary: 'write to these addresses no more',
      json: true,
      shape: (command) =>
        command
          .option('--client <name>', 'hold back the mail of this client alone (default: of all)')
          .option('--stream <name>', 'hold back this stream alone (default: all)')
          .option('--reason <reason>', SUPPRESSION_REASONS.join(', '), 'manual')
          .option('--note <text>', 'why, for whoever looks at it later')
          .option('--keep <time>', 'for how long, such as 90d (default: until it is taken back)'),
      run: async (cli, { args: [given], options, where }) => {
        const atMs = cli.clock.nowMs();
        const keepMs = options.keep === undefined ? null : keepOf(options.keep);
        const entries = addressesOf(given).map((address): Suppression => ({
          address,
          client: options.client ?? null,
          stream: options.stream ?? null,
          reason: reasonOf(options.reason),
          evidence: (options.note ?? '').slice(0, 1_000),
          source: 'operator',
          atMs,
          untilMs: keepMs === null ? null : atMs + keepMs,
        }));
        await withOperations(cli, where, (operations) => operations.suppress({ entries }));
        warnOfScope(cli, where, options);
        if (options.json === true) cli.terminal.out(json({ made: entries.length }));
        else cli.terminal.out(`Suppressed: ${entries.length}.\n`);
        return 0;
      },
    },
  );
}

/** A name that was misspelt holds nothing back, and nobody would know. */
function warnOfScope(cli: Cli, where: Where, scope: ScopeOptions): void {
  if (scope.client === undefined && scope.stream === undefined) return;
  const loaded = loadPolicyFile(cli, where);
  if (loaded.kind === 'refused') return;
  for (const what of ['client', 'stream'] as const) {
    const name = scope[what];
    const names = Object.keys(what === 'client' ? loaded.policy.clients : loaded.policy.streams);
    if (name === undefined || names.includes(name)) continue;
    const meant = nearest(name, names);
    const hint = meant === null ? '' : ` (did you mean ${meant}?)`;
    cli.terminal.err(`relevo: the policy has no ${what} ${name}${hint}: until it has, this holds nothing back\n`);
  }
}

function addRemove(group: Command, registry: Registry): void {
  addCommand<ScopeOptions>(group, registry, {
    usage: 'remove <address...>',
    summary: 'write to these addresses again',
    json: true,
    shape: (command) =>
      command
        .option('--client <name>', 'take back what holds for this client alone (default: everything)')
        .option('--stream <name>', 'take back what holds for this stream alone (default: everything)'),
    run: async (cli, { args: [given], options, where }) => {
      const { client, stream } = options;
      const filter = suppressionFilter({
        ...(client === undefined ? {} : { client }),
        ...(stream === undefined ? {} : { stream }),
      });
      const removed = await withOperations(cli, where, async (operations) => {
        let count = 0;
        for (const address of addressesOf(given)) {
          for await (const keys of allSuppressions(operations, { ...filter, address })) {
            const some = keys.map((key) => ({ address: key.address, client: key.client, stream: key.stream }));
            if (some.length > 0) count += (await operations.unsuppress({ keys: some })).removed;
          }
        }
        return count;
      });
      if (options.json === true) cli.terminal.out(json({ removed }));
      else cli.terminal.out(`${plural(removed, 'entry')} taken back.\n`);
      // Asked for by name and not there: a script wants to know.
      return removed === 0 ? 1 : 0;
    },
  });
}

function addressesOf(given: unknown): readonly string[] {
  const list = Array.isArray(given) ? given.map(String) : [String(given)];
  if (list.length > 1_000)
    throw new UsageError('more than 1,000 addresses: put them into a file for `suppress import`');
  return [...new Set(list.map(addressOf))];
}
