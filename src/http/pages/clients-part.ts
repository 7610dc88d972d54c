/** Clients on the page Alerts: what is usual of each, what is held, and what of their software needs attention. */
import { html } from 'hono/html';
import type { ClientStatus } from '../../operations/client-operations.ts';
import type { Html } from '../page.ts';
import { ALERTS_WORDS } from './alerts-words.ts';
import { ago, count, moment } from './format.ts';
import type { RecordTold } from './record-parts.ts';
import { said } from './spanish.ts';

export function clientsPart(clients: readonly ClientStatus[], told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  const table = html`<table class="cards">
    <thead>
      <tr>
        <th scope="col">${words.client}</th>
        <th scope="col">${words.thisHour}</th>
        <th scope="col">${words.usual}</th>
        <th scope="col">${words.guard}</th>
        <th scope="col">${words.software}</th>
      </tr>
    </thead>
    <tbody>
      ${clients.map((client, at) => rowOf(client, at, told))}
    </tbody>
  </table>`;
  return html`<section class="card" data-live="clients" aria-labelledby="clients">
    <h2 id="clients">${words.clients}</h2>
    <p class="hint">${words.clientsLead}</p>
    ${clients.length === 0 ? html`<p>${words.noClients}</p>` : table}
  </section>`;
}

function rowOf(status: ClientStatus, at: number, told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  const { client, hour, guard } = status;
  return html`<tr>
    <th scope="row" data-label="${words.client}">${client}</th>
    <td data-label="${words.thisHour}">${count(hour.recipients, told.language)}</td>
    <td data-label="${words.usual}">${guard.knownSinceMs === null ? '–' : count(guard.usual, told.language)}</td>
    <td data-label="${words.guard}"><div>${guardOf(status, at, told)}</div></td>
    <td data-label="${words.software}"><div>${softwareOf(status, told)}</div></td>
  </tr>`;
}

function guardOf({ client, held, guard }: ClientStatus, at: number, told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  if (held !== null)
    return html`<span class="tag bad">${words.held}</span> ${said(held.reason, told.language)}
      (${ago(held.sinceMs, told)}) ${told.mayChange ? release(client, at, told) : ''}`;
  if (!guard.enabled) return html`${words.guardOff}`;
  if (guard.judgesFromMs === null) return html`${words.guardNew}`;
  return html`${words.guardFrom} <time>${moment(guard.judgesFromMs, told.zone)}</time>`;
}

function release(client: string, at: number, { language }: RecordTold): Html {
  const words = ALERTS_WORDS[language];
  return html`<form
    data-api="POST /api/v1/clients/${encodeURIComponent(client)}/release"
    data-confirm="${words.releaseSure}"
    data-done="${words.released}"
  >
    <button id="release-${at}" aria-label="${words.release} ${client}">${words.release}</button>
  </form>`;
}

function softwareOf({ profile }: ClientStatus, { language }: RecordTold): Html {
  const words = ALERTS_WORDS[language];
  const bad = profile.habits.filter(({ needsAttention }) => needsAttention);
  if (bad.length === 0) return html`${words.nothing}`;
  return html`${bad.map(({ habit, text }) => html`<span class="tag warn" title="${text}">${words.habits[habit] ?? habit}</span> `)}`;
}
