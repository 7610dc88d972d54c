/** One exit: its state and why, all its limits, what came of its mail, and what went wrong last. */
import { html } from 'hono/html';
import type { Html, Page } from '../page.ts';
import { CHART_SCRIPTS, chartsOf } from './charts.ts';
import { actionButtons, pauseDialog } from './exit-actions.ts';
import {
  costCell,
  type ExitStats,
  type KnownExit,
  reputationCell,
  successCell,
  type Told,
  usedCell,
  warmupCell,
  warmupText,
} from './exit-cells.ts';
import { causesOf, stateTags } from './exit-state.ts';
import { type ExitsNeeds, knownExits } from './exits.ts';
import { EXITS_WORDS } from './exits-words.ts';
import { ago, count, percent } from './format.ts';
import { exitCharts } from './overview-charts.ts';

export function exitPage(needs: ExitsNeeds): Page {
  return {
    path: '/exits/{name}',
    scope: 'read',
    nav: null,
    render: async ({ params, language, nowMs, principal }) => {
      const words = EXITS_WORDS[language];
      const exit = (await knownExits(needs)).find(({ status }) => status.egress === params['name']);
      const back = html`<p><a href="/exits">${words.all}</a></p>`;
      if (exit === undefined)
        return {
          status: 404,
          title: words.unknown,
          main: html`<p>${words.unknownText}</p>
            ${back}`,
        };
      const told = { nowMs, zone: needs.policy().timeZone, language };
      const { egress } = exit.status;
      const of = { at: 0, language, scopes: principal.scopes };
      const main = html`${back}
        <div data-live="exit">
          <div class="grid">${facts(exit, told, actionButtons(exit.status, of))} ${limitsOf(exit, told)}</div>
        </div>
        ${principal.scopes.includes('operate') ? pauseDialog(exit.status, of) : ''}
        ${chartsOf(exitCharts(language), { language, egress })}
        <div class="grid">
          ${historyOf(exit.stats, told)} ${reportedOf(exit.stats, told)} ${troublesOf(exit, told)}
        </div>`;
      return { title: egress, main, scripts: [...CHART_SCRIPTS, 'exits.js'] };
    },
  };
}

function facts(exit: KnownExit, told: Told, actions: Html): Html {
  const words = EXITS_WORDS[told.language];
  const { type, target, closures, isRunning, limits } = exit.status;
  return html`<section class="card">
    <dl class="facts">
      <dt>${words.state}</dt>
      <dd>
        ${stateTags({ closures, part: limits?.part ?? 1, isRunning }, told.language)}
        ${causesOf(closures, told).map((cause) => html`<div>${cause}</div>`)}
      </dd>
      <dt>${words.type}</dt>
      <dd>${type}</dd>
      ${
        target === null
          ? ''
          : html`<dt>${words.target}</dt>
              <dd>${target}</dd>`
      }
      <dt>${words.reputation}</dt>
      <dd>${reputationCell(exit, told)}</dd>
      <dt>${words.success}</dt>
      <dd>${successCell(exit, told)}</dd>
      <dt>${words.cost}</dt>
      <dd>${costCell(exit, told)}</dd>
    </dl>
    ${actions}
  </section>`;
}

function limitsOf({ status }: KnownExit, told: Told): Html {
  const { language } = told;
  const words = EXITS_WORDS[language];
  const { limits } = status;
  if (limits === null) return html``;
  const anew = (used: { readonly resetsAtMs: number } | null): Html | '' =>
    used === null ? '' : html`<div class="soft">${words.resets} ${ago(used.resetsAtMs, told)}</div>`;
  const { rate, nextAtMs } = limits;
  const paced = rate === null ? null : { used: rate.used, limit: rate.used + rate.left };
  return html`<section class="card">
    <dl class="facts">
      <dt>${words.today}</dt>
      <dd>${usedCell(limits.day, told)} ${anew(limits.day)}</dd>
      <dt>${words.hour}</dt>
      <dd>${usedCell(limits.hour, told)} ${anew(limits.hour)}</dd>
      <dt>${words.rate}</dt>
      <dd>
        ${usedCell(paced, told)}
        ${nextAtMs === null || nextAtMs <= told.nowMs ? '' : html`<div class="soft">${words.next} ${ago(nextAtMs, told)}</div>`}
      </dd>
      <dt>${words.connections}</dt>
      <dd>${usedCell(limits.connections, told)}</dd>
      <dt>${words.warmup}</dt>
      <dd>${warmupCell(status, told)}</dd>
    </dl>
    ${providersOf(limits.providers, told)}
  </section>`;
}

