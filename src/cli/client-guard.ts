import type { Command } from 'commander';
import type { ClientStatus } from '../operations/client-operations.ts';
import { isoTime } from '../report/log-fields.ts';
import { addCommand, type Registry } from './cli.ts';
import { json, printable, table } from './output.ts';
import { withOperations } from './reach.ts';

/** `relevo client list|profile|release`: what clients do. */
export function addClientGuard(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'list',
    summary: 'all clients: what is usual of each, and what is held',
    json: true,
    run: async (cli, { options, where }) => {
      const clients = await withOperations(cli, where, (operations) => operations.clientStatuses());
      cli.terminal.out(options.json === true ? json({ clients }) : listText(clients));
      return clients.some(({ held }) => held !== null) ? 1 : 0;
    },
  });
  addCommand(group, registry, {
    usage: 'profile <name>',
    summary: 'what its software does, and what needs attention',
    json: true,
    run: async (cli, { args: [name], options, where }) => {
      const clients = await withOperations(cli, where, (operations) => operations.clientStatuses());
      const status = clients.find(({ client }) => client === name);
      if (status === undefined) {
        cli.terminal.err(`relevo: the policy has no client ${printable(String(name))}\n`);
        return 1;
      }
      cli.terminal.out(options.json === true ? json(status) : profileText(status));
      return 0;
    },
  });
  addCommand(group, registry, {
    usage: 'release <name>',
    summary: 'let go the mail that its guard holds',
    json: true,
    run: async (cli, { args: [given], options, where }) => {
      const name = String(given);
      const { released } = await withOperations(cli, where, (operations) =>
        operations.releaseClient({ name, by: 'the command line' }),
      );
      const text = released ? `The mail of ${name} goes out now.` : `Nothing of ${name} is held by its guard.`;
      cli.terminal.out(options.json === true ? json({ client: name, released }) : `${printable(text)}\n`);
      return 0;
    },
  });
}

function listText(clients: readonly ClientStatus[]): string {
  if (clients.length === 0) return 'The policy has no clients.\n';
  return table(
    ['CLIENT', 'STREAM', 'THIS HOUR', 'USUAL', 'BUSIEST', 'GUARD'],
    clients.map((status) => [
      status.client,
      status.stream,
      String(status.hour.recipients),
      String(status.guard.usual),
      String(status.guard.busiest),
      guardText(status),
    ]),
  );
}

function guardText({ held, guard: { enabled, knownSinceMs, judgesFromMs } }: ClientStatus): string {
  if (held !== null) return `HOLDS its bulk mail since ${isoTime(held.sinceMs)}: ${held.reason}`;
  if (!enabled) return 'off';
  return knownSinceMs === null || judgesFromMs === null
    ? 'has seen nothing yet'
    : `judges from ${isoTime(judgesFromMs)}`;
}

function profileText(status: ClientStatus): string {
  const { client, profile } = status;
  const head = `${client}: ${profile.messages} messages over ${profile.sessions} connections in 30 days; guard: ${guardText(status)}\n`;
  if (profile.messages === 0) return printable(head.trimEnd()) + '\n';
  const lines = profile.habits.map(({ messages, share, text, needsAttention }) => {
    const part = share >= 0.995 ? 'always' : `${messages} times (${(share * 100).toFixed(1)} %)`;
    return `  ${needsAttention ? '!' : ' '} ${text}: ${part}\n`;
  });
  const calm = profile.habits.some(({ needsAttention }) => needsAttention) ? '' : '  Nothing needs attention.\n';
  return `${printable(head.trimEnd())}\n${lines.join('')}${calm}`;
}
