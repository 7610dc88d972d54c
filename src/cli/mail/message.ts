import type { Command } from 'commander';
import { subjectText } from '../../feedback/part-text.ts';
import type { MessageEvent } from '../../message/event.ts';
import { messageIdOf, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import { assertNever, FINAL_STATES } from '../../message/outcome.ts';
import { formatReply } from '../../message/reply.ts';
import { isoTime } from '../../report/log-fields.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { cameBackText } from '../../operations/mail/came-back-text.ts';
import { addCommand, type Registry, UsageError } from '../cli.ts';
import type { FoundMessage } from '../../operations/mail/find-message.ts';
import { plainMessage } from '../../operations/mail/message-json.ts';
import type { Operations } from '../../operations/operations.ts';
import { addMessageSearch } from './message-search.ts';
import { formatDue, formatSize, json, plural, printable, table } from '../output.ts';
import { withOperations } from '../reach.ts';
import { transcriptsText } from './transcript-text.ts';

/** `relevo message ID` */
export function addMessage(program: Command, registry: Registry): void {
  addCommand<{ readonly transcript?: true }>(program, registry, {
    usage: 'message <id>',
    summary:
      "the whole story of a message, by its id, a provider's or its Message-ID: what happened, and where it is now",
    json: true,
    shape: (command) => {
      addMessageSearch(command, registry);
      // What stands behind `search` is of that alone.
      return command.enablePositionalOptions().option('--transcript', 'what was said in its last attempts');
    },
    run: async (cli, { args, options, where }) => {
      const text = String(args[0]).trim();
      const { found, story } = await withOperations(cli, where, (operations) => lookUp(operations, text));
      if (found.length > 1) {
        cli.terminal.out(options.json === true ? json({ found }) : foundText(text, found));
        return 0;
      }
      if (story === null) {
        cli.terminal.err(
          `relevo: no message ${printable(text)} is known here, by its id, a provider's or its Message-ID: never accepted, or older ` +
            "than the policy's history\n",
        );
        return 1;
      }
      if (options.transcript === true) {
        const { id } = story.message;
        const transcripts = await withOperations(cli, where, (operations) => operations.transcripts({ id }));
        cli.terminal.out(options.json === true ? json({ transcripts }) : transcriptsText(transcripts));
        return 0;
      }
      if (options.json === true) cli.terminal.out(json(plainMessage(story)));
      else cli.terminal.out(storyText(story, cli.clock.nowMs()));
      return 0;
    },
  });
}

type LookedUp = { readonly found: readonly FoundMessage[]; readonly story: MessageStory | null };

/** `found`: where it is no id of ours. Of one message that was found, its story. */
async function lookUp(operations: Pick<Operations, 'find' | 'story'>, text: string): Promise<LookedUp> {
  if (text === '') throw new UsageError('say which: an id of a message or a delivery, of a provider, or a Message-ID');
  const delivery = parseDeliveryId(text);
  const id = parseMessageId(text) ?? (delivery === null ? null : messageIdOf(delivery));
  if (id !== null) return { found: [], story: await operations.story({ id }) };
  const found = await operations.find({ text });
  const [only] = found;
  return { found, story: only === undefined || found.length > 1 ? null : await operations.story({ id: only.id }) };
}

function foundText(text: string, found: readonly FoundMessage[]): string {
  const rows = found.map((one) => [one.id, isoTime(one.receivedAtMs), one.client, one.sender || '<>', one.recipient]);
  const what = `${printable(text)} is the ${found[0]?.by ?? ''} of several messages${found.length === 10 ? ', here are the newest' : ''}`;
  return `${what}:\n\n${table(['message', 'received', 'client', 'sender', 'first recipient'], rows)}`;
}

function storyText(story: MessageStory, nowMs: number): string {
  const { message, events } = story;
  const facts = [
    ['message', message.id],
    ['sender', message.envelope.sender === '' ? '<>' : message.envelope.sender],
    ['client', `${message.client}, stream ${message.stream}, priority ${message.priority}`],
    ['size', formatSize(message.sizeBytes)],
    ['Message-ID', message.messageIdHeader],
    ...(message.subject === null ? [] : [['subject', subjectText(message.subject)]]),
    ...(message.tag === null ? [] : [['tag', message.tag]]),
  ].map(([name = '', value = '']) => `${name.padEnd(10)}  ${printable(value)}\n`);
  const rows = events.map((event) => [isoTime(event.atMs), event.event, deliveryOf(event), detailOf(event)]);
  return [...facts, '\n', table(['time', 'event', 'delivery', 'what'], rows), '\n', nowText(story, nowMs)].join('');
}

function deliveryOf(event: MessageEvent): string {
  return 'deliveryId' in event ? `.${event.deliveryId.split('.')[1] ?? ''} ${event.domain}` : '';
}

function detailOf(event: MessageEvent): string {
  switch (event.event) {
    case 'received':
      return `from ${event.peer} by ${event.protocol} in ${Math.round(event.tookMs)} ms, for ${event.recipients.join(' ')}`;
    case 'attempted': {
      const { number, egress, route, passedOver, providerId, host, address, tls, reply, tookMs } = event.attempt;
      const at = address === null || address === host ? '' : ` (${address})`;
      const peer = host === null ? '' : ` at ${host}${at}, ${tls ?? 'clear text'}`;
      const way = route === undefined ? '' : ` (route ${route})`;
      const id = providerId === undefined ? '' : `; there it is ${providerId}`;
      const others = passedOver === undefined ? '' : `; not by others: ${passedOver}`;
      return `attempt ${number} by ${egress}${way}${peer}, ${Math.round(tookMs)} ms: ${formatReply(reply)}${id}${others}`;
    }
    case 'deferred':
      return `until ${isoTime(event.dueAtMs)}: ${withRecipients(event.reason, event.recipients)}`;
    case 'delivered':
    case 'bounced':
    case 'expired':
    case 'suppressed':
    case 'discarded': {
      const by = event.egress === null ? '' : ` by ${event.egress}`;
      const reply = event.reply === null ? '' : `: ${formatReply(event.reply)}`;
      return `${event.recipients.join(' ')}${by}${reply}`;
    }
    case 'in-doubt':
    case 'warned':
    case 'held':
    case 'released':
    case 'retried':
    case 'rescheduled':
    case 'quarantined':
      return withRecipients(event.reason, event.recipients);
    case 'bounced-later':
    case 'confirmed':
    case 'put-off':
    case 'complained':
    case 'unsubscribed':
    case 'opened':
    case 'clicked':
    case 'answered':
      return cameBackText(event);
    default:
      return assertNever(event);
  }
}

function withRecipients(reason: string, recipients: readonly string[]): string {
  return reason === '' ? recipients.join(' ') : `${reason} (${recipients.join(' ')})`;
}

/** Where each recipient is: how many stories ended and how, and what the others wait for. */
function nowText({ events, queued }: MessageStory, nowMs: number): string {
  const ended = FINAL_STATES.flatMap((state) => {
    const recipients = events.flatMap((event) => (event.event === state ? event.recipients : []));
    return recipients.length === 0 ? [] : [`${state}: ${plural(recipients.length, 'recipient')}\n`];
  });
  const waiting = queued.map(({ delivery, leasedUntilMs }) => {
    const { state, dueAtMs, recipients } = delivery;
    const due = leasedUntilMs === null ? `due ${formatDue(dueAtMs - nowMs)}` : 'under way';
    const addresses = recipients.map(({ address }) => printable(address)).join(' ');
    return `${state === 'queued' ? `queued, ${due}` : state}: ${addresses} (relevo explain ${delivery.id})\n`;
  });
  const returned = new Set(events.flatMap((event) => (event.event === 'bounced-later' ? event.recipients : [])));
  const later = returned.size === 0 ? [] : [`bounced later: ${plural(returned.size, 'recipient')}\n`];
  const complainers = new Set(events.flatMap((event) => (event.event === 'complained' ? event.recipients : [])));
  const junk = complainers.size === 0 ? [] : [`complained: ${plural(complainers.size, 'recipient')}\n`];
  return [...ended, ...later, ...junk, ...waiting].join('');
}
