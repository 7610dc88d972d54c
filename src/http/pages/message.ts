/** The page of one message: what it is, where each recipient is and why, all that happened, and what was said. */
import { html } from 'hono/html';
import { subjectText } from '../../feedback/part-text.ts';
import { messageIdOf, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import type { Transcript } from '../../message/transcript.ts';
import { plainMessage, type PlainMessage, type PlainRecipient } from '../../operations/mail/message-json.ts';
import type { Explanation, Operations } from '../../operations/operations.ts';
import type { MessageStory } from '../../spool/spool.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Page, PageAsk, PageBody } from '../page.ts';
import { bytes, count, moment } from './format.ts';
import { MESSAGE_WORDS } from './message-words.ts';
import { timelineOf } from './message-timeline.ts';
import { waitingOf } from './message-waiting.ts';
import { stateTag, type RecordTold } from './record-parts.ts';
import { cardsTable } from './cards-table.ts';
import { soon } from './soon.ts';

export type MessageNeeds = Pick<RouteNeeds, 'policy' | 'clock'> & {
  readonly operations: Pick<Operations, 'story' | 'explain' | 'transcripts'>;
};

/** More are in the JSON: pages stay small. */
const RECIPIENTS_SHOWN = 60;
const EXPLAINED = 10;

export function messagePage(needs: MessageNeeds): Page {
  return {
    path: '/messages/{id}',
    scope: 'read',
    nav: null,
    render: async (ask) => {
      const text = ask.params['id'] ?? '';
      const delivery = parseDeliveryId(text);
      const id = delivery === null ? parseMessageId(text) : messageIdOf(delivery);
      if (id === null) return gone(ask);
      const { operations } = needs;
      const [story, transcripts] = await Promise.all([operations.story({ id }), operations.transcripts({ id })]);
      if (story === null) return gone(ask);
      const explanations = await soon(needs.clock, ask, explained(needs, story));
      return bodyOf({ story, explanations, transcripts }, toldOf(needs, ask));
    },
  };
}

function toldOf({ policy }: MessageNeeds, { nowMs, language, principal }: PageAsk): RecordTold {
  return { nowMs, zone: policy().timeZone, language, mayChange: principal.scopes.includes('operate') };
}

function gone({ language }: PageAsk): PageBody {
  const words = MESSAGE_WORDS[language];
  return { status: 404, title: words.title, main: html`<p>${words.gone}</p>` };
}

/** Of very many deliveries some: each is asked for by itself then. */
async function explained({ operations }: MessageNeeds, { message, queued }: MessageStory): Promise<Explanation[]> {
  if (queued.length === 0) return [];
  if (queued.length <= EXPLAINED) return [...((await operations.explain({ id: message.id })) ?? [])];
  const some = queued.slice(0, EXPLAINED).map(({ delivery }) => operations.explain({ id: delivery.id }));
  return (await Promise.all(some)).flatMap((one) => one ?? []);
}

type Known = {
  readonly story: MessageStory;
  /** null: not known yet. */
  readonly explanations: readonly Explanation[] | null;
  readonly transcripts: readonly Transcript[];
};

function bodyOf({ story, explanations, transcripts }: Known, told: RecordTold): PageBody {
  const words = MESSAGE_WORDS[told.language];
  const plain = plainMessage(story);
  const { id } = story.message;
  const main = html`<p class="lead"><code>${id}</code></p>
    ${factsOf(plain, told)} ${recipientsOf(plain, told)} ${waitingOf({ story, explanations }, told)}
    <section class="card" data-live="timeline" aria-labelledby="timeline">
      <h2 id="timeline">${words.timeline}</h2>
      ${timelineOf(story, told)}
    </section>
    ${transcriptsOf(transcripts, told)}`;
  return { title: words.title, main };
}

function factsOf({ message }: PlainMessage, { zone, language }: RecordTold): Html {
  const words = MESSAGE_WORDS[language];
  const { envelope, client, stream, priority, tag, subject, sizeBytes, receivedAtMs, sendAtMs } = message;
  const facts: readonly (readonly [name: string, value: string | null])[] = [
    [words.sender, envelope.sender === '' ? words.nobody : envelope.sender],
    [words.subject, subject === null ? null : subjectText(subject)],
    ['Message-ID', message.messageIdHeader],
    [words.client, client],
    [words.stream, stream],
    [words.priority, priority],
    [words.tag, tag],
    [words.size, bytes(sizeBytes, language)],
    [words.received, `${moment(receivedAtMs, zone)} ${zone}`],
    [words.sendAt, sendAtMs === undefined ? null : `${moment(sendAtMs, zone)} ${zone}`],
  ];
  return html`<section class="card" aria-labelledby="facts">
    <h2 id="facts">${words.facts}</h2>
    <dl class="facts">
      ${facts.map(([name, value]) =>
        value === null
          ? ''
          : html`<dt>${name}</dt>
              <dd>${value}</dd>`,
      )}
    </dl>
  </section>`;
}

function recipientsOf({ message, recipients }: PlainMessage, told: RecordTold): Html {
  const { language } = told;
  const words = MESSAGE_WORDS[language];
  const shown = recipients.slice(0, RECIPIENTS_SHOWN);
  const columns = [words.recipient, words.state, words.exit, words.host, words.attempts, words.ended, words.later];
  const rest = html`<p class="soft">
    ${words.ofAll(count(shown.length, language), count(recipients.length, language))}
    <a href="/api/v1/messages/${message.id}">${words.asJson}</a>
  </p>`;
  return html`<section class="card" data-live="recipients" aria-labelledby="recipients">
    <h2 id="recipients">${words.recipients}</h2>
    ${cardsTable(
      columns,
      shown.map((one) => recipientRow(one, told)),
    )}
    ${recipients.length > shown.length ? rest : ''}
  </section>`;
}

function recipientRow(one: PlainRecipient, { language, zone }: RecordTold): Html {
  const words = MESSAGE_WORDS[language];
  const { host, hostAddress, sourceAddress, providerId } = one;
  const server = [host, hostAddress === host ? null : hostAddress].filter((part) => part !== null).join(' ');
  const later = [...one.later.map((name) => words.events[name] ?? name), ...laterText(one)].join('; ');
  return html`<tr>
    <th scope="row">${one.address}</th>
    <td data-label="${words.state}">${stateTag(one.state, language)}</td>
    <td data-label="${words.exit}">${one.egress ?? ''}</td>
    <td data-label="${words.host}">
      <div>
        ${server} ${sourceAddress === null ? '' : html`<span class="soft">(${words.source} ${sourceAddress})</span>`}
        ${providerId === null ? '' : html`<span class="soft">${words.providerId} ${providerId}</span>`}
      </div>
    </td>
    <td class="num" data-label="${words.attempts}">${count(one.attempts, language)}</td>
    <td data-label="${words.ended}">${one.endedAtMs === null ? '' : moment(one.endedAtMs, zone)}</td>
    <td data-label="${words.later}">${later}</td>
  </tr>`;
}

function laterText({ bouncedLater, complained }: PlainRecipient): string[] {
  return [
    ...(bouncedLater === null ? [] : [`${bouncedLater.kind}: ${bouncedLater.reply.text}`]),
    ...(complained === null || complained.detail === '' ? [] : [complained.detail]),
  ];
}

const MARKS = { relay: '>', server: '<', note: '·' } as const;

function transcriptsOf(transcripts: readonly Transcript[], told: RecordTold): Html {
  const words = MESSAGE_WORDS[told.language];
  return html`<section class="card" data-live="transcripts" aria-labelledby="transcripts">
    <h2 id="transcripts">${words.transcripts}</h2>
    ${transcripts.length === 0 ? html`<p class="soft">${words.noTranscripts}</p>` : ''}
    ${transcripts.toReversed().map((one) => transcriptOf(one, told))}
  </section>`;
}

function transcriptOf({ deliveryId, number, egress, atMs, lines, isWhole }: Transcript, told: RecordTold): Html {
  const words = MESSAGE_WORDS[told.language];
  const text = lines.map((line) => `${seconds(line.atMs)} ${MARKS[line.from]} ${line.text}`).join('\n');
  return html`<details id="transcript-${deliveryId}-${number}">
    <summary>${moment(atMs, told.zone)}: ${words.attempt(number)}, ${egress}, .${deliveryId.slice(27)}</summary>
    <p class="hint">&gt; ${words.relay} · &lt; ${words.server} · ${words.note}</p>
    ${isWhole ? '' : html`<p class="hint">${words.cut}</p>`}
    <pre tabindex="0">${text}</pre>
  </details>`;
}

function seconds(lengthMs: number): string {
  return `${(lengthMs / 1_000).toFixed(3).padStart(8)}`;
}
