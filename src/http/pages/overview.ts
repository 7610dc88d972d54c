/** The first page: does mail flow, what waits and why, and what wants a look. */
import { html } from 'hono/html';
import { formatAge } from '../../policy/units.ts';
import type { Operations } from '../../operations/operations.ts';
import type { Troubles } from '../../report/troubles.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page, PageAsk } from '../page.ts';
import { CHART_SCRIPTS, chartsOf } from './charts.ts';
import { causesOf, stateTags } from './exit-state.ts';
import { ago, count, percent } from './format.ts';
import { relayCharts } from './overview-charts.ts';
import { OVERVIEW_WORDS } from './overview-words.ts';
import { toneOf, verdictOf } from './verdict.ts';
import { soon } from './soon.ts';
import { said } from './spanish.ts';

export type OverviewNeeds = Pick<RouteNeeds, 'policy' | 'clock'> & {
  readonly operations: Pick<Operations, 'status' | 'stats' | 'overview' | 'shape' | 'nodes'>;
  readonly troubles: Pick<Troubles, 'deferralOf'>;
};

type Read = {
  readonly status: Awaited<ReturnType<Operations['status']>>;
  readonly stats: Awaited<ReturnType<Operations['stats']>>;
  readonly queue: Awaited<ReturnType<Operations['overview']>>;
  /** null: it is being counted. */
  readonly shape: Awaited<ReturnType<Operations['shape']>> | null;
  readonly nodes: Awaited<ReturnType<Operations['nodes']>>;
};

type Told = { readonly nowMs: number; readonly zone: string; readonly language: Language };
type View = Read & { readonly told: Told; readonly words: (typeof OVERVIEW_WORDS)[Language] };

const MOST_DESTINATIONS = 8;

export function overviewPage(needs: OverviewNeeds): Page {
  return {
    path: '/',
    scope: 'read',
    nav: { order: 10, name: { en: OVERVIEW_WORDS.en.title, es: OVERVIEW_WORDS.es.title } },
    render: async (ask) => {
      const view = await viewOf(needs, ask);
      const { language } = ask;
      const main = html`${head(view)}
        <div class="grid uneven">
          ${waits(view, needs.troubles)}
          <div data-live="pressing">${alertsOf(view)} ${adviceOf(view)}</div>
        </div>
        ${chartsOf(relayCharts(language), { language, egress: null })}
        <div class="grid">${exitsOf(view)} ${nodesOf(view)}</div>`;
      return { title: view.words.title, main, scripts: CHART_SCRIPTS };
    },
  };
}

async function viewOf({ operations, policy, clock }: OverviewNeeds, ask: PageAsk): Promise<View> {
  const { nowMs, language } = ask;
  const [status, stats, queue, shape, nodes] = await Promise.all([
    operations.status(),
    operations.stats(),
    operations.overview(),
    soon(clock, ask, operations.shape({ filter: {} })),
    operations.nodes(),
  ]);
  const told = { nowMs, zone: policy().timeZone, language };
  return { status, stats, queue, shape, nodes, told, words: OVERVIEW_WORDS[language] };
}

