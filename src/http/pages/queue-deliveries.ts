/** Deliveries that wait, why, and what can be done with those that are selected or with all that a filter names. */
import { html } from 'hono/html';
import type { QueueAction } from '../../operations/operations.ts';
import { formatReply } from '../../message/reply.ts';
import type { QueuedDelivery } from '../../spool/spool.ts';
import type { Html } from '../page.ts';
import { ago, count, moment } from './format.ts';
import { QUEUE_PATH, type QueueView } from './queue-view.ts';
import { filterField, IDS_FIELD, queueApi, RESCHEDULE_API, RESCHEDULE_TIME } from './queue-api.ts';
import { QUEUE_WORDS } from './queue-words.ts';
import { messagePath, type RecordTold, stateTag } from './record-parts.ts';
import { cardsTable } from './cards-table.ts';
import { said } from './spanish.ts';

const ACTIONS: readonly QueueAction[] = ['retry', 'hold', 'release', 'bounce', 'discard'];
const GRAVE: ReadonlySet<QueueAction> = new Set<QueueAction>(['bounce', 'discard', 'cancel']);

export function deliveriesOf(view: QueueView, told: RecordTold): Html {
  const found = html`<div data-live="deliveries">
    ${countOf(view, told)} ${view.found.length === 0 ? '' : selection(view, told)} ${paging(view, told)}
  </div>`;
  return html`${sectionOf(found, view.given, told)} ${why(view, told)}`;
}

/** They are being looked for, and come to the open page. */
export function lookingFor(given: QueueView['given'], told: RecordTold): Html {
  const { looking } = QUEUE_WORDS[told.language];
  const found = html`<div data-live="deliveries" aria-busy="true"><p>${looking}</p></div>`;
  return html`${sectionOf(found, given, told)}
    <div data-live="why"></div>`;
}

/** What can be done to all that match needs no list of them. */
function sectionOf(found: Html, given: QueueView['given'], told: RecordTold): Html {
  const isFiltered = Object.keys(given).length > 0;
  return html`<section class="card" aria-labelledby="deliveries">
    <h2 id="deliveries">${QUEUE_WORDS[told.language].found}</h2>
    ${found} ${isFiltered && told.mayChange ? allOf(given, told) : ''}
  </section>`;
}

function countOf({ count: many, isWhole, found, given }: QueueView, { language }: RecordTold): Html {
  const words = QUEUE_WORDS[language];
  const total = count(many, language);
  const isAll = found.length === many || Object.keys(given).length === 0;
  const shown = isAll ? '' : `, ${words.newest(count(found.length, language))}`;
  return html`<p>${isWhole ? words.matches(total, many === 1) : words.atLeast(total)}${shown}</p>`;
}

function selection({ found }: QueueView, told: RecordTold): Html {
  const words = QUEUE_WORDS[told.language];
  const columns = [
    ...(told.mayChange ? [words.select] : []),
    words.delivery,
    words.state,
    words.age,
    words.attempts,
    words.client,
    words.sender,
    words.recipients,
    words.lastReply,
  ];
  const areScheduled = found.some(({ sendAtMs }) => (sendAtMs ?? 0) > told.nowMs);
  return html`<form data-done="${words.done}">
    ${cardsTable(
      columns,
      found.map((one) => rowOf(one, told)),
    )}
    ${told.mayChange ? withSelected(told, areScheduled) : ''}
  </form>`;
}

function rowOf({ delivery, sender, leasedUntilMs, sendAtMs }: QueuedDelivery, told: RecordTold): Html {
  const words = QUEUE_WORDS[told.language];
  const { id, messageId, client, stream, state, attempts, createdAtMs, lastReply, lastEgress } = delivery;
  const pick = html`<td data-label="${words.select}">
    <input
      type="checkbox"
      name="${IDS_FIELD}"
      value="${id}"
      data-as="list"
      id="pick-${id}"
      aria-label="${words.selectOne(id)}"
    />
  </td>`;
  const isScheduled = sendAtMs !== undefined && sendAtMs > told.nowMs;
  return html`<tr>
    ${told.mayChange ? pick : ''}
    <th scope="row" data-label="${words.delivery}">
      <div><a href="${messagePath(messageId)}">${delivery.domain}</a> <code class="soft">${id.slice(20)}</code></div>
    </th>
    <td data-label="${words.state}">
      <div>
        ${leasedUntilMs === null ? stateTag(state, told.language) : html`<span class="tag good">${words.underway}</span>`}
        <span class="soft">
          ${isScheduled ? html`${words.sendAt} ${moment(sendAtMs, told.zone)}` : dueOf(delivery, leasedUntilMs, told)}
        </span>
      </div>
    </td>
    <td data-label="${words.age}">${ago(createdAtMs, told)}</td>
    <td class="num" data-label="${words.attempts}">${count(attempts, told.language)}</td>
    <td data-label="${words.client}">${client}, ${stream}</td>
    <td data-label="${words.sender}">${sender === '' ? '<>' : sender}</td>
    <td data-label="${words.recipients}">${recipientsText(delivery, told)}</td>
    <td data-label="${words.lastReply}">
      <div>
        ${lastReply === null ? '' : html`<bdi>${cut(formatReply(lastReply))}</bdi>`}
        ${lastEgress === null ? '' : html`<span class="soft">(${lastEgress})</span>`}
      </div>
    </td>
  </tr>`;
}

