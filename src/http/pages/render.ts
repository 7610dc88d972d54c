/** A page as an answer: rendered, in its layout, with what browsers must not do with it. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../../ports.ts';
import type { Answer } from '../answer.ts';
import type { AppAsk } from '../app.ts';
import type { Html, Page, PageAsk, PageBody } from '../page.ts';
import type { Principal } from '../principal.ts';
import { codingOf } from './assets.ts';
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
    .filter((one) => one.nav !== null && (one.scope === null || principal.scopes.includes(one.scope)))
    .toSorted((one, other) => (one.nav?.order ?? 0) - (other.nav?.order ?? 0));
  const text = String(await layout({ ask, page, body, nav }));
  return {
    status: body.status ?? 200,
    contentType: 'text/html; charset=utf-8',
    ...(await packed(text, sent)),
  };
}

/** What browsers must not do with a page. */
export const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'same-origin',
  vary: 'cookie, accept-language, accept-encoding',
};
/** A page is not kept: fast is worth more than small. */
const LEVEL = 3;

/**
 * Compressed off this thread, for those who take it. How long it gets would tell of the CSRF token to whoever can have a browser ask
 * for it again and again; other sites cannot, as the cookie of a session goes to this one alone (SameSite).
 */
async function packed(
  text: string,
  { headers }: Pick<AppAsk, 'headers'>,
): Promise<Pick<Answer, 'text' | 'bytes' | 'headers'>> {
  if (codingOf(headers['accept-encoding'], ['gzip']) === null) return { text, headers: PAGE_HEADERS };
  const bytes = await promisify(gzip)(text, { level: LEVEL });
  return { text: '', bytes, headers: { ...PAGE_HEADERS, 'content-encoding': 'gzip' } };
}

/** Back to where one wanted to be, once one has signed in. */
export function signInFirst({ path, query }: Pick<AppAsk, 'path' | 'query'>): Answer {
  const next = encodeURIComponent(query === '' ? path : `${path}?${query}`);
  const location = `/sign-in?next=${next}`;
  return { status: 303, contentType: 'text/plain; charset=utf-8', text: 'sign in first\n', headers: { location } };
}
