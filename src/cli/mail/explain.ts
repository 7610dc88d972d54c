import type { Command } from 'commander';
import { type DeliveryId, type MessageId, messageIdOf, parseMessageId } from '../../message/ids.ts';
import { PRIORITIES } from '../../message/message.ts';
import { formatReply } from '../../message/reply.ts';
import type { Sample } from '../../policy/sample.ts';
import { formatAge, parseSizeBytes } from '../../policy/units.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { addCommand, UsageError, type Cli, type Registry } from '../cli.ts';
import { connectControl } from '../../control/client.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { OperationsError, type Explanation, type RouteAnswer } from '../../operations/operations.ts';
import { json, printable } from '../output.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';
import { parseId } from './queue-filter.ts';
import { withOperations } from '../reach.ts';
import { routeOperation } from '../../operations/mail/route-operation.ts';

type Options = {
  readonly json?: true;
  readonly from?: string;
  readonly to?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly priority?: string;
  readonly tag?: string;
  readonly size?: string;
  readonly header?: readonly string[];
};

/** `relevo explain ID`, `relevo explain --to ADDRESS` */
export function addExplain(program: Command, registry: Registry): void {
  addCommand<Options>(program, registry, {
    usage: 'explain [id]',
    summary:
      'why a message, or one delivery of it, is not sent yet, and when it will be tried; with --to: which way a message would take',
    json: true,
    shape: (command) =>
      command
        .option('--to <address>', 'recipient of a message that might come')
        .option('--from <address>', 'its envelope sender')
        .option(
          '--client <name>',
          'who sends it (default: the first client that may send from --from; without --from none)',
        )
        .option('--stream <name>', 'as X-Relevo-Stream')
        .option('--priority <priority>', 'high, normal or low')
        .option('--tag <tag>', 'as X-Relevo-Tag')
        .option('--size <size>', 'such as 200KB')
        .option('--header <fields...>', 'header fields, such as "List-Id: news.example.com"'),
    run: async (cli, { args, options, where }) => {
      if (options.to !== undefined && args[0] === undefined) return await explainSample(cli, { options, where });
      if (args[0] === undefined || options.to !== undefined)
        throw new UsageError('explain takes the id of a message, or --to with an address');
      return await explainId(cli, { id: String(args[0]), options, where });
    },
  });
}

async function explainId(
  cli: Cli,
  { id: given, options, where }: { readonly id: string; readonly options: Options; readonly where: Where },
): Promise<0 | 1> {
  const id = parseId(given);
  const { explanations, story } = await withOperations(cli, where, async (operations) => ({
    explanations: await operations.explain({ id }),
    story: await operations.story({ id: parseMessageId(id) ?? messageIdOf(id as DeliveryId) }),
  }));
  if (explanations === null) {
    cli.terminal.err(`relevo: no message ${id} is known here\n`);
    return 1;
  }
  if (options.json === true) cli.terminal.out(json({ id, deliveries: explanations }));
  else if (explanations.length === 0)
    cli.terminal.out(
      [`Nothing of it waits: \`relevo message ${id}\` tells how it ended.`, ...notTaken(story, id), ''].join('\n'),
    );
  else cli.terminal.out(explanations.map((one) => explanationText(one, cli.clock.nowMs())).join('\n'));
  return 0;
}

/** Exits that did not carry it, by their own account: another one did, or nobody. */
function notTaken(story: MessageStory | null, id: MessageId | DeliveryId): readonly string[] {
  const lines = (story?.events ?? []).flatMap((event) => {
    if (event.event !== 'attempted' || (event.messageId !== id && event.deliveryId !== id)) return [];
    const { egress, reply, own } = event.attempt;
    return own === true && reply.code >= 400 ? [`  not by ${egress}: ${printable(reply.text)}`] : [];
  });
  return [...new Set(lines)].slice(-SHOWN_MOST);
}

const SHOWN_MOST = 10;