function providersOf(providers: NonNullable<KnownExit['status']['limits']>['providers'], told: Told): Html {
  if (providers.length === 0) return html``;
  const words = EXITS_WORDS[told.language];
  const rows = providers.map(
    ({ provider, warmup, day }) =>
      html`<tr>
        <th scope="row">${provider}</th>
        <td>${warmup.kind === 'done' ? words.warmupOver : warmupText(warmup, told.language)}</td>
        <td>${usedCell(day, told)}</td>
      </tr>`,
  );
  return html`<table>
    <thead>
      <tr>
        <th scope="col">${words.provider}</th>
        <th scope="col">${words.warmup}</th>
        <th scope="col">${words.today}</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

const KINDS = ['delivered', 'deferred', 'bounced', 'blocked', 'complained'] as const;
const PERIODS = ['today', 'week', 'month'] as const;

function historyOf(stats: ExitStats | undefined, { language }: Told): Html {
  if (stats === undefined) return html``;
  const words = EXITS_WORDS[language];
  const rows = PERIODS.map(
    (period) =>
      html`<tr>
        <th scope="row">${words.periods[period]}</th>
        ${KINDS.map((kind) => html`<td class="num" data-label="${words[kind]}">${count(stats[period][kind], language)}</td>`)}
      </tr>`,
  );
  return html`<section class="card" data-live="history" aria-labelledby="history">
    <h2 id="history">${words.history}</h2>
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">${words.period}</th>
          ${KINDS.map((kind) => html`<th scope="col" class="num">${words[kind]}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

const REPORTED = ['confirmed', 'opened', 'clicked', 'bounced-later', 'complained', 'unsubscribed'] as const;

/** What its provider tells of the mail that it took, whoever opens it twice twice; of exits without such a provider nothing. */
function reportedOf(stats: ExitStats | undefined, { language }: Told): Html {
  if (stats === undefined || stats.reported === null) return html``;
  const words = EXITS_WORDS[language];
  const { reported, month } = stats;
  const rows = REPORTED.map((kind) => {
    const share = month.delivered === 0 ? '–' : percent(reported[kind] / month.delivered, language);
    return html`<tr>
      <th scope="row">${words.reports[kind]}</th>
      <td class="num">${count(reported[kind], language)}</td>
      <td class="num">${share}</td>
    </tr>`;
  });
  return html`<section class="card" data-live="reported" aria-labelledby="reported">
    <h2 id="reported">${words.reported}</h2>
    <table>
      <thead>
        <tr>
          <td></td>
          <th scope="col" class="num">${words.recipients}</th>
          <th scope="col" class="num">${words.ofDelivered}</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function troublesOf({ troubles }: KnownExit, told: Told): Html {
  const words = EXITS_WORDS[told.language];
  const rows = troubles.map(
    ({ atMs, reply, count: often, host, domain }) =>
      html`<li>
        <code>${reply}</code>
        <div class="soft">${ago(atMs, told)}, ${host ?? domain}, ${words.times(often)}</div>
      </li>`,
  );
  return html`<section class="card" data-live="errors" aria-labelledby="errors">
    <h2 id="errors">${words.errors}</h2>
    <p class="hint">${words.errorsKept}</p>
    ${
      troubles.length === 0
        ? html`<p class="soft">${words.noErrors}</p>`
        : html`<ul class="plain">
            ${rows}
          </ul>`
    }
  </section>`;
}
