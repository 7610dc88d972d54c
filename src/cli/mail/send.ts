import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { expiryOf } from '../../policy/times.ts';
import { formatMailbox, parseMailbox } from '../../message/address.ts';
import { PRIORITIES, type Priority } from '../../message/message.ts';
import { formatReply } from '../../message/reply.ts';
import { addCommand, UsageError, type Cli, type Registry } from '../cli.ts';
import { json } from '../output.ts';
import { withOperations } from '../reach.ts';
import { timeAt } from './reschedule.ts';

type SendOptions = {
  readonly from: string;
  readonly to: readonly string[];
  readonly file?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly priority?: string;
  readonly tag?: string;
  readonly at?: string;
  readonly expires?: string;
};

/** More than any policy's `limits.messageSize` is likely to allow; the relay says what is too large. */
const MOST_BYTES = 512 * 1024 ** 2;

/** `relevo send` */
export function addSend(program: Command, registry: Registry): void {
  addCommand<SendOptions>(program, registry, {
    usage: 'send',
    summary: 'hand one message to the running relay',
    json: true,
    shape: (command) =>
      command
        .requiredOption('--from <address>', 'envelope sender')
        .requiredOption('--to <address...>', 'recipients')
        .option('--file <file>', 'the message, headers and all; "-" or a pipe: standard input')
        .option('--subject <text>', 'of the short test message that is sent when there is no file')
        .option('--client <name>', 'client of the policy to send as (default: the first that may send from --from)')
        .option('--stream <name>', 'as X-Relevo-Stream')
        .option('--priority <priority>', 'high, normal or low')
        .option('--tag <tag>', 'as X-Relevo-Tag')
        .option('--at <time>', 'not before, as 2026-12-24T08:00:00+01:00, or from now: 2h, 3d')
        .option('--expires <time>', 'not after, as X-Relevo-Expires: a time, or 10m'),
    run: async (cli, { options, where }) => {
      const sender = options.from === '<>' ? '' : address(options.from);
      const recipients = options.to.map(address);
      const times = timeFields(options, cli.clock.nowMs());
      const content = Buffer.concat([times, await contentOf(cli, options, { sender, to: recipients })]);
      const mail = {
        sender,
        recipients,
        content,
        client: options.client ?? null,
        stream: options.stream ?? null,
        priority: options.priority === undefined ? null : priority(options.priority),
        tag: options.tag ?? null,
      };
      const result = await withOperations(cli, where, (operations) => operations.submit(mail));
      if (options.json === true) cli.terminal.out(json(result));
      else if (result.kind === 'refused') cli.terminal.err(`relevo: refused: ${formatReply(result.reply)}\n`);
      else if (result.kind === 'duplicate')
        cli.terminal.out(
          `Not sent again: it is the same as ${result.messageId} (relevo message ${result.messageId})\n`,
        );
      else cli.terminal.out(`Accepted: relevo message ${result.messageId}\n`);
      return result.kind === 'refused' ? 1 : 0;
    },
  });
}

/** In front of the header, as clients write them; they never leave the relay. */
function timeFields({ at, expires }: SendOptions, nowMs: number): Buffer {
  const sendAt = at === undefined ? '' : `X-Relevo-Send-At: ${new Date(timeAt(at, nowMs)).toISOString()}\r\n`;
  if (expires !== undefined && expiryOf(expires) === null)
    throw new UsageError(`--expires: expected a time such as 2026-12-24T08:00:00+01:00, or 10m, found "${expires}"`);
  return Buffer.from(expires === undefined ? sendAt : `${sendAt}X-Relevo-Expires: ${expires.trim()}\r\n`);
}

function address(text: string): string {
  const mailbox = parseMailbox(text.replace(/^<(.*)>$/, '$1'));
  if (mailbox === null) throw new UsageError(`"${text}" is no address`);
  return formatMailbox(mailbox);
}

function priority(text: string): Priority {
  const found = PRIORITIES.find((one) => one === text);
  if (found === undefined) throw new UsageError(`--priority: expected high, normal or low, found "${text}"`);
  return found;
}

async function contentOf(
  cli: Cli,
  options: SendOptions,
  addresses: { readonly sender: string; readonly to: readonly string[] },
): Promise<Buffer> {
  if (options.file !== undefined && options.file !== '-') {
    if (options.subject !== undefined) throw new UsageError('--subject is for the test message: the file has its own');
    return readMessage(resolve(cli.cwd, options.file));
  }
  const piped = options.file === '-' || (options.subject === undefined && !cli.terminal.inputIsTty);
  if (!piped) return testMessage(options.subject ?? 'relevo test', addresses);
  const content = await cli.terminal.input(MOST_BYTES);
  if (content === null) throw new UsageError('the message is larger than 512 MB');
  // `relevo send` from a script without any input means the test message.
  return content.length === 0 ? testMessage('relevo test', addresses) : withCrlf(content);
}

async function readMessage(file: string): Promise<Buffer> {
  try {
    return withCrlf(await readFile(file));
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Files of this system end their lines with LF alone; mail does not. A file that has CR LF already stays as it is. */
function withCrlf(content: Buffer): Buffer {
  if (content.includes('\r\n')) return content;
  return Buffer.from(content.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}

function testMessage(subject: string, { sender, to }: { sender: string; to: readonly string[] }): Buffer {
  const from = sender === '' ? [] : [`From: <${sender}>`];
  const lines = [
    ...from,
    `To: ${to.map((one) => `<${one}>`).join(',\r\n ')}`,
    `Subject: ${subject.replaceAll(/[\r\n]+/g, ' ')}`,
  ];
  return Buffer.from([...lines, '', 'This is a test message, sent by `relevo send`.', ''].join('\r\n'));
}
