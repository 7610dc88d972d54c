import type { Command } from 'commander';
import { timeOf } from '../../policy/times.ts';
import { messageIdOf, type DeliveryId } from '../../message/ids.ts';
import type { Operations } from '../../operations/operations.ts';
import { type MovedMany, rescheduleMany } from '../../operations/mail/reschedule-many.ts';
import { parseDurationMs } from '../../policy/units.ts';
import { isoTime } from '../../report/log-fields.ts';
import type { QueueFilter } from '../../spool/spool.ts';
import { addCommand, UsageError, type Registry } from '../cli.ts';
import { json, plural } from '../output.ts';
import { addFilterOptions, filterOf, type FilterOptions, withNamed } from './queue-filter.ts';
import { withOperations } from '../reach.ts';

type Options = FilterOptions & { readonly at: string };

/** `relevo queue reschedule` */
export function addReschedule(queue: Command, registry: Registry): void {
  addCommand<Options>(queue, registry, {
    usage: 'reschedule [id...]',
    summary: 'move mail that nobody has tried yet to another time',
    json: true,
    shape: (command) =>
      addFilterOptions(command, { changes: true }).requiredOption(
        '--at <time>',
        'as 2026-12-24T08:00:00+01:00, or from now: 2h, 3d; now',
      ),
    run: async (cli, { args, options, where }) => {
      const nowMs = cli.clock.nowMs();
      const toMs = Math.max(timeAt(options.at, nowMs), nowMs);
      const filter = filterOf(withNamed(options, args), { mustName: true, nowMs });
      const result = await withOperations(cli, where, (operations) => moved(operations, filter, toMs));
      if (options.json === true) cli.terminal.out(json({ ...result, sendAtMs: toMs }));
      else {
        cli.terminal.out(`${plural(result.changed, 'delivery')} moved to ${isoTime(toMs)}.\n`);
        if (!result.isWhole) cli.terminal.out('There are more: once again, please.\n');
        if (result.busy > 0) cli.terminal.out(`${plural(result.busy, 'delivery')} tried already and left alone.\n`);
      }
      return result.changed === 0 ? 1 : 0;
    },
  });
}

/** By ids alone they are messages, each with all its deliveries, however they are named. */
async function moved(operations: Operations, filter: QueueFilter, toMs: number): Promise<MovedMany> {
  const { ids, ...others } = filter;
  if (ids === undefined || Object.keys(others).length > 0) return rescheduleMany(operations, { filter, toMs });
  const messages = [...new Set(ids.map((id) => messageIdOf(id as DeliveryId)))];
  return { ...(await operations.reschedule({ ids: messages, toMs })), isWhole: true };
}

/** A wall time, as people give it to `--at`; in whole ms. @throws UsageError */
export function timeAt(text: string, nowMs: number): number {
  const afterMs = text === 'now' ? 0 : parseDurationMs(text);
  const atMs = afterMs === null ? timeOf(text) : nowMs + afterMs;
  if (atMs === null)
    throw new UsageError(`--at: expected a time such as 2026-12-24T08:00:00+01:00, 2h or now, found "${text}"`);
  return Math.round(atMs);
}
