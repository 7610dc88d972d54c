/** Why there is no page, for people: programs get the same as a problem document. */
import { html } from 'hono/html';
import type { Answer } from '../answer.ts';
import type { AppAsk } from '../app.ts';
import type { Page } from '../page.ts';
import type { Reply } from '../reply.ts';
import { FRAME_WORDS } from './frame-words.ts';
import { languageOf } from './language.ts';
import { type Layout, PAGE_HEADERS } from './render.ts';

const NOWHERE: Page = {
  path: '/',
  scope: null,
  nav: null,
  render: () => Promise.reject(new Error('there is no such page')),
};

/** @returns the reply as it is, but for a problem that a browser would show as text */
export async function forPeople(reply: Reply | null, ask: AppAsk, layout: Layout): Promise<Reply | null> {
  if (reply === null || 'stream' in reply || reply.contentType !== 'application/problem+json') return reply;
  const isRead = ask.method === 'GET' && ask.headers.accept?.includes('text/html') === true;
  if (!isRead || ask.path.startsWith('/api/')) return reply;
  return { ...reply, ...(await pageOf(reply, ask, layout)) };
}

async function pageOf({ status, headers }: Answer, ask: AppAsk, layout: Layout): Promise<Partial<Answer>> {
  const language = languageOf(ask.headers);
  const words = FRAME_WORDS[language];
  const known = status === 403 ? 'forbidden' : status === 404 ? 'missing' : 'away';
  const body = {
    title: words[known],
    main: html`<p>${words[`${known}Text`]}</p>
      <p><a href="/">${words.overview}</a></p>`,
  };
  const principal = { kind: 'user', name: '', scopes: [], peer: ask.peer } as const;
  const asked = { principal, params: {}, query: new URLSearchParams(), language, nowMs: 0, csrf: null };
  const text = String(await layout({ ask: asked, page: NOWHERE, body, nav: [] }));
  return { contentType: 'text/html; charset=utf-8', text, headers: { ...headers, ...PAGE_HEADERS } };
}
