import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { Answer } from '../answer.ts';
import type { Page } from '../page.ts';
import type { ApiCall, ApiReply } from '../route.ts';
import type { Scope } from '../token.ts';
import { liveRoutes } from './live-routes.ts';

const page = (path: string, scope: Scope): Page => ({
  path,
  scope,
  nav: null,
  render: async ({ params, query, language, principal }) => ({
    title: 'x',
    main: html`<p data-live="it">${params['name']} ${query.get('q')} ${language} [${principal.name}]</p>`,
  }),
});

const [watching, choosing] = liveRoutes({
  clock: new FakeClock(),
  pages: [page('/exits/{name}', 'read'), page('/access', 'admin')],
  notices: async () => ({ alerts: [{ name: 'a', text: '<b>' }], policyProblems: [], notReady: [] }),
});

async function ask(of: Partial<ApiCall<unknown, unknown>>, route = watching): Promise<ApiReply> {
  if (route === undefined) throw new Error('there is no such route');
  const principal = { kind: 'user', name: 'ana', scopes: ['read'], peer: '' } as const;
  const call = { principal, params: {}, query: {}, body: undefined, isSecure: false, header: () => null, ...of };
  return route.run({ signal: new AbortController().signal, ...call });
}

function answerOf(reply: ApiReply): Answer {
  if (reply.kind !== 'answer') throw new Error(`not an answer but ${reply.kind}`);
  return reply.answer;
}

test('a page is watched with its query, in its language, and as nobody in particular', async () => {
  const reply = await ask({
    query: { path: '/exits/o%26e?q=%3Cb%3E' },
    header: (name) => (name === 'accept-language' ? 'es' : null),
  });
  if (reply.kind !== 'stream') throw new Error(reply.kind);
  const reader = reply.stream.getReader();
  let text = '';
  while (!text.includes('"it"')) text += Buffer.from((await reader.read()).value ?? []).toString();
  expect(text).toContain(String.raw`<p data-live=\"it\">o&amp;e &lt;b&gt; es []</p>`);
  expect(text).toContain(String.raw`&lt;b&gt;</span></p>`);
  expect(text).toContain('"name":"notices"');
  await reader.cancel();
});

test('nobody watches what is not there, or what they may not see', async () => {
  expect(answerOf(await ask({ query: { path: '/nowhere' } })).status).toBe(404);
  expect(answerOf(await ask({ query: { path: '/access' } })).status).toBe(403);
});

test('when as many watch as may, others are asked to come again', async () => {
  const gone = new AbortController();
  const by = (name: string) => ({ kind: 'user', name, scopes: ['read'], peer: '' }) as const;
  for (let at = 0; at < 32; at++) await ask({ query: { path: `/exits/${at}` }, signal: gone.signal });
  const own = answerOf(await ask({ query: { path: '/exits/one' } }));
  expect([own.status, own.headers?.['retry-after']]).toEqual([429, '30']);
  for (let at = 0; at < 32; at++)
    await ask({ query: { path: `/exits/${at}` }, principal: by('ben'), signal: gone.signal });
  const refused = answerOf(await ask({ query: { path: '/exits/one' } }));
  expect([refused.status, refused.headers?.['retry-after']]).toEqual([503, '30']);
  gone.abort();
  const again = await ask({ query: { path: '/exits/one' } });
  expect(again.kind).toBe('stream');
  if (again.kind === 'stream') await again.stream.cancel();
});

test('a language is kept in a cookie, and one goes on where one was, and nowhere else', async () => {
  const chosen = answerOf(await ask({ params: { name: 'es' }, query: { next: '/exits?x=1' } }, choosing));
  expect(chosen.status).toBe(303);
  expect(chosen.headers).toMatchObject({
    location: '/exits?x=1',
    'set-cookie': 'relevo-language=es; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax',
  });
  const lured = answerOf(await ask({ params: { name: 'en' }, query: { next: '//evil.test' } }, choosing));
  expect(lured.headers).toMatchObject({ location: '/' });
  expect(answerOf(await ask({ params: { name: 'xx\r\n' }, query: {} }, choosing)).status).toBe(404);
});
