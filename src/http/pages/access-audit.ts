/** The audit log, with a search and page by page. */
import { html } from 'hono/html';
import type { AuditEntry } from '../../operations/audit-entry.ts';
import type { AuditPage } from '../../operations/audit-log.ts';
import type { Operations } from '../../operations/operations.ts';
import type { Clock } from '../../ports.ts';
import { wallTimeOf } from '../api/local-time.ts';
import type { Html, PageAsk } from '../page.ts';
import type { AccessTold } from './access.ts';
import { ACCESS_WORDS } from './access-words.ts';
import { moment } from './format.ts';
import { cardsTable } from './cards-table.ts';
import { soon } from './soon.ts';

type Audit = {
  readonly operations: Pick<Operations, 'auditLog'>;
  readonly clock: Clock;
  readonly path: string;
  readonly ask: Pick<PageAsk, 'query' | 'isLive'>;
  readonly told: AccessTold;
};

type Shown = { readonly path: string; readonly query: URLSearchParams; readonly told: AccessTold };

const PAGE = 50;
const FIELDS = ['who', 'what', 'from', 'to'] as const;

/** What is not to be searched by is left out of the search. Rejects with `SpoolError`. */
export async function auditSection({ operations, clock, path, ask, told }: Audit): Promise<Html> {
  const { query } = ask;
  const words = ACCESS_WORDS[told.language];
  const given = (name: string): string => (query.get(name) ?? '').trim().slice(0, 300);
  const fromMs = wallTimeOf(given('from'), told.zone);
  const untilMs = wallTimeOf(given('to'), told.zone);
  const before = given('before');
  const reading = operations.auditLog({
    limit: PAGE,
    before: before === '' ? null : before,
    ...(given('who') === '' ? {} : { who: given('who') }),
    ...(given('what') === '' ? {} : { what: given('what') }),
    ...(fromMs === null ? {} : { fromMs }),
    ...(untilMs === null ? {} : { untilMs }),
  });
  const page = await soon(clock, ask, reading);
  const found = page === null ? html`<p aria-busy="true">${words.looking}</p>` : foundOf(page, { path, query, told });
  return html`<section class="card" aria-labelledby="audit">
    <h2 id="audit">${words.audit}</h2>
    <p class="hint">${words.auditHint}</p>
    ${search(path, query, told)}
    <div data-live="audit">${found}</div>
  </section>`;
}

function foundOf({ entries, next }: AuditPage, { path, query, told }: Shown): Html {
  const words = ACCESS_WORDS[told.language];
  const columns = [words.when, words.who, words.from, words.what, words.on, words.before, words.after];
  const table = cardsTable(
    columns,
    entries.map((entry) => rowOf(entry, told)),
  );
  return html`${entries.length === 0 ? html`<p>${words.nothing}</p>` : table}
    <p class="buttons">
      ${query.has('before') ? html`<a class="button" href="${placeOf(path, query, null)}">${words.newest}</a>` : ''}
      ${next === null ? '' : html`<a class="button" rel="next" href="${placeOf(path, query, next)}">${words.older}</a>`}
    </p>`;
}

function search(path: string, query: URLSearchParams, { language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  const value = (name: string): string => query.get(name) ?? '';
  return html`<form method="get" action="${path}" data-filter role="search" aria-label="${words.filter}">
    <div class="filters">
      <label>${words.who} <input name="who" value="${value('who')}" maxlength="300" /></label>
      <label>${words.what} <input name="what" value="${value('what')}" maxlength="300" placeholder="token" /></label>
      <label>${words.fromTime} <input type="datetime-local" name="from" value="${value('from')}" /></label>
      <label>${words.toTime} <input type="datetime-local" name="to" value="${value('to')}" /></label>
      <button>${words.apply}</button> <a class="button" href="${path}">${words.clear}</a>
    </div>
  </form>`;
}

/** @param before null: the newest */
function placeOf(path: string, query: URLSearchParams, before: string | null): string {
  const fields = new URLSearchParams();
  for (const name of FIELDS) if ((query.get(name) ?? '') !== '') fields.set(name, query.get(name) ?? '');
  if (before !== null) fields.set('before', before);
  const text = fields.toString();
  return text === '' ? path : `${path}?${text}`;
}

function rowOf({ atMs, actor, what, on, before, after }: AuditEntry, { zone, language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  const time = html`<time datetime="${new Date(atMs).toISOString()}">${moment(atMs, zone)}</time>`;
  return html`<tr>
    <th scope="row" class="nowrap">${time}</th>
    <td data-label="${words.who}">
      <div>${actor.name} <span class="soft">${words.kinds[actor.kind]}</span></div>
    </td>
    <td data-label="${words.from}">${actor.from}</td>
    <td class="nowrap" data-label="${words.what}"><code>${what}</code></td>
    <td data-label="${words.on}">${on}</td>
    <td data-label="${words.before}">${textOf(before)}</td>
    <td data-label="${words.after}">${textOf(after)}</td>
  </tr>`;
}

function textOf(value: unknown): Html | string {
  if (value === undefined || value === null) return '';
  return html`<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>`;
}
