/** The page Suppression: addresses that are not written to, by whom that was said and for how long. */
import { html, raw } from 'hono/html';
import type { Operations } from '../../operations/operations.ts';
import { SUPPRESSION_REASONS, type Suppression } from '../../spool/suppressions.ts';
import { pageOfSuppressions, suppressionQuery } from '../api/suppressions.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page, PageAsk } from '../page.ts';
import { ago, count, moment } from './format.ts';
import { choice, field, givenIn, names, type RecordTold, withFields } from './record-parts.ts';
import { soon } from './soon.ts';
import { SUPPRESSION_WORDS } from './suppression-words.ts';

export type SuppressionNeeds = Pick<RouteNeeds, 'policy' | 'clock'> & {
  readonly operations: Pick<Operations, 'suppressions'>;
};

/** A page of them stays below 100 KB. */
const SHOWN = '50';
const PATH = '/suppression';
const API = '/api/v1/suppressions';
const FORMATS = ['csv', 'json'] as const;

export function suppressionPage(needs: SuppressionNeeds): Page {
  return {
    path: PATH,
    scope: 'read',
    nav: { order: 50, name: { en: SUPPRESSION_WORDS.en.title, es: SUPPRESSION_WORDS.es.title } },
    render: async (ask) => {
      const { language, nowMs, query, principal } = ask;
      const zone = needs.policy().timeZone;
      const told = { nowMs, zone, language, mayChange: principal.scopes.includes('operate') };
      const words = SUPPRESSION_WORDS[language];
      const parsed = suppressionQuery.safeParse({ limit: SHOWN, ...givenIn(query) });
      const faults = parsed.success
        ? []
        : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      const main = html`<p class="lead">${words.lead}</p>
        ${form(needs, ask)}
        ${parsed.success ? await listed(needs, { ask, told, query: parsed.data }) : wrong(faults, language)}
        ${told.mayChange ? add(needs, language) : ''} ${transfer(query, told)}`;
      return { title: words.title, main };
    },
  };
}

function form({ policy }: SuppressionNeeds, { query, language }: PageAsk): Html {
  const words = SUPPRESSION_WORDS[language];
  const { clients, streams } = policy();
  const value = (name: string): string => query.get(name) ?? '';
  const any = words.any;
  return html`<form class="card" method="get" action="${PATH}" data-filter role="search" aria-label="${words.filter}">
    <div class="filters">
      ${field({ name: 'address', label: words.address, size: 26 }, value('address'))}
      ${field({ name: 'domain', label: words.domain }, value('domain'))}
      ${choice({ name: 'reason', label: words.reason, any }, reasons(language), value('reason'))}
      ${choice({ name: 'client', label: words.client, any }, names(Object.keys(clients)), value('client'))}
      ${choice({ name: 'stream', label: words.stream, any }, names(Object.keys(streams)), value('stream'))}
      <button class="main">${words.apply}</button> <a class="button" href="${PATH}">${words.clear}</a>
    </div>
  </form>`;
}

function reasons(language: Language) {
  const { reasons: words } = SUPPRESSION_WORDS[language];
  return SUPPRESSION_REASONS.map((value) => ({ value, text: words[value] }));
}

function wrong(faults: readonly string[], language: Language): Html {
  return html`<p class="notice bad" role="alert">
    <strong>${SUPPRESSION_WORDS[language].wrong}</strong> ${faults.join('; ')}
  </p>`;
}

type Listing = {
  readonly ask: PageAsk;
  readonly told: RecordTold;
  readonly query: ReturnType<typeof suppressionQuery.parse>;
};

async function listed({ operations, clock }: SuppressionNeeds, { ask, told, query }: Listing): Promise<Html> {
  const words = SUPPRESSION_WORDS[told.language];
  const page = await soon(clock, ask, pageOfSuppressions(operations, query));
  if (page === null)
    return html`<section class="card" data-live="entries" aria-busy="true"><p>${words.looking}</p></section>`;
  const { entries, next } = page;
  const columns = [words.address, words.reason, words.holdsFor, words.evidence, words.source, words.since, words.until];
  const table = html`<table class="cards">
    <caption>
      ${words.shown(count(entries.length, told.language))}
    </caption>
    <thead>
      <tr>
        ${columns.map((name) => html`<th scope="col">${name}</th>`)}
        ${told.mayChange ? html`<th scope="col"><span class="hidden">${words.remove}</span></th>` : ''}
      </tr>
    </thead>
    <tbody>
      ${entries.map((one) => rowOf(one, told))}
    </tbody>
  </table>`;
  return html`<section class="card" data-live="entries" aria-label="${words.title}">
    ${entries.length > 0 ? table : html`<p>${next === null ? words.none : words.noneHere}</p>`}
    <p class="buttons">
      ${query.after === null ? '' : html`<a class="button" href="${withFields(PATH, ask.query, { after: '' })}">${words.first}</a>`}
      ${next === null ? '' : html`<a class="button" rel="next" href="${withFields(PATH, ask.query, { after: next })}">${words.next}</a>`}
    </p>
  </section>`;
}

