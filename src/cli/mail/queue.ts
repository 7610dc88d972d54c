import { InvalidArgumentError, type Command } from 'commander';
import { type DeliveryId, parseDeliveryId } from '../../message/ids.ts';
import { formatReply } from '../../message/reply.ts';
import { isWaitText } from '../../schedule/window/groups.ts';
import type { QueuedDelivery } from '../../spool/spool.ts';
import { addCommand, addGroup, UsageError, type Registry } from '../cli.ts';
import type { QueueAction, QueueShape } from '../../operations/operations.ts';
import { cut, formatDue, formatSize, json, plural, table } from '../output.ts';
import { plainDelivery } from '../../operations/mail/queue-json.ts';
import { formatAge } from '../../policy/units.ts';
import { addFilterOptions, filterOf, type FilterOptions, withNamed } from './queue-filter.ts';
import { withOperations } from '../reach.ts';
import { addReschedule } from './reschedule.ts';

/** `relevo queue …` */
export function addQueue(program: Command, registry: Registry): void {
  const queue = addGroup(program, 'queue', 'what waits, and what to do with it');
  addList(queue, registry);
  addShape(queue, registry);
  for (const change of CHANGES) addChange(queue, registry, change);
  addReschedule(queue, registry);
}

function addList(queue: Command, registry: Registry): void {
  addCommand<FilterOptions & { limit: number; after?: string }>(queue, registry, {
    usage: 'list [id...]',
    summary: 'deliveries that wait, newest first',
    json: true,
    shape: (command) =>
      addFilterOptions(command, { changes: false })
        .option('--limit <count>', 'at most so many', countOption, 100)
        .option('--after <id>', 'go on after this delivery'),
    run: async (cli, { args, options, where }) => {
      const filter = filterOf(withNamed(options, args), { mustName: false, nowMs: cli.clock.nowMs() });
      const after = options.after === undefined ? null : deliveryId(options.after);
      const { limit } = options;
      // One more than is shown tells whether there are more.
      const found = await withOperations(cli, where, (operations) =>
        operations.list({ filter, limit: limit + 1, after }),
      );
      const shown = found.slice(0, limit);
      const next = found.length > limit ? (shown.at(-1)?.delivery.id ?? null) : null;
      if (options.json === true) cli.terminal.out(json({ deliveries: shown.map(plainDelivery), next }));
      else cli.terminal.out(listText(shown, next, cli.clock.nowMs()));
      return 0;
    },
  });
}

function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > 5_000) throw new InvalidArgumentError('expected 1 to 5000');
  return count;
}

function deliveryId(text: string): DeliveryId {
  const id = parseDeliveryId(text);
  if (id === null) throw new UsageError(`"${text}" is no delivery's id`);
  return id;
}

function listText(shown: readonly QueuedDelivery[], next: DeliveryId | null, nowMs: number): string {
  if (shown.length === 0) return 'Nothing.\n';
  const rows = shown.map(({ delivery, sender, sizeBytes, leasedUntilMs }) => [
    delivery.id,
    formatAge(nowMs - delivery.createdAtMs),
    stateText(delivery, { leasedUntilMs, nowMs }),
    String(delivery.attempts),
    formatSize(sizeBytes),
    delivery.client,
    cut(sender === '' ? '<>' : sender, 40),
    cut(recipientsText(delivery.recipients.map(({ address }) => address)), 60),
    delivery.lastReply === null ? '' : cut(formatReply(delivery.lastReply), 80),
  ]);
  const header = ['id', 'age', 'state', 'tries', 'size', 'client', 'sender', 'recipients', 'last reply'];
  return table(header, rows) + (next === null ? '' : `More: --after ${next}\n`);
}

function stateText(
  { state, dueAtMs, lastReply }: QueuedDelivery['delivery'],
  { leasedUntilMs, nowMs }: { readonly leasedUntilMs: number | null; readonly nowMs: number },
): string {
  if (state !== 'queued') return state;
  if (leasedUntilMs !== null) return 'under way';
  const due = formatDue(dueAtMs - nowMs);
  // Its due time is only the next look whether an exit may send again.
  const waits = dueAtMs > nowMs && lastReply !== null && isWaitText(lastReply.text);
  return waits ? `waits for an exit, looks ${due}` : `due ${due}`;
}

function recipientsText(addresses: readonly string[]): string {
  const [first = '', ...others] = addresses;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

function addShape(queue: Command, registry: Registry): void {
  addCommand<FilterOptions>(queue, registry, {
    usage: 'shape',
    summary: 'deliveries by destination and age: where it is stuck',
    json: true,
    shape: (command) => addFilterOptions(command, { changes: false }),
    run: async (cli, { options, where }) => {
      const filter = filterOf(options, { mustName: false, nowMs: cli.clock.nowMs() });
      const shape = await withOperations(cli, where, (operations) => operations.shape({ filter }));
      cli.terminal.out(options.json === true ? json(shape) : shapeText(shape));
      return 0;
    },
  });
}

const MOST_ROWS = 40;

function shapeText({ agesMs, rows, isWhole }: QueueShape): string {
  if (rows.length === 0) return 'Nothing.\n';
  const sum = (pick: (row: QueueShape['rows'][number]) => number) =>
    String(rows.reduce((total, row) => total + pick(row), 0));
  const ages = agesMs.map((age) => formatAge(age));
  const total = ['all', sum((row) => row.total), ...[...agesMs, 0].map((_, at) => sum((row) => row.byAge[at] ?? 0))];
  const lines = rows.slice(0, MOST_ROWS).map((row) => [row.domain, String(row.total), ...row.byAge.map(String)]);
  const more = rows.length > MOST_ROWS ? `and ${plural(rows.length - MOST_ROWS, 'domain')} more\n` : '';
  const part = isWhole ? '' : 'The newest 200,000 deliveries only.\n';
  return table(['domain', 'deliveries', ...ages.map((age) => `< ${age}`), 'older'], [total, ...lines]) + more + part;
}

type Change = { readonly action: QueueAction; readonly summary: string; readonly done: string };

const CHANGES: readonly Change[] = [
  { action: 'hold', summary: 'set deliveries aside until they are released', done: 'held' },
  { action: 'release', summary: 'let held and quarantined deliveries go', done: 'released' },
  { action: 'retry', summary: 'make deliveries due now', done: 'due now' },
  { action: 'bounce', summary: 'end deliveries with a report to their senders', done: 'bounced' },
  { action: 'discard', summary: 'end deliveries without a report', done: 'discarded' },
  { action: 'cancel', summary: 'end scheduled mail before its time comes, without a report', done: 'cancelled' },
];

function addChange(queue: Command, registry: Registry, { action, summary, done }: Change): void {
  addCommand<FilterOptions>(queue, registry, {
    usage: `${action} [id...]`,
    summary,
    json: true,
    shape: (command) => addFilterOptions(command, { changes: true }),
    run: async (cli, { args, options, where }) => {
      const filter = filterOf(withNamed(options, args), { mustName: true, nowMs: cli.clock.nowMs() });
      const result = await withOperations(cli, where, (operations) => operations.change({ action, filter }));
      if (options.json === true) {
        cli.terminal.out(json(result));
      } else {
        cli.terminal.out(`${plural(result.changed, 'delivery')} ${done}.\n`);
        if (result.busy > 0) cli.terminal.out(`${plural(result.busy, 'delivery')} under way and left alone.\n`);
      }
      // Asked for by name and not there: a script wants to know.
      return result.changed === 0 && filter.ids !== undefined ? 1 : 0;
    },
  });
}
