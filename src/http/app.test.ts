import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import { OperationsError } from '../operations/operations.ts';
import { SpoolError } from '../spool/spool.ts';
import { systemRandom } from '../system.ts';
import type { Answer } from './answer.ts';
import { type AppAsk, type AppNeeds, createApp } from './app.ts';
import type { Audited } from './audit.ts';
import type { Page } from './page.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { newTokenText, type Scope, type Token } from './token.ts';

const text = newTokenText(systemRandom);
const tokenOf = (scopes: readonly Scope[]): Token => ({
  name: 'ci',
  scopes,
  createdAtMs: 0,
  lifetimeMs: null,
  secrets: [{ sha256: '', createdAtMs: 0, expiresAtMs: null }],
});

/** An application of these routes and pages; whoever asks without a token has signed in, if `signedIn`. */
function world(given: Partial<AppNeeds> & { readonly scopes?: readonly Scope[]; readonly signedIn?: boolean } = {}) {
  const { scopes = ['read', 'operate'], signedIn = false } = given;
  const checked: Buffer[] = [];
  const audited: Audited[] = [];
  const events: Event[] = [];
  const app = createApp({
    clock: new FakeClock(),
    emit: (event) => events.push(event),
    check: async (hash) => {
      checked.push(hash);
      return { kind: 'valid', token: tokenOf(scopes) };
    },
    attempts: { isBarred: () => false, failed: () => {}, barredSeconds: () => 60 },
    sessionOf: async ({ peer }) =>
      signedIn ? { principal: { kind: 'user', name: 'ann', scopes, peer }, csrf: 'c5rf' } : null,
    routes: [],
    pages: [],
    assets: async () => null,
    layout: ({ body }) => html`<title>${body.title}</title>${body.main}`,
    audit: async (one) => void audited.push(one),
    isOwnHost: () => true,
    ...given,
  });
  const ask = async (method: string, url: string, more: Partial<AppAsk> & { readonly sent?: string } = {}) => {
    const [path = '', query = ''] = url.split('?', 2);
    const { sent = '', headers = { authorization: `Bearer ${text}` }, ...rest } = more;
    const answer = await app({
      method,
      path,
      query,
      headers,
      peer: '192.0.2.1',
      isSecure: false,
      signal: new AbortController().signal,
      withBody: ({ use }) => use(Buffer.from(sent)),
      ...rest,
    });
    return answer as Answer;
  };
  return { ask, checked, audited, events };
}

function detailOf(answer: Answer): unknown {
  return (JSON.parse(String(answer.text)) as { detail: unknown }).detail;
}

const NOTE = defineRoute({
  method: 'POST',
  path: '/api/v1/notes/{id}',
  scope: 'operate',
  summary: 'Notes something',
  part: 'notes',
  query: z.strictObject({ times: z.coerce.number().int().min(1).max(9).prefault(1) }),
  body: { as: 'json', schema: z.strictObject({ note: z.strictObject({ text: z.string() }) }) },
  answer: z.looseObject({}),
  run: async ({ params, query, body, principal }) => ({
    kind: 'json',
    value: { ...params, ...query, ...body, by: principal.name },
    change: { what: 'note.add', on: params['id'] ?? '', after: body.note },
  }),
});

function failing(path: string, cause: Error): ApiRoute {
  return defineRoute({
    method: 'GET',
    path,
    scope: null,
    summary: 'Fails',
    part: 'notes',
    answer: z.looseObject({}),
    run: () => Promise.reject(cause),
  });
}

test('a token is read from the field as its standard has it, and what is none does not reach the store', async () => {
  const { ask, checked } = world({ routes: [NOTE] });
  const status = async (authorization: string) =>
    (await ask('GET', '/api/v1/none', { headers: { authorization } })).status;
  for (const good of [`Bearer ${text}`, `bearer ${text}`, `BEARER   ${text} `]) expect(await status(good)).toBe(404);
  expect(checked).toHaveLength(3);
  const wrong = ['', 'Bearer', 'Bearer ', text, `Bearer ${text},`, `Bearer ${text} ${text}`, `Basic ${text}`];
  for (const other of [...wrong, 'Bearer rlv_x']) expect(await status(other), other).toBe(401);
  expect((await ask('GET', '/api/v1/none', { headers: {} })).status).toBe(401);
  expect(checked).toHaveLength(3);
});

