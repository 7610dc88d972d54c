/** The page Messages: a search, and what it found. */
import { html } from 'hono/html';
import type { z } from 'zod';
import { subjectText } from '../../feedback/part-text.ts';
import type { Operations } from '../../operations/operations.ts';
import type { FoundMail, SearchPage } from '../../spool/search.ts';
import { searchPage, searchQuery } from '../api/message-search.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page, PageAsk } from '../page.ts';
import { ago, bytes, count } from './format.ts';
import { MESSAGES_WORDS } from './messages-words.ts';
import { choice, field, givenIn, messagePath, names, states, stateTags, withFields } from './record-parts.ts';
import { soon } from './soon.ts';
import { inZone } from './wall-times.ts';

export type MessagesNeeds = Pick<RouteNeeds, 'policy' | 'clock'> & { readonly operations: Pick<Operations, 'search'> };

const PATH = '/messages';

type Told = { readonly nowMs: number; readonly zone: string; readonly language: Language };

export function messagesPage(needs: MessagesNeeds): Page {
  return {
    path: PATH,
    scope: 'read',
    nav: { order: 40, name: { en: MESSAGES_WORDS.en.title, es: MESSAGES_WORDS.es.title } },
    render: async (ask) => {
      const { language, nowMs, query } = ask;
      const zone = needs.policy().timeZone;
      const given = inZone(givenIn(query), ['since', 'until'], zone);
      const parsed = searchQuery.safeParse(given);
      const told = { nowMs, zone, language };
      const results = parsed.success
        ? found(await soon(needs.clock, ask, searchPage(needs.operations, parsed.data)), { ask, told })
        : wrong(parsed.error, language);
      const main = html`${form(needs, ask, zone)} ${results}`;
      return { title: MESSAGES_WORDS[language].title, main };
    },
  };
}

function form({ policy }: MessagesNeeds, { query, language }: PageAsk, zone: string): Html {
  const words = MESSAGES_WORDS[language];
  const { clients, streams, egress } = policy();
  const value = (name: string): string => query.get(name) ?? '';
  const any = words.any;
  return html`<form class="card" method="get" action="${PATH}" data-filter role="search" aria-label="${words.search}">
    <div class="filters">
      ${field({ name: 'text', label: words.text, size: 30 }, value('text'))}
      ${field({ name: 'address', label: words.address, size: 26 }, value('address'))}
      ${field({ name: 'domain', label: words.domain }, value('domain'))}
      ${choice({ name: 'state', label: words.state, any }, states(language), value('state'))}
      ${choice({ name: 'client', label: words.client, any }, names(Object.keys(clients)), value('client'))}
      ${choice({ name: 'stream', label: words.stream, any }, names(Object.keys(streams)), value('stream'))}
      ${choice({ name: 'egress', label: words.exit, any }, names(Object.keys(egress)), value('egress'))}
      ${field({ name: 'tag', label: words.tag, size: 12 }, value('tag'))}
      ${field({ name: 'since', label: words.since, type: 'datetime-local' }, value('since'))}
      ${field({ name: 'until', label: words.until, type: 'datetime-local' }, value('until'))}
      <button class="main">${words.find}</button> <a class="button" href="${PATH}">${words.clear}</a>
    </div>
    <p class="hint">${words.text}: ${words.textHint}. ${words.zone(zone)}</p>
  </form>`;
}

function wrong(error: z.ZodError, language: Language): Html {
  const lines = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return html`<div class="notice bad" role="alert">
    <strong>${MESSAGES_WORDS[language].wrong}</strong>
    <ul>
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>
  </div>`;
}

type View = { readonly ask: PageAsk; readonly told: Told };

/** @param page null: it is being looked for, and comes to the open page */
function found(page: SearchPage | null, view: View): Html {
  const { ask, told } = view;
  const words = MESSAGES_WORDS[told.language];
  if (page === null) return html`<section data-live="found" aria-busy="true"><p>${words.looking}</p></section>`;
  const { messages, next, isWhole } = page;
  const isPaged = ask.query.has('cursor');
  const nothing = html`<p>${isWhole && !isPaged ? words.none : words.noneYet}</p>`;
  const older = next === null ? '' : withFields(PATH, ask.query, { cursor: next });
  return html`<section data-live="found" aria-labelledby="found">
    <h2 id="found" class="hidden">${words.title}</h2>
    ${messages.length === 0 ? nothing : table(messages, view)}
    ${isWhole ? '' : html`<p class="notice">${words.notWhole}</p>`}
    <p class="buttons">
      ${isPaged ? html`<a class="button" href="${withFields(PATH, ask.query, { cursor: '' })}">${words.newest}</a>` : ''}
      ${older === '' ? '' : html`<a class="button" rel="next" href="${older}">${isWhole ? words.older : words.goOn}</a>`}
    </p>
  </section>`;
}

function table(messages: readonly FoundMail[], { told }: View): Html {
  const words = MESSAGES_WORDS[told.language];
  const hasSubjects = messages.some(({ subject }) => subject !== null);
  const columns = [
    words.received,
    words.state,
    words.sender,
    words.recipients,
    ...(hasSubjects ? [words.subject] : []),
    words.client,
    words.exit,
    words.size,
  ];
  return html`<table class="cards">
    <caption>
      ${words.shown(count(messages.length, told.language))}
    </caption>
    <thead>
      <tr>
        ${columns.map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${messages.map((one) => row(one, { told, hasSubjects }))}
    </tbody>
  </table>`;
}

function row(mail: FoundMail, { told, hasSubjects }: { readonly told: Told; readonly hasSubjects: boolean }): Html {
  const { language } = told;
  const words = MESSAGES_WORDS[language];
  const { id, sender, recipient, recipients, subject, client, stream, tag, egress, sizeBytes } = mail;
  const more = recipients > 1 ? ` ${words.more(count(recipients - 1, language))}` : '';
  return html`<tr>
    <th scope="row" data-label="${words.received}">
      <div>
        <a href="${messagePath(id)}">${ago(mail.receivedAtMs, told)}</a> <code class="soft">${id.slice(-6)}</code>
      </div>
    </th>
    <td data-label="${words.state}"><div>${stateTags(mail.states, language)}</div></td>
    <td data-label="${words.sender}">${cut(sender === '' ? '<>' : sender, 80)}</td>
    <td data-label="${words.recipients}">
      <div>${cut(recipient, 80)}<span class="soft">${more}</span></div>
    </td>
    ${hasSubjects ? html`<td data-label="${words.subject}">${cut(subjectText(subject ?? ''), 120)}</td>` : ''}
    <td data-label="${words.client}">
      <div>${client}, ${stream}${tag === null ? '' : html` <span class="tag">${cut(tag, 40)}</span>`}</div>
    </td>
    <td data-label="${words.exit}">${egress ?? ''}</td>
    <td class="num" data-label="${words.size}">${bytes(sizeBytes, language)}</td>
  </tr>`;
}

/** At most so many characters. */
function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