function explanationText(one: Explanation, nowMs: number): string {
  const recipients = one.recipients.map(printable).join(' ');
  const lease =
    one.leasedUntilMs === null || one.leasedUntilMs < nowMs
      ? []
      : [`  the relay has it in hand (its lease runs ${formatAge(one.leasedUntilMs - nowMs)} more)`];
  return [
    `${one.deliveryId} to ${recipients} is ${one.state}`,
    ...lease,
    ...one.reasons.map((reason) => `  ${printable(reason)}`),
    '',
  ].join('\n');
}

async function explainSample(
  cli: Cli,
  { options, where }: { readonly options: Options; readonly where: Where },
): Promise<0 | 1> {
  const sample = sampleOf(options);
  const answer = await routeFor(cli, { sample, where });
  cli.terminal.out(options.json === true ? json(answer) : answerText(answer, sample));
  return answer.kind === 'accepted' && answer.route !== null ? 0 : 1;
}

/** Without a relay the policy has the answer: no store is opened for it. */
async function routeFor(
  cli: Cli,
  { sample, where }: { readonly sample: Sample; readonly where: Where },
): Promise<RouteAnswer> {
  const connection = await connectControl(where.dataFolder);
  if (connection.kind === 'connected') return await connection.operations.route({ sample });
  if (connection.kind === 'failed') throw new OperationsError(connection.cause);
  const loaded = loadPolicyFile(cli, where);
  if (loaded.kind === 'refused') throw new OperationsError(loaded.problems.join('\n  '));
  return await routeOperation({ policy: () => loaded.policy, explainMail: null })({ sample });
}

function sampleOf({ to = '', from, client, stream, priority, tag, size, header = [] }: Options): Sample {
  const known = PRIORITIES.find((one) => one === priority);
  if (priority !== undefined && known === undefined) throw new UsageError('--priority is high, normal or low');
  const sizeBytes = size === undefined ? undefined : parseSizeBytes(size);
  if (sizeBytes === null) throw new UsageError('--size is a size such as 64KB');
  const fields = header.map((field) => {
    const colon = field.indexOf(':');
    if (colon < 1) throw new UsageError('--header is a field such as "List-Id: news.example.com"');
    return [field.slice(0, colon).trim(), field.slice(colon + 1).trim()] as const;
  });
  return {
    to,
    ...(from === undefined ? {} : { from }),
    ...(client === undefined ? {} : { client }),
    ...(stream === undefined ? {} : { stream }),
    ...(known === undefined ? {} : { priority: known }),
    ...(tag === undefined ? {} : { tag }),
    ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
    ...(fields.length === 0 ? {} : { header: Object.fromEntries(fields) }),
  };
}

function noClientText({ from }: Sample): string {
  return from === undefined ? 'no client (--from or --client names one)' : `no client may send as ${printable(from)}`;
}

function answerText(answer: RouteAnswer, sample: Sample): string {
  if (answer.kind === 'refused') return `refused: ${printable(answer.reason)}\n`;
  const { client, stream, priority, route, exits, site, isLive, suppressed } = answer;
  const lines = [
    `stream ${stream}, priority ${priority}, ${client === '' ? noClientText(sample) : `client ${client}`}`,
  ];
  if (sample.stream !== undefined && sample.stream !== stream)
    lines.push(`the policy has no stream ${printable(sample.stream)}: as good as none`);
  if (suppressed !== undefined)
    lines.push(`${printable(sample.to)} is suppressed, and gets no mail: ${printable(formatReply(suppressed))}`);
  if (route === null) lines.push('no route takes it: it would wait, and bounce when it expires');
  else lines.push(`route ${route}${isLive ? '' : ' (no relay is running: as the policy has it)'}`);
  const exitLines = exits.map(
    ({ pool, why }, place) => `  ${place + 1}. ${pool === null ? '' : `${pool}: `}${printable(why)}`,
  );
  const siteLines = site === undefined ? [] : [`site ${printable(site)}`];
  return [...lines, ...exitLines, ...siteLines, ''].join('\n');
}
