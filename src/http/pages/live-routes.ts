/** What open pages ask for beside themselves: what changed of them, and another language. */
import { z } from 'zod';
import type { Clock } from '../../ports.ts';
import { problem } from '../answer.ts';
import type { Page, PageAsk } from '../page.ts';
import type { Principal } from '../principal.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { type Found, routerOf } from '../router.ts';
import { LANGUAGE_COOKIE, languageNamed, languageOf, ownPlace } from './language.ts';
import { noticesOf, type Notices } from './frame.ts';
import { Live, type Watched } from './live.ts';
import { regionsOf } from './regions.ts';

export type LiveRoutesNeeds = {
  readonly clock: Clock;
  /** Over figures that many look at: see `recentOperations`. */
  readonly pages: readonly Page[];
  readonly notices: () => Promise<Notices>;
};

/** Nobody in particular: what is live is the same for all who may see it. */
const READER: Omit<Principal, 'scopes'> = { kind: 'user', name: '', peer: '' };
const AGAIN_SECONDS = '30';
const OWN_SHARE = 'so many pages are watched already by this user or token, or from this address: close one';
const YEAR_SECONDS = 31_536_000;

/** `GET /live?path=…` and `GET /language/{name}?next=…`. */
export function liveRoutes({ clock, pages, notices }: LiveRoutesNeeds): readonly ApiRoute[] {
  const find = routerOf(new Map(pages.map((page) => [page.path, page])));
  const render = async ({ url, language, scopes }: Watched): Promise<ReadonlyMap<string, string> | null> => {
    const { found, query } = placeOf(find, url);
    if (found === null || !maySee(found.place, scopes)) return null;
    const principal = { ...READER, scopes };
    const ask: PageAsk = {
      principal,
      params: found.params,
      query,
      language,
      nowMs: clock.nowMs(),
      csrf: null,
      isLive: true,
    };
    const [body, now] = await Promise.all([found.place.render(ask), notices()]);
    return regionsOf(String(await noticesOf(language, now)) + String(await body.main));
  };
  const live = new Live({ clock, render });
  return [watching(live, (url) => placeOf(find, url).found?.place ?? null), choosing()];
}

function maySee({ scope }: Page, scopes: Principal['scopes']): boolean {
  return scope === null || scopes.includes(scope);
}

function placeOf(find: (path: string) => Found<Page> | null, url: string) {
  const [path = '', query = ''] = url.split('?', 2);
  return { found: find(path), query: new URLSearchParams(query) };
}

function watching(live: Live, pageAt: (url: string) => Page | null): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: '/live',
    scope: null,
    part: 'pages',
    summary: 'What changes of a page, as it changes',
    query: z.strictObject({ path: z.string().startsWith('/').max(2_000) }),
    answer: { contentType: 'text/event-stream' },
    run: async ({ query, principal, header, signal }) => {
      const page = pageAt(query.path);
      if (page === null) return { kind: 'answer', answer: problem(404, 'there is no such page') };
      if (!maySee(page, principal.scopes))
        return { kind: 'answer', answer: problem(403, `that page is for those who have the scope ${page.scope}`) };
      const language = languageOf({
        cookie: header('cookie') ?? undefined,
        'accept-language': header('accept-language') ?? undefined,
      });
      const watched = { url: query.path, language, scopes: principal.scopes };
      const stream = live.watch(watched, { sharer: principal, signal });
      const later = { 'retry-after': AGAIN_SECONDS };
      if (stream === 'crowded')
        return { kind: 'answer', answer: problem(503, 'many pages are watched already', later) };
      if (stream === 'share-taken') return { kind: 'answer', answer: problem(429, OWN_SHARE, later) };
      return { kind: 'stream', contentType: 'text/event-stream', stream };
    },
  });
}

function choosing(): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: '/language/{name}',
    scope: null,
    isOpen: true,
    part: 'pages',
    summary: 'Choose the language of pages',
    query: z.strictObject({ next: z.string().max(2_000).optional() }),
    answer: { contentType: 'text/plain' },
    run: async ({ params, query }) => {
      const language = languageNamed(params['name']);
      if (language === null) return { kind: 'answer', answer: problem(404, 'pages are in en and es') };
      const cookie = `${LANGUAGE_COOKIE}=${language}; Path=/; Max-Age=${YEAR_SECONDS}; HttpOnly; SameSite=Lax`;
      const headers = { location: ownPlace(query.next ?? null), 'set-cookie': cookie };
      const answer = { status: 303, contentType: 'text/plain; charset=utf-8', text: `${language}\n`, headers };
      return { kind: 'answer', answer };
    },
  });
}
