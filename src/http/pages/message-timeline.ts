/** All that happened to a message, in order, each event in words. */
import { html } from 'hono/html';
import { cameBackText } from '../../operations/mail/came-back-text.ts';
import type { MessageEvent } from '../../message/event.ts';
import { assertNever } from '../../message/outcome.ts';
import { formatReply } from '../../message/reply.ts';
import type { MessageStory } from '../../spool/spool.ts';
import type { Html } from '../page.ts';
import { count, duration, moment } from './format.ts';
import { MESSAGE_WORDS } from './message-words.ts';
import { type RecordTold, stateTag } from './record-parts.ts';

/** The first, which tells of its arrival, and the newest of a long history. */
const SHOWN = 80;
const LONGEST = 600;

export function timelineOf({ events, message }: MessageStory, told: RecordTold): Html {
  const words = MESSAGE_WORDS[told.language];
  const shown = events.length <= SHOWN ? events : [...events.slice(0, 10), ...events.slice(10 - SHOWN)];
  const rest = html`<p class="soft">
    ${words.ofAll(count(shown.length, told.language), count(events.length, told.language))}
    <a href="/api/v1/messages/${message.id}">${words.asJson}</a>
  </p>`;
  return html`${shown.length < events.length ? rest : ''}
    <table class="cards">
      <tbody>
        ${shown.map((event) => rowOf(event, told))}
      </tbody>
    </table>`;
}

function rowOf(event: MessageEvent, told: RecordTold): Html {
  const words = MESSAGE_WORDS[told.language];
  const delivery = 'deliveryId' in event ? `.${event.deliveryId.slice(27)} ${event.domain}` : '';
  const name =
    event.event === 'attempted'
      ? html`<span class="tag">${words.attempt(event.attempt.number)}</span>`
      : eventTag(event, told);
  return html`<tr>
    <td><time datetime="${isoOf(event.atMs)}">${moment(event.atMs, told.zone)}</time></td>
    <td>${name}</td>
    <td class="soft">${delivery}</td>
    <td>${cutText(textOf(event, told))}</td>
  </tr>`;
}

/** Servers say as much as they like. */
function cutText(text: Html | string): Html | string {
  return typeof text === 'string' && text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** A fraction of a ms, or what no calendar has, is no reason to show nothing. */
function isoOf(atMs: number): string {
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : '';
}

const TONES: Readonly<Partial<Record<MessageEvent['event'], string>>> = {
  'bounced-later': 'bad',
  complained: 'bad',
  confirmed: 'good',
  deferred: 'warn',
  'put-off': 'warn',
};
const ENDS: ReadonlySet<string> = new Set([
  'delivered',
  'bounced',
  'expired',
  'suppressed',
  'discarded',
  'held',
  'quarantined',
  'in-doubt',
]);

function eventTag({ event }: MessageEvent, { language }: RecordTold): Html {
  if (ENDS.has(event)) return stateTag(event, language);
  return html`<span class="tag ${TONES[event] ?? ''}">${MESSAGE_WORDS[language].events[event] ?? event}</span>`;
}

function textOf(event: MessageEvent, told: RecordTold): Html | string {
  const words = MESSAGE_WORDS[told.language];
  switch (event.event) {
    case 'received': {
      const warning = event.warning === undefined ? '' : `; ${event.warning}`;
      return `${event.peer}, ${event.protocol}, ${words.inTime(`${Math.round(event.tookMs)} ms`)}: ${some(event.recipients, told)}${warning}`;
    }
    case 'attempted':
      return attemptOf(event.attempt, told);
    case 'deferred':
      return `${words.until} ${moment(event.dueAtMs, told.zone)}: ${event.reason} (${some(event.recipients, told)})`;
    case 'delivered':
    case 'bounced':
    case 'expired':
    case 'suppressed':
    case 'discarded': {
      const by = event.egress === null ? '' : ` ${words.exit.toLowerCase()} ${event.egress}`;
      return `${some(event.recipients, told)}${by}${event.reply === null ? '' : `: ${formatReply(event.reply)}`}`;
    }
    case 'in-doubt':
    case 'warned':
    case 'held':
    case 'released':
    case 'retried':
    case 'rescheduled':
    case 'quarantined':
      return event.reason === '' ? some(event.recipients, told) : `${event.reason} (${some(event.recipients, told)})`;
    case 'bounced-later':
    case 'answered':
      return cameBack(event, told);
    case 'confirmed':
    case 'put-off':
    case 'complained':
    case 'unsubscribed':
    case 'opened':
    case 'clicked':
      return cameBackText(event);
    default:
      return assertNever(event);
  }
}

type Returned = Extract<MessageEvent, { readonly event: 'bounced-later' | 'answered' }>;

/** With the way to the message that tells the sender of it. */
function cameBack(event: Returned, { language }: RecordTold): Html {
  const { report } = event;
  const link = report === null ? '' : html` <a href="/messages/${report}">${report}</a>`;
  return html`${cameBackText({ ...event, report: null })}${report === null ? '' : html`; ${MESSAGE_WORDS[language].notifiedBy}${link}`}`;
}

type Attempt = Extract<MessageEvent, { readonly event: 'attempted' }>['attempt'];

function attemptOf(attempt: Attempt, { language }: RecordTold): Html {
  const words = MESSAGE_WORDS[language];
  const { egress, route, passedOver, host, address, source, tls, providerId, reply, tookMs } = attempt;
  const server = [host, address === host ? null : address].filter((part) => part !== null).join(' ');
  const parts = [
    `${words.exit.toLowerCase()} ${egress}`,
    ...(route === undefined ? [] : [`${words.route} ${route}`]),
    ...(server === '' ? [] : [server, tls ?? words.clearText]),
    ...(source === null ? [] : [`${words.source.toLowerCase()} ${source}`]),
    tookMs < 1_000 ? `${Math.round(tookMs)} ms` : duration(tookMs),
    ...(providerId === undefined ? [] : [`${words.providerId.toLowerCase()} ${providerId}`]),
    ...(passedOver === undefined ? [] : [`${words.passedOver} ${passedOver}`]),
  ];
  return html`<span class="soft">${parts.join(' · ')}</span><br /><code>${formatReply(reply).slice(0, LONGEST)}</code>`;
}

const NAMED = 10;

function some(recipients: readonly string[], { language }: RecordTold): string {
  const left = recipients.length - NAMED;
  return `${recipients.slice(0, NAMED).join(' ')}${left > 0 ? ` + ${count(left, language)}` : ''}`;
}
