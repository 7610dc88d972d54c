import { InvalidArgumentError, type Command } from 'commander';
import { parseDomain } from '../../message/address.ts';
import type { Operations } from '../../operations/operations.ts';
import { timeOf } from '../../policy/times.ts';
import { parseDurationMs } from '../../policy/units.ts';
import { isoTime } from '../../report/log-fields.ts';
import {
  type FoundMail,
  SEARCH_LIMIT,
  SEARCH_STATES,
  type SearchFilter,
  type SearchPage,
  type SearchState,
} from '../../spool/search.ts';
import { addCommand, type Registry, UsageError } from '../cli.ts';
import { cut, json, table } from '../output.ts';
import { withOperations } from '../reach.ts';

type Options = {
  readonly address?: string;
  readonly recipient?: string;
  readonly sender?: string;
  readonly domain?: string;
  readonly state?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly tag?: string;
  readonly egress?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
  readonly cursor?: string;
};

/** Questions that are asked one after the other, each of so many messages, before somebody is asked to go on. */
const QUESTIONS_MOST = 50;

/** `relevo message search` */
export function addMessageSearch(message: Command, registry: Registry): void {
  addCommand<Options>(message, registry, {
    usage: 'search [id]',
    summary: 'messages by what is known of them, queued or in the history, newest first',
    json: true,
    shape: (command) =>
      command
        .option('--address <address>', 'sender or recipient')
        .option('--recipient <address>', 'one of the recipients')
        .option('--sender <address>', 'envelope sender; "<>" for the null sender')
        .option('--domain <domain>', 'of a recipient')
        .option('--state <state>', SEARCH_STATES.join(', '))
        .option('--client <name>', 'who submitted it')
        .option('--stream <name>', 'what kind of mail')
        .option('--tag <tag>', 'as X-Relevo-Tag')
        .option('--egress <name>', 'exit that was asked last')
        .option('--since <time>', 'when it came: as 2026-12-24T08:00:00+01:00, or back from now: 2h, 3d')
        .option('--until <time>', 'and before: the same')
        .option('--limit <count>', 'at most so many', countOption, 50)
        .option('--cursor <place>', 'go on there: `next` of --json'),
    run: async (cli, { args, options, where }) => {
      const text = args[0] === undefined ? null : String(args[0]).trim();
      const filter = filterOf(options, cli.clock.nowMs());
      if (text === '') throw new UsageError('the id is empty');
      const { cursor = null, limit } = options;
      const ask = { filter, cursor, limit, ...(text === null ? {} : { text }) };
      const page = await withOperations(cli, where, (operations) => searched(operations, ask));
      cli.terminal.out(options.json === true ? json(page) : pageText(page));
      return page.messages.length === 0 ? 1 : 0;
    },
  });
}

type Ask = Parameters<Operations['search']>[0];

/** Goes on further back until there are as many as were asked for, within bounds. */
async function searched(operations: Pick<Operations, 'search'>, ask: Ask): Promise<SearchPage> {
  const messages: FoundMail[] = [];
  let { cursor } = ask;
  for (let questions = 1; ; questions++) {
    const page = await operations.search({ ...ask, cursor, limit: ask.limit - messages.length });
    messages.push(...page.messages);
    cursor = page.next;
    const isEnough = messages.length >= ask.limit || questions >= QUESTIONS_MOST;
    if (cursor === null || isEnough) return { messages, next: cursor, isWhole: page.isWhole };
  }
}

function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d{1,3}$/.test(text) || count < 1 || count > SEARCH_LIMIT)
    throw new InvalidArgumentError(`expected 1 to ${SEARCH_LIMIT}`);
  return count;
}

function filterOf(options: Options, nowMs: number): SearchFilter {
  const { domain, state, since, until, sender, address, recipient, client, stream, tag, egress } = options;
  return {
    ...(address === undefined ? {} : { address: bare(address) }),
    ...(recipient === undefined ? {} : { recipient: bare(recipient) }),
    ...(sender === undefined ? {} : { sender: bare(sender) }),
    ...(domain === undefined ? {} : { domain: domainOption(domain) }),
    ...(state === undefined ? {} : { state: stateOption(state) }),
    ...(client === undefined ? {} : { client }),
    ...(stream === undefined ? {} : { stream }),
    ...(tag === undefined ? {} : { tag }),
    ...(egress === undefined ? {} : { egress }),
    ...(since === undefined ? {} : { sinceMs: timeOption('--since', since, nowMs) }),
    ...(until === undefined ? {} : { untilMs: timeOption('--until', until, nowMs) }),
  };
}

function bare(address: string): string {
  return address.trim().replace(/^<(.*)>$/, '$1');
}

function domainOption(text: string): string {
  const domain = parseDomain(text);
  if (domain === null) throw new UsageError(`--domain: "${text}" is no domain`);
  return domain;
}

function stateOption(text: string): SearchState {
  const state = SEARCH_STATES.find((one) => one === text);
  if (state === undefined) throw new UsageError(`--state: expected ${SEARCH_STATES.join(', ')}, found "${text}"`);
  return state;
}

function timeOption(name: string, text: string, nowMs: number): number {
  const agoMs = parseDurationMs(text);
  const atMs = agoMs === null ? timeOf(text) : nowMs - agoMs;
  if (atMs === null)
    throw new UsageError(`${name}: expected a time such as 2026-12-24T08:00:00+01:00 or 2h, found "${text}"`);
  return atMs;
}

function pageText({ messages, next, isWhole }: SearchPage): string {
  const rows = messages.map((one) => [
    one.id,
    isoTime(one.receivedAtMs),
    Object.entries(one.states)
      .map(([state, count]) => (count === 1 ? state : `${state} ${count}`))
      .join(', '),
    one.client,
    cut(one.sender === '' ? '<>' : one.sender, 40),
    cut(one.recipients > 1 ? `${one.recipient} and ${one.recipients - 1} more` : one.recipient, 60),
    one.egress ?? '',
  ]);
  const found =
    rows.length === 0
      ? 'Nothing was found.\n'
      : table(['message', 'received', 'recipients are', 'client', 'sender', 'recipient', 'exit'], rows);
  if (next === null) return found;
  return `${found}${isWhole ? 'More' : 'So far; there may be more further back'}: --cursor ${next}\n`;
}
