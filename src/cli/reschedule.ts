import type { Command } from 'commander';
import { timeOf } from '../policy/times.ts';
import { messageIdOf, type DeliveryId, type MessageId } from '../message/ids.ts';
import { parseDurationMs } from '../policy/units.ts';
import { isoTime } from '../report/log-fields.ts';
import { addCommand, UsageError, type Registry } from './cli.ts';
import { json, plural } from './output.ts';
import { parseId } from './queue-filter.ts';
import { withOperations } from './reach.ts';

type Options = { readonly id: readonly string[]; readonly at: string };

/** `relevo queue reschedule` */
export function addReschedule(queue: Command, registry: Registry): void {
  addCommand<Options>(queue, registry, {
    usage: 'reschedule',
    summary: 'move mail that nobody has tried yet to another time',
    json: true,
    shape: (command) =>
      command
        .requiredOption('--id <id...>', 'messages; each moves with all its deliveries')
        .requiredOption('--at <time>', 'as 2026-12-24T08:00:00+01:00, or from now: 2h, 3d; now'),
    run: async (cli, { options, where }) => {
      const ids = [...new Set(options.id.map(messageOf))];
      const nowMs = cli.clock.nowMs();
      const toMs = Math.max(timeAt(options.at, nowMs), nowMs);
      const result = await withOperations(cli, where, (operations) => operations.reschedule({ ids, toMs }));
      if (options.json === true) cli.terminal.out(json({ ...result, sendAtMs: toMs }));
      else {
        cli.terminal.out(`${plural(result.changed, 'delivery')} moved to ${isoTime(toMs)}.\n`);
        if (result.busy > 0) cli.terminal.out(`${plural(result.busy, 'delivery')} tried already and left alone.\n`);
      }
      return result.changed === 0 ? 1 : 0;
    },
  });
}

function messageOf(text: string): MessageId {
  return messageIdOf(parseId(text) as DeliveryId);
}

/** A wall time, as people give it to `--at`; in whole ms. @throws UsageError */
export function timeAt(text: string, nowMs: number): number {
  const afterMs = text === 'now' ? 0 : parseDurationMs(text);
  const atMs = afterMs === null ? timeOf(text) : nowMs + afterMs;
  if (atMs === null)
    throw new UsageError(`--at: expected a time such as 2026-12-24T08:00:00+01:00, 2h or now, found "${text}"`);
  return Math.round(atMs);
}