test('a call gets what its schemas made of the request, and what it changed is written down', async () => {
  const { ask, audited } = world({ routes: [NOTE] });
  const answer = await ask('POST', '/api/v1/notes/a%20b%2Fc?times=3', { sent: '{"note":{"text":"x"}}' });
  expect(answer.status).toBe(200);
  expect(JSON.parse(String(answer.text))).toEqual({ id: 'a b/c', times: 3, note: { text: 'x' }, by: 'ci' });
  expect(audited).toEqual([
    {
      actor: { kind: 'token', name: 'ci', from: '192.0.2.1' },
      what: 'note.add',
      on: 'a b/c',
      after: { text: 'x' },
    },
  ]);
});

test('a call that changes something and forgets to say so is written down all the same', async () => {
  const forgets = (path: string, more: Partial<ApiRoute>, change?: null): ApiRoute =>
    defineRoute({
      method: 'POST',
      path,
      scope: 'operate',
      summary: 'Does something',
      part: 'notes',
      answer: z.looseObject({}),
      run: async () => ({ kind: 'json', value: {}, ...(change === undefined ? {} : { change }) }),
      ...more,
    });
  const text = { status: 200, contentType: 'text/plain', text: 'done\n' };
  const { ask, audited } = world({
    routes: [
      forgets('/api/v1/forgets', {}),
      forgets('/api/v1/says/{it}', { method: 'DELETE', run: async () => ({ kind: 'answer', answer: text }) }),
      forgets('/api/v1/nothing', {}, null),
      forgets('/api/v1/looks', { unaudited: 'looks' }),
      forgets('/api/v1/gets', { method: 'GET' }),
      forgets('/api/v1/fails', { run: async () => ({ kind: 'answer', answer: { ...text, status: 404 } }) }),
    ],
  });
  for (const path of ['forgets', 'nothing', 'looks', 'fails']) await ask('POST', `/api/v1/${path}`);
  await ask('DELETE', '/api/v1/says/x%20y');
  await ask('GET', '/api/v1/gets');
  expect(audited.map(({ what, on }) => [what, on])).toEqual([
    ['call', 'POST /api/v1/forgets'],
    ['call', 'DELETE /api/v1/says/x%20y'],
  ]);
});

test('each fault is told with its path, and nothing runs', async () => {
  const { ask, audited } = world({ routes: [NOTE] });
  const faults = async (url: string, sent: string) => {
    const answer = await ask('POST', url, { sent });
    expect([answer.status, answer.contentType]).toEqual([400, 'application/problem+json']);
    const { errors } = JSON.parse(String(answer.text)) as { errors: { in: string; path: string }[] };
    return errors.map((one) => `${one.in} ${one.path}`);
  };
  expect(await faults('/api/v1/notes/x?times=10&tmes=1', '{}')).toEqual(['query times', 'query tmes']);
  expect(await faults('/api/v1/notes/x?times=1&times=2', '{}')).toEqual(['query times']);
  expect(await faults('/api/v1/notes/x', '{"note":{"text":7,"texts":1},"__proto__x":1}')).toEqual([
    'body note.text',
    'body note.texts',
    'body __proto__x',
  ]);
  expect(await faults('/api/v1/notes/x', '')).toEqual(['body note']);
  for (const none of ['{', 'null', '[]', '"x"']) expect(await faults('/api/v1/notes/x', none)).toEqual(['body ']);
  const typed = { headers: { authorization: `Bearer ${text}`, 'content-type': 'text/plain' }, sent: '{}' };
  const other = await ask('POST', '/api/v1/notes/x', typed);
  expect([other.status, other.headers?.['accept']]).toEqual([415, 'application/json']);
  const strangers = { status: 413, contentType: 'text/plain; charset=utf-8', text: 'too large\n' };
  const large = await ask('POST', '/api/v1/notes/x', { withBody: async () => strangers });
  expect([large.status, detailOf(large)]).toEqual([413, 'too large']);
  expect(audited).toEqual([]);
});