function rowOf(one: Suppression, told: RecordTold): Html {
  const words = SUPPRESSION_WORDS[told.language];
  const { address, client, stream, reason, evidence, source, atMs, untilMs } = one;
  const whose = [client, stream].filter((name) => name !== null).join(', ');
  const isOver = untilMs !== null && untilMs <= told.nowMs;
  const until = untilMs === null ? words.stays : html`<time>${moment(untilMs, told.zone)}</time>`;
  return html`<tr>
    <th scope="row" data-label="${words.address}">
      <a href="/messages?address=${encodeURIComponent(address)}" title="${words.mail}">${address}</a>
    </th>
    <td data-label="${words.reason}"><span class="tag">${words.reasons[reason]}</span></td>
    <td data-label="${words.holdsFor}">${whose === '' ? words.allMail : whose}</td>
    <td data-label="${words.evidence}">${evidence}</td>
    <td data-label="${words.source}">${source}</td>
    <td data-label="${words.since}">${ago(atMs, told)}</td>
    <td data-label="${words.until}">
      <div>${until} ${isOver ? html`<span class="tag">${words.over}</span>` : ''}</div>
    </td>
    ${told.mayChange ? html`<td>${removal(one, told)}</td>` : ''}
  </tr>`;
}

function removal({ address, client, stream }: Suppression, { language }: RecordTold): Html {
  const words = SUPPRESSION_WORDS[language];
  const hidden = (name: string, value: string | null): Html =>
    value === null ? html`` : html`<input type="hidden" name="${name}" value="${value}" />`;
  return html`<form data-api="DELETE ${API}" data-confirm="${words.removeSure}" data-done="${words.removed}">
    ${hidden('address', address)} ${hidden('client', client)} ${hidden('stream', stream)}
    <button aria-label="${words.remove} ${address}">${words.remove}</button>
  </form>`;
}

function add({ policy }: SuppressionNeeds, language: Language): Html {
  const words = SUPPRESSION_WORDS[language];
  const { clients, streams, timeZone } = policy();
  const any = words.any;
  return html`<section class="card" aria-labelledby="add">
    <h2 id="add">${words.add}</h2>
    <form data-api="POST ${API}" data-done="${words.added}">
      <div class="filters">
        <label>${words.address} <input name="address" required autocomplete="off" size="30" /></label>
        <label
          >${words.reason}
          <select name="reason">
            ${reasons(language).map(
              ({ value, text }) =>
                html`<option value="${value}" ${value === 'manual' ? raw('selected') : ''}>${text}</option>`,
            )}
          </select></label
        >
        ${choice({ name: 'client', label: words.client, any }, names(Object.keys(clients)), '')}
        ${choice({ name: 'stream', label: words.stream, any }, names(Object.keys(streams)), '')}
        <label>${words.evidence} <input name="evidence" maxlength="1000" size="24" autocomplete="off" /></label>
        <label>${words.until} (${timeZone}) <input name="until" type="datetime-local" /></label>
        <button class="main">${words.add}</button>
      </div>
      <p class="hint">${words.addHint}</p>
    </form>
  </section>`;
}

function transfer(query: URLSearchParams, { language, mayChange }: RecordTold): Html {
  const words = SUPPRESSION_WORDS[language];
  const link = (format: string): string => withFields(`${API}/export`, query, { format, after: '', limit: '' });
  const upload = html`<form class="stack" data-api="POST ${API}/import" data-done="${words.imported}">
    <label class="field">${words.list}<textarea class="mono" name="text" rows="6" required></textarea></label>
    <div class="filters">
      ${choice({ name: 'reason', label: words.reason, any: words.asListed }, reasons(language), '')}
      <button>${words.import}</button>
    </div>
    <p class="hint">${words.importHint}</p>
  </form>`;
  return html`<section class="card" aria-labelledby="transfer">
    <h2 id="transfer">${words.transfer}</h2>
    <p class="buttons">
      ${FORMATS.map((format) => html`<a class="button" href="${link(format)}" download>${words.export(format.toUpperCase())}</a>`)}
    </p>
    ${mayChange ? upload : ''}
  </section>`;
}
