/** A page as an answer: rendered, in its layout, with what browsers must not do with it. */
import type { Clock } from '../../ports.ts';
import type { Answer } from '../answer.ts';
import type { AppAsk } from '../app.ts';
import type { Html, Page, PageAsk, PageBody } from '../page.ts';
import type { Principal } from '../principal.ts';
import { languageOf } from './language.ts';

/** What is around a page. `nav`: the pages that whoever asks may see, in their order. */
export type Layout = (around: {
  readonly ask: PageAsk;
  readonly page: Page;
  readonly body: PageBody;
  readonly nav: readonly Page[];
}) => Html;

export type PageNeeds = {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly pages: readonly Page[];
  readonly layout: Layout;
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

type Asked = {
  readonly ask: AppAsk;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal;
  readonly csrf: string | null;
};

export async function renderPage({ clock, pages, layout }: PageNeeds, page: Page, asked: Asked): Promise<Answer> {
  const { ask: sent, params, principal, csrf } = asked;
  const query = new URLSearchParams(sent.query);
  const ask: PageAsk = { principal, params, query, language: languageOf(sent.headers), nowMs: clock.nowMs(), csrf };
  const body = await page.render(ask);
  const nav = pages
    .filter((one) => one.nav !== null && principal.scopes.includes(one.scope))
    .toSorted((one, other) => (one.nav?.order ?? 0) - (other.nav?.order ?? 0));
  const text = String(await layout({ ask, page, body, nav }));
  return {
    status: body.status ?? 200,
    contentType: 'text/html; charset=utf-8',
    text,
    headers: { 'content-security-policy': POLICY, 'referrer-policy': 'same-origin', vary: 'cookie, accept-language' },
  };
}

/** Back to where one wanted to be, once one has signed in. */
export function signInFirst({ path, query }: Pick<AppAsk, 'path' | 'query'>): Answer {
  const next = encodeURIComponent(query === '' ? path : `${path}?${query}`);
  const location = `/sign-in?next=${next}`;
  return { status: 303, contentType: 'text/plain; charset=utf-8', text: 'sign in first\n', headers: { location } };
}