function dueOf({ state, dueAtMs }: QueuedDelivery['delivery'], leasedUntilMs: number | null, told: RecordTold): Html {
  if (state !== 'queued' || leasedUntilMs !== null) return html``;
  return html`${QUEUE_WORDS[told.language].due.toLowerCase()} ${ago(dueAtMs, told)}`;
}

function recipientsText({ recipients }: QueuedDelivery['delivery'], { language }: RecordTold): string {
  const [first, ...others] = recipients;
  const more = others.length === 0 ? '' : ` ${QUEUE_WORDS[language].more(count(others.length, language))}`;
  return `${first?.address ?? ''}${more}`;
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

function withSelected({ language, zone }: RecordTold, areScheduled: boolean): Html {
  const words = QUEUE_WORDS[language];
  const actions = [...ACTIONS, ...(areScheduled ? (['cancel'] as const) : [])];
  const reschedule = html`<div class="filters">
    <label>${words.newTime} (${zone}) <input name="${RESCHEDULE_TIME}" type="datetime-local" /></label>
    <button data-api="${RESCHEDULE_API}">${words.reschedule}</button>
  </div>`;
  return html`<div class="buttons">
      <span>${words.withSelected}</span>
      ${actions.map(
        (action) =>
          html`<button
            class="${GRAVE.has(action) ? 'danger' : ''}"
            data-api="${queueApi(action)}"
            data-confirm="${words.sureSelected[action]}"
            data-preview
            data-preview-text="${words.preview}"
          >
            ${words.actions[action]}
          </button>`,
      )}
    </div>
    ${areScheduled ? reschedule : ''}`;
}

/** By the filter itself, so that what is not shown is reached too. */
function allOf(given: QueueView['given'], { language }: RecordTold): Html {
  const words = QUEUE_WORDS[language];
  const actions = [...ACTIONS, ...(given['scheduled'] === undefined ? [] : (['cancel'] as const))];
  return html`<form data-keep data-done="${words.done}" aria-label="${words.withAll}">
    ${Object.entries(given).map(([name, value]) => {
      const hidden = filterField(name, value);
      return html`<input type="hidden" name="${hidden.name}" value="${hidden.value}" data-as="${hidden.as}" />`;
    })}
    <div class="buttons">
      <span>${words.withAll}</span>
      ${actions.map(
        (action) =>
          html`<button
            class="${GRAVE.has(action) ? 'danger' : ''}"
            data-api="${queueApi(action)}"
            data-confirm="${words.sureAll[action]}"
            data-preview
            data-preview-text="${words.preview}"
          >
            ${words.actions[action]}
          </button>`,
      )}
    </div>
    <p class="hint">${words.withAllHint}</p>
  </form>`;
}

function paging({ next, isPaged }: QueueView, { language }: RecordTold): Html {
  const words = QUEUE_WORDS[language];
  return html`<p class="buttons">
    ${isPaged ? html`<a class="button" href="${QUEUE_PATH}">${words.newest2}</a>` : ''}
    ${next === null ? '' : html`<a class="button" rel="next" href="${QUEUE_PATH}?after=${next}">${words.older2}</a>`}
  </p>`;
}

function why({ explanations }: QueueView, told: RecordTold): Html {
  const words = QUEUE_WORDS[told.language];
  if (explanations.length === 0) return html`<div data-live="why"></div>`;
  return html`<section class="card" data-live="why" aria-labelledby="why">
    <h2 id="why">${words.whyThese}</h2>
    ${explanations.map(
      ({ deliveryId, domain, reasons }) =>
        html`<h3>${domain} <code class="soft">${deliveryId.slice(20)}</code></h3>
          <ul>
            ${reasons.map((reason) => html`<li>${said(reason, told.language)}</li>`)}
          </ul>`,
    )}
  </section>`;
}