function head(view: View): Html {
  const { status, stats, queue, told, words } = view;
  const { language, nowMs } = told;
  const { oldestCreatedAtMs, byState, leased, deliveries } = queue;
  const verdict = verdictOf({
    notReady: status?.notReady ?? [],
    exits: stats.exits,
    oldestAgeMs: oldestCreatedAtMs === null ? null : nowMs - oldestCreatedAtMs,
    held: byState.held,
    alerts: stats.alerts?.length ?? 0,
  });
  const open = stats.exits.filter(({ closures }) => closures.length === 0).length;
  const waiting = deliveries === 0 ? words.nothingWaits : words.waiting(count(deliveries, language));
  return html`<div data-live="head">
    <p class="verdict ${toneOf(verdict)}" data-verdict="${verdict}">
      <strong>${words.verdicts[verdict]}</strong>
      <span>
        ${waiting}${oldestCreatedAtMs === null ? '' : html`, ${words.oldest} ${ago(oldestCreatedAtMs, told)}`};
        ${words.exitsOpen(open, stats.exits.length)}
      </span>
    </p>
    <div class="tiles">
      ${tile(words.sent, [stats.today.delivered, stats.week.delivered, stats.month.delivered], view)}
      ${tile(words.failed, [failedOf(stats.today), failedOf(stats.week), failedOf(stats.month)], view)}
      <dl class="tile">
        <dt>${words.queued}</dt>
        <dd class="figure" data-figure="queued"><a href="/queue">${count(deliveries, language)}</a></dd>
        <dd class="soft">
          ${count(byState.queued - leased < 0 ? 0 : byState.queued - leased, language)} ${words.retrying} ·
          ${count(leased, language)} ${words.underway} · ${count(byState.held, language)} ${words.held}
          ${byState.quarantined > 0 ? html`· ${count(byState.quarantined, language)} ${words.quarantined}` : ''}
        </dd>
      </dl>
    </div>
    ${flowTable(view)}
  </div>`;
}

type Flows = Read['stats']['today'];

function failedOf({ bounced, expired }: Flows): number {
  return bounced + expired;
}

function tile(name: string, [today, week, month]: readonly [number, number, number], { told, words }: View): Html {
  const { language } = told;
  return html`<dl class="tile">
    <dt>${name}, ${words.today.toLowerCase()}</dt>
    <dd class="figure">${count(today, language)}</dd>
    <dd class="soft">${words.week}: ${count(week, language)} · ${words.month}: ${count(month, language)}</dd>
  </dl>`;
}

const FLOWS = ['accepted', 'delivered', 'deferred', 'bounced', 'expired', 'suppressed'] as const;

