/** The page Alerts: what is wrong now and was lately, who was told, and what clients do. */
import { html } from 'hono/html';
import type { Severity } from '../../message/severity.ts';
import type { ShownAlert } from '../../operations/alert-operations.ts';
import type { Operations } from '../../operations/operations.ts';
import type { PastAlert } from '../../report/alerting/past-alerts.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Page } from '../page.ts';
import { ALERTS_WORDS } from './alerts-words.ts';
import { clientsPart } from './clients-part.ts';
import { ago } from './format.ts';
import type { RecordTold } from './record-parts.ts';
import { said, saidTodo } from './spanish.ts';

export type AlertsNeeds = Pick<RouteNeeds, 'policy'> & {
  readonly operations: Pick<Operations, 'alertList' | 'clientStatuses'>;
};

const API = '/api/v1/alerts';
const PAST_SHOWN = 50;
const TONES: Readonly<Record<Severity, string>> = { info: '', warning: 'warn', critical: 'bad' };

export function alertsPage({ policy, operations }: AlertsNeeds): Page {
  return {
    path: '/alerts',
    scope: 'read',
    nav: { order: 15, name: { en: ALERTS_WORDS.en.title, es: ALERTS_WORDS.es.title } },
    render: async ({ language, nowMs, principal }) => {
      const told = { nowMs, zone: policy().timeZone, language, mayChange: principal.scopes.includes('operate') };
      const words = ALERTS_WORDS[language];
      const [{ alerts, past }, clients] = await Promise.all([operations.alertList(), operations.clientStatuses()]);
      const main = html`<p class="lead">${words.lead}</p>
        <section class="card" data-live="in-force" aria-labelledby="in-force">
          <h2 id="in-force">${words.inForce}</h2>
          ${alerts.length === 0 ? html`<p>${words.none}</p>` : inForce(alerts, told)}
        </section>
        ${told.mayChange ? testing(told) : ''} ${clientsPart(clients, told)}
        <section class="card" data-live="over" aria-labelledby="over">
          <h2 id="over">${words.over}</h2>
          ${past.length === 0 ? html`<p>${words.noneOver}</p>` : over(past.slice(0, PAST_SHOWN), told)}
        </section>`;
      return { title: words.title, main };
    },
  };
}

function inForce(alerts: readonly ShownAlert[], told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  return html`<table class="cards">
    <thead>
      <tr>
        <th scope="col">${words.alert}</th>
        <th scope="col">${words.severity}</th>
        <th scope="col">${words.since}</th>
        <th scope="col">${words.told}</th>
      </tr>
    </thead>
    <tbody>
      ${alerts.map((alert, at) => rowOf(alert, at, told))}
    </tbody>
  </table>`;
}

function rowOf(alert: ShownAlert, at: number, told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  const { name, node, severity, text, todo, sinceMs, toldAtMs, acknowledged } = alert;
  const where = node === null ? '' : words.onNode(node);
  const button = html`<form
    data-api="POST ${API}/${encodeURIComponent(name)}/acknowledge"
    data-done="${words.acknowledged}"
  >
    <button id="acknowledge-${at}" aria-label="${words.acknowledge} ${name}">${words.acknowledge}</button>
  </form>`;
  return html`<tr>
    <th scope="row" data-label="${words.alert}">
      <div>
        <strong>${name}</strong> ${where}
        <p>${said(text, told.language)}</p>
        <p class="hint">${words.todo}: ${saidTodo({ name, todo }, told.language)}</p>
      </div>
    </th>
    <td data-label="${words.severity}"><span class="tag ${TONES[severity]}">${words.severities[severity]}</span></td>
    <td data-label="${words.since}">${ago(sinceMs, told)}</td>
    <td data-label="${words.told}">
      <div>
        ${toldAtMs === null ? words.notTold : ago(toldAtMs, told)}
        ${acknowledged === null ? (told.mayChange ? button : '') : words.seenBy(acknowledged.by)}
      </div>
    </td>
  </tr>`;
}

function testing({ language }: RecordTold): Html {
  const words = ALERTS_WORDS[language];
  return html`<section class="card">
    <form class="buttons" data-api="POST ${API}/test" data-done="${words.tested}">
      <button>${words.test}</button> <span class="hint">${words.testHint}</span>
      <pre data-reply="failures"></pre>
    </form>
  </section>`;
}

function over(past: readonly PastAlert[], told: RecordTold): Html {
  const words = ALERTS_WORDS[told.language];
  return html`<table class="cards">
    <thead>
      <tr>
        <th scope="col">${words.alert}</th>
        <th scope="col">${words.since}</th>
        <th scope="col">${words.until}</th>
      </tr>
    </thead>
    <tbody>
      ${past.map(
        ({ name, node, text, sinceMs, overAtMs }) =>
          html`<tr>
            <th scope="row" data-label="${words.alert}">
              <div>
                ${name} ${node === null ? '' : words.onNode(node)}
                <p class="hint">${said(text, told.language)}</p>
              </div>
            </th>
            <td data-label="${words.since}">${ago(sinceMs, told)}</td>
            <td data-label="${words.until}">${ago(overAtMs, told)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