test('without the scope it is 403 before anything is read, and written down', async () => {
  const { ask, audited } = world({ routes: [NOTE], scopes: ['read', 'admin', 'submit'] });
  const withBody = () => Promise.reject(new Error('read'));
  const answer = await ask('POST', '/api/v1/notes/x?times=99', { withBody });
  expect([answer.status, answer.headers?.['www-authenticate']]).toEqual([
    403,
    'Bearer realm="relevo", error="insufficient_scope", scope="operate"',
  ]);
  expect(audited).toMatchObject([{ what: 'refused', on: 'POST /api/v1/notes/x', after: { scope: 'operate' } }]);
  expect((await ask('DELETE', '/api/v1/notes/x')).headers).toEqual({ allow: 'POST' });
  expect((await ask('POST', '/api/v1/notes/x/y')).status).toBe(404);
});

test('who signed in needs the token of the page for what changes something, and the shown token wins', async () => {
  const { ask, audited } = world({ routes: [NOTE], signedIn: true });
  const sent = '{"note":{"text":"x"}}';
  const post = (headers: Record<string, string>) => ask('POST', '/api/v1/notes/x', { headers, sent });
  for (const wrong of ['', 'C5rf', 'c5rfx']) expect((await post({ 'x-relevo-csrf': wrong })).status).toBe(403);
  expect(audited.map(({ actor, what }) => [actor.kind, actor.name, what])).toEqual(
    Array.from({ length: 3 }, () => ['user', 'ann', 'refused']),
  );
  expect(JSON.parse(String((await post({ 'x-relevo-csrf': 'c5rf' })).text))).toMatchObject({ by: 'ann' });
  expect(JSON.parse(String((await post({ authorization: `Bearer ${text}` })).text))).toMatchObject({ by: 'ci' });
});

test('what fails in a call is told without its cause, and a bug is an event', async () => {
  const { ask, events } = world({
    routes: [
      failing('/api/v1/away', new SpoolError('unavailable', 'redis://secret@10.0.0.1 is away')),
      failing('/api/v1/clash', new OperationsError('there is one already: remove it')),
      failing('/api/v1/bug', new TypeError('x is not a function')),
    ],
  });
  const told = async (path: string) => {
    const answer = await ask('GET', path);
    return [answer.status, detailOf(answer)];
  };
  expect(await told('/api/v1/away')).toEqual([503, 'the store does not answer now']);
  expect(await told('/api/v1/clash')).toEqual([409, 'there is one already: remove it']);
  expect(events).toEqual([]);
  expect(await told('/api/v1/bug')).toEqual([500, 'the relay failed; its log says why']);
  expect(events).toMatchObject([{ event: 'failed', where: 'http', cause: 'TypeError: x is not a function' }]);
});

test('a page is for those who signed in: others are sent to do that, and come back to where they were', async () => {
  const page: Page = {
    path: '/notes/{id}',
    scope: 'read',
    nav: null,
    render: async ({ params, csrf, language }) => ({
      title: params['id'] ?? '',
      main: html`<p>${csrf} ${language}</p>`,
    }),
  };
  const open: Page = { ...page, path: '/sign-in', isOpen: true };
  const strangers = world({ pages: [page, open] });
  const sent = await strangers.ask('GET', '/notes/7?a=1&b=%2F', { headers: {} });
  expect([sent.status, sent.headers?.['location']]).toEqual([303, '/sign-in?next=%2Fnotes%2F7%3Fa%3D1%26b%3D%252F']);
  expect((await strangers.ask('GET', '/sign-in', { headers: {} })).status).toBe(200);
  expect((await strangers.ask('GET', '/nothing', { headers: {} })).status).toBe(404);
  const { ask } = world({ pages: [page], signedIn: true });
  const shown = await ask('GET', '/notes/%3Cb%3E', { headers: { 'accept-language': 'fr, es-MX;q=0.8, en;q=0.5' } });
  expect([shown.status, shown.contentType]).toEqual([200, 'text/html; charset=utf-8']);
  expect(shown.text).toBe('<title>&lt;b&gt;</title><p>c5rf es</p>');
  // Nothing inline, nothing from elsewhere.
  expect(shown.headers?.['content-security-policy']).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  expect((await ask('POST', '/notes/7', { headers: {} })).headers).toEqual({ allow: 'GET, HEAD' });
  const blind = world({ pages: [page], signedIn: true, scopes: ['submit'] });
  expect((await blind.ask('GET', '/notes/7', { headers: {} })).status).toBe(403);
  expect(blind.audited).toMatchObject([{ what: 'refused', on: 'GET /notes/7' }]);
});