function flowTable({ stats, told, words }: View): Html {
  const cell = (flows: Flows, name: (typeof FLOWS)[number]): Html =>
    html`<td class="num">${count(flows[name], told.language)}</td>`;
  const row = (name: string, flows: Flows): Html =>
    html`<tr>
      <th scope="row">${name}</th>
      ${FLOWS.map((flow) => cell(flows, flow))}
    </tr>`;
  return html`<div class="card scroll" tabindex="0" role="region" aria-label="${words.title}">
    <table>
      <thead>
        <tr>
          <td></td>
          ${FLOWS.map((flow) => html`<th scope="col" class="num">${words[flow]}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${row(words.today, stats.today)} ${row(words.week, stats.week)} ${row(words.month, stats.month)}
      </tbody>
    </table>
  </div>`;
}

/** How many of a row are older than an hour and twenty minutes: what was put off more than once. */
function oldOf(
  agesMs: readonly number[],
  byAge: readonly number[],
): { readonly ageMs: number; readonly count: number } {
  const from = agesMs.findIndex((ageMs) => ageMs >= 4_800_000);
  const sum = byAge.slice(from + 1).reduce((total, one) => total + one, 0);
  return { ageMs: agesMs[from] ?? 0, count: sum };
}

function waits({ shape, told, words }: View, { deferralOf }: OverviewNeeds['troubles']): Html {
  const { agesMs, rows: all } = shape ?? { agesMs: [], rows: [] };
  const rows = all.slice(0, MOST_DESTINATIONS);
  const { ageMs } = oldOf(agesMs, []);
  const row = ({ domain, total, byAge }: (typeof rows)[number]): Html => {
    const deferral = deferralOf(domain);
    const why = deferral === null ? words.noReason : html`<bdi>${deferral.reason}</bdi> (${ago(deferral.atMs, told)})`;
    return html`<tr>
      <th scope="row"><a href="/queue?domain=${encodeURIComponent(domain)}">${domain}</a></th>
      <td class="num" data-label="${words.deliveries}">${count(total, told.language)}</td>
      <td class="num" data-label="${words.over(formatAge(ageMs))}">
        ${count(oldOf(agesMs, byAge).count, told.language)}
      </td>
      <td data-label="${words.lastReason}"><div>${why}</div></td>
    </tr>`;
  };
  const table = html`<table class="cards">
    <thead>
      <tr>
        <th scope="col">${words.destination}</th>
        <th scope="col" class="num">${words.deliveries}</th>
        <th scope="col" class="num">${words.over(formatAge(ageMs))}</th>
        <th scope="col">${words.lastReason}</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(row)}
    </tbody>
  </table>`;
  return html`<section class="card" data-live="waits" aria-labelledby="waits">
    <h2 id="waits">${words.whatWaits}</h2>
    ${rows.length === 0 ? html`<p class="soft">${shape === null ? words.counting : words.nothingWaits}</p>` : table}
    <p><a href="/queue">${words.wholeQueue}</a></p>
  </section>`;
}

function alertsOf({ stats, told, words }: View): Html {
  const alerts = stats.alerts ?? [];
  const list = html`<ul class="plain">
    ${alerts.map(({ text, sinceMs }) => html`<li>${said(text, told.language)} <span class="soft">${ago(sinceMs, told)}</span></li>`)}
  </ul>`;
  return html`<section class="card" aria-labelledby="alerts">
    <h2 id="alerts">${words.alerts}</h2>
    ${alerts.length === 0 ? html`<p class="soft">${words.noAlerts}</p>` : list}
  </section>`;
}

function adviceOf({ stats, told, words }: View): Html {
  const list = html`<ul class="plain">
    ${stats.advice.map(({ text }) => html`<li>${said(text, told.language)}</li>`)}
  </ul>`;
  return html`<section class="card" aria-labelledby="advice">
    <h2 id="advice">${words.advice}</h2>
    ${stats.advice.length === 0 ? html`<p class="soft">${words.noAdvice}</p>` : list}
  </section>`;
}

function exitsOf({ stats, told, words, status }: View): Html {
  const row = ({ egress, closures, pace, successRate }: Read['stats']['exits'][number]): Html =>
    html`<tr>
      <th scope="row"><a href="/exits/${encodeURIComponent(egress)}">${egress}</a></th>
      <td data-label="${words.state}">
        <div>
          ${stateTags({ closures, part: pace, isRunning: status !== null }, told.language)}
          ${causesOf(closures, told)[0] ?? ''}
        </div>
      </td>
      <td class="num" data-label="${words.success}">
        ${successRate === null ? '–' : percent(successRate, told.language)}
      </td>
    </tr>`;
  return html`<section class="card" data-live="exits" aria-labelledby="exits">
    <h2 id="exits">${words.exits}</h2>
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">${words.exit}</th>
          <th scope="col">${words.state}</th>
          <th scope="col" class="num">${words.success}</th>
        </tr>
      </thead>
      <tbody>
        ${stats.exits.map(row)}
      </tbody>
    </table>
  </section>`;
}

function nodesOf({ nodes, status, told, words }: View): Html {
  const ready = status === null || status.notReady.length > 0;
  const row = ({ name, isUp, isStopping, version, policyVersion, seenAtMs }: Read['nodes'][number]): Html =>
    html`<tr>
      <th scope="row">${name}</th>
      <td data-label="${words.state}">
        <span class="tag ${isUp ? 'good' : 'bad'}">${isStopping ? words.stopping : isUp ? words.up : words.down}</span>
      </td>
      <td data-label="${words.version}">${version}</td>
      <td data-label="${words.policy}"><code>${policyVersion.slice(0, 12)}</code></td>
      <td data-label="${words.heard}">${ago(seenAtMs, told)}</td>
    </tr>`;
  return html`<section class="card" data-live="nodes" aria-labelledby="nodes">
    <h2 id="nodes">${words.nodes}</h2>
    <p>
      ${words.running}: <span class="tag ${ready ? 'bad' : 'good'}">${ready ? words.notReady : words.ready}</span>
      ${status === null ? '' : html`relevo ${status.version}, ${words.since} ${ago(status.startedAtMs, told)}`}
    </p>
    <table class="cards">
      <thead>
        <tr>
          ${[words.node, words.state, words.version, words.policy, words.heard].map(
            (name) => html`<th scope="col">${name}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${nodes.map(row)}
      </tbody>
    </table>
  </section>`;
}
