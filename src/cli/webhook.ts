import type { Command } from 'commander';
import { isoTime } from '../report/log-fields.ts';
import { addCommand, addGroup, type Registry, UsageError } from './cli.ts';
import { json, printable, table } from './output.ts';
import { withOperations } from './reach.ts';
import { timeBefore } from './time-option.ts';
import type { WebhookStatus } from '../operations/webhook-operations.ts';

/** `relevo webhook …` */
export function addWebhooks(program: Command, registry: Registry): void {
  const group = addGroup(
    program,
    'webhook',
    'programs that are told of events: how far they are, and telling them again',
  );
  addCommand(group, registry, {
    usage: 'list',
    summary: 'whether each takes what it is told',
    json: true,
    run: async (cli, { options, where }) => {
      const webhooks = await withOperations(cli, where, (operations) => operations.webhooks());
      cli.terminal.out(options.json === true ? json({ webhooks }) : listText(webhooks));
      return webhooks.some(({ state }) => state === 'failing' || state === 'disabled') ? 1 : 0;
    },
  });
  addCommand(group, registry, {
    usage: 'resume <name>',
    summary: 'tell it again, from where it was',
    json: true,
    run: async (cli, { args: [name], options, where }) => {
      const ask = { name: String(name) };
      const { changed } = await withOperations(cli, where, (operations) => operations.resumeWebhook(ask));
      const text = changed ? `${ask.name} is told again, from where it was.` : `${ask.name} is told already.`;
      cli.terminal.out(options.json === true ? json({ ...ask, changed }) : `${printable(text)}\n`);
      return 0;
    },
  });
  addReplay(group, registry);
}

type ReplayOptions = { readonly since: string; readonly until?: string };

function addReplay(group: Command, registry: Registry): void {
  addCommand<ReplayOptions>(group, registry, {
    usage: 'replay <name>',
    summary: 'tell it once more what happened in a stretch of time',
    json: true,
    shape: (command) =>
      command
        .requiredOption('--since <time>', 'from then on: 2026-11-22T08:00:00Z, or so long ago: 6h, 2d')
        .option('--until <time>', 'and before then (default: now)')
        .addHelpText(
          'after',
          '\nEvents have the ids that they had. The history is as long as `history` of the policy says.',
        ),
    run: async (cli, { args: [name], options, where }) => {
      const fromMs = timeBefore(cli, '--since', options.since);
      const untilMs = options.until === undefined ? cli.clock.nowMs() : timeBefore(cli, '--until', options.until);
      if (untilMs <= fromMs) throw new UsageError('--until: expected a time after --since');
      const ask = { name: String(name), fromMs, untilMs };
      await withOperations(cli, where, (operations) => operations.replayWebhook(ask));
      const text = `${ask.name} is told again what happened from ${isoTime(fromMs)} until ${isoTime(untilMs)}.`;
      cli.terminal.out(options.json === true ? json(ask) : `${printable(text)}\n`);
      return 0;
    },
  });
}

function listText(webhooks: readonly WebhookStatus[]): string {
  if (webhooks.length === 0) return 'The policy has no webhooks.\n';
  return table(
    ['WEBHOOK', 'STATE', 'LAST TOLD', 'EVENTS'],
    webhooks.map(({ name, state, toldAtMs, events, failingSinceMs, cause, replay }) => [
      name,
      `${state}${failingSinceMs === null ? '' : ` since ${isoTime(failingSinceMs)}: ${cause}`}${replay === null ? '' : ', being told again'}`,
      toldAtMs === null ? 'never' : isoTime(toldAtMs),
      events.join(' '),
    ]),
  );
}
