import type { Command } from 'commander';
import { parseDomain, parseMailbox, formatMailbox } from '../../message/address.ts';
import type { DeliveryState } from '../../message/delivery.ts';
import { parseDeliveryId, parseMessageId, type DeliveryId, type MessageId } from '../../message/ids.ts';
import type { QueueFilter } from '../../spool/spool.ts';
import { UsageError } from '../cli.ts';

/** The options that say which deliveries a queue command is about. All that are given must hold. */
export type FilterOptions = {
  readonly id?: readonly string[];
  readonly domain?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly egress?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly state?: string;
  readonly scheduled?: true;
  readonly all?: true;
};

const STATES: ReadonlySet<string> = new Set<DeliveryState>(['queued', 'held', 'quarantined']);

/** @param changes the command changes something: has `--all` */
export function addFilterOptions(command: Command, { changes }: { readonly changes: boolean }): Command {
  command
    .option('--id <id...>', 'messages or deliveries')
    .option('--domain <domain>', 'destination domain')
    .option('--client <name>', 'who submitted it')
    .option('--stream <name>', 'what kind of mail')
    .option('--egress <name>', 'exit of the last attempt')
    .option('--sender <address>', 'envelope sender; "<>" for the null sender')
    .option('--recipient <address>', 'one of the recipients')
    .option('--state <state>', 'queued, held or quarantined')
    .option('--scheduled', 'not to be sent before a time that is still to come');
  if (changes) command.option('--all', 'the whole queue, when nothing else says which');
  return command;
}

/** The same with ids that stand by themselves: `queue hold ID ID` is `queue hold --id ID ID`. */
export function withNamed<Options extends FilterOptions>(
  options: Options,
  [named]: readonly (string | readonly string[] | undefined)[],
): Options {
  const ids = [...(options.id ?? []), ...(typeof named === 'string' ? [named] : (named ?? []))];
  return ids.length === 0 ? options : { ...options, id: ids };
}

/**
 * @param mustName a change without any filter is refused: the whole queue must be meant; `nowMs`: wall time
 * @throws UsageError
 */
export function filterOf(
  options: FilterOptions,
  { mustName, nowMs }: { readonly mustName: boolean; readonly nowMs: number },
): QueueFilter {
  const filter: QueueFilter = {
    ...(options.id === undefined ? {} : { ids: options.id.map(parseId) }),
    ...(options.domain === undefined ? {} : { domain: domain(options.domain) }),
    ...(options.client === undefined ? {} : { client: options.client }),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
    ...(options.egress === undefined ? {} : { egress: options.egress }),
    ...(options.sender === undefined ? {} : { sender: options.sender === '<>' ? '' : address(options.sender) }),
    ...(options.recipient === undefined ? {} : { recipient: address(options.recipient) }),
    ...(options.state === undefined ? {} : { state: state(options.state) }),
    ...(options.scheduled === undefined ? {} : { scheduledAfterMs: nowMs }),
  };
  const isEmpty = Object.keys(filter).length === 0;
  if (mustName && isEmpty && options.all !== true)
    throw new UsageError(
      'say which: ids, --domain, --client, --stream, --egress, --sender, --recipient, --state, --scheduled, or --all for the whole queue',
    );
  if (!isEmpty && options.all === true)
    throw new UsageError('--all is for the whole queue: leave it out, or the filters');
  return filter;
}

/** A message's or a delivery's id, in either case. */
export function parseId(text: string): MessageId | DeliveryId {
  const id = parseMessageId(text) ?? parseDeliveryId(text);
  if (id === null)
    throw new UsageError(`"${text}" is no id: expected 26 letters and digits, for one delivery with .1 and so on`);
  return id;
}

function domain(text: string): string {
  const parsed = parseDomain(text);
  if (parsed === null) throw new UsageError(`--domain: "${text}" is no domain`);
  return parsed;
}

function address(text: string): string {
  const mailbox = parseMailbox(text.replace(/^<(.*)>$/, '$1'));
  if (mailbox === null) throw new UsageError(`"${text}" is no address`);
  return formatMailbox(mailbox);
}

function state(text: string): DeliveryState {
  if (!STATES.has(text)) throw new UsageError(`--state: expected queued, held or quarantined, found "${text}"`);
  return text as DeliveryState;
}
