import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { openSignInRig, PASSWORD } from '../../../tests/fakes/sign-in-rig.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function withUser(role: 'viewer' | 'operator' | 'admin' = 'admin', http = '') {
  const rig = await openSignInRig(http);
  await rig.addUser('ana', role);
  return rig;
}

test('who gives name and password gets a cookie that scripts and other sites cannot use', async () => {
  await using rig = await withUser();
  const { set, page, csrf } = await rig.signIn('Ana ');
  expect(set).toMatch(/^relevo=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/);
  expect(page.status).toBe(200);
  expect(page.text).toContain('You are signed in as ana.');
  expect(csrf).toMatch(/^[A-Za-z0-9_-]{43}$/);
  // What the browser has is nowhere in the store.
  const secret = set.slice('relevo='.length, 'relevo='.length + 43);
  expect(JSON.stringify(rig.marks.all())).not.toContain(secret);
  expect(JSON.stringify([rig.events, rig.audited])).not.toContain(secret);
  expect(rig.audited).toEqual([
    { actor: { kind: 'user', name: 'ana', from: '127.0.0.1' }, what: 'sign-in', on: 'ana', after: { by: 'password' } },
  ]);
});

test('without a session pages lead to the sign-in, and calls are refused', async () => {
  await using rig = await withUser();
  const page = await rig.ask('/access?user=ana');
  expect(page).toMatchObject({ status: 303, headers: { location: '/sign-in?next=%2Faccess%3Fuser%3Dana' } });
  expect((await rig.ask('/sign-in')).text).toContain('autocomplete="current-password"');
  expect((await rig.ask('/sign-in', { headers: { 'accept-language': 'es' } })).text).toContain('Contraseña');
  expect((await rig.ask('/api/v1/account')).status).toBe(401);
  const forged = { cookie: `relevo=${'A'.repeat(43)}` };
  expect((await rig.ask('/api/v1/account', { headers: forged })).status).toBe(401);
});

test('after signing in one goes where one wanted to, and nowhere else', async () => {
  await using rig = await withUser();
  const next = async (place: string) => {
    const { text } = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD, next: place } });
    return (JSON.parse(text) as { next: string }).next;
  };
  expect(await next('/queue?state=held')).toBe('/queue?state=held');
  for (const place of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)'])
    expect(await next(place)).toBe('/');
});

test('wrong name and wrong password are answered alike, and guessers are barred', async () => {
  await using rig = await withUser();
  const attempt = (name: string, password: string) => rig.ask('/api/v1/sign-in', { body: { name, password } });
  const wrongPassword = await attempt('ana', 'wrong password');
  const wrongName = await attempt('zoe', PASSWORD);
  expect(wrongPassword.status).toBe(401);
  expect(wrongName.text).toBe(wrongPassword.text);
  expect(wrongName.headers['set-cookie']).toBeUndefined();
  expect(rig.events.map((event) => ('reason' in event ? event.reason : ''))).toEqual([
    'pages: wrong password',
    'pages: unknown user',
  ]);
  // What is typed as a name may be a password.
  expect(JSON.stringify([rig.events, rig.audited])).not.toContain('zoe');
  await attempt('ana', 'wrong again');
  const barred = await attempt('ana', PASSWORD);
  expect(barred).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
  await rig.clock.advance(61_000);
  expect((await attempt('ana', PASSWORD)).status).toBe(200);
});

test('guesses that are sent at once are limited too', async () => {
  await using rig = await withUser();
  const guesses = Array.from({ length: 12 }, (_, at) =>
    rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: `guess number ${at}` } }),
  );
  const statuses = (await Promise.all(guesses)).map(({ status }) => status).toSorted();
  expect(statuses).toEqual([401, 401, 401, ...Array(9).fill(429)]);
});

test('what changes something needs the token of the page', async () => {
  await using rig = await withUser();
  const { cookie, csrf, headers } = await rig.signIn('ana');
  const add = (given: Record<string, string>) =>
    rig.ask('/api/v1/users', { body: { name: 'ben', role: 'viewer', password: PASSWORD }, headers: given });
  expect((await add({ cookie })).status).toBe(403);
  expect((await add({ cookie, 'x-relevo-csrf': 'x'.repeat(43) })).status).toBe(403);
  const other = await rig.signIn('ana');
  expect((await add({ cookie, 'x-relevo-csrf': other.csrf })).status).toBe(403);
  expect(other.csrf).not.toBe(csrf);
  expect((await rig.users.users()).length).toBe(1);
  expect((await add(headers)).status).toBe(201);
});

test('a page of another site cannot have a browser sign in', async () => {
  await using rig = await withUser();
  const signIn = (headers: Record<string, string>) =>
    rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD }, headers });
  const host = `127.0.0.1:${rig.port}`;
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])
    expect((await signIn(headers)).status).toBe(403);
  expect((await signIn({ 'sec-fetch-site': 'same-origin', origin: 'null' })).status).toBe(200);
  expect((await signIn({ origin: `http://${host}` })).status).toBe(200);
});

test('a session that somebody planted is never taken over', async () => {
  await using rig = await withUser();
  const planted = 'P'.repeat(43);
  const answer = await rig.ask('/api/v1/sign-in', {
    body: { name: 'ana', password: PASSWORD },
    headers: { cookie: `relevo=${planted}` },
  });
  expect(answer.headers['set-cookie']?.[0]).not.toContain(planted);
  expect((await rig.ask('/api/v1/account', { headers: { cookie: `relevo=${planted}` } })).status).toBe(401);
  // Nor does the one before stay when somebody else signs in at the same browser.
  const first = await rig.signIn('ana');
  await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD }, headers: { cookie: first.cookie } });
  expect((await rig.ask('/api/v1/account', { headers: { cookie: first.cookie } })).status).toBe(401);
});

test('a session ends when it is not used, and in the end however much it is', async () => {
  await using rig = await withUser();
  const idle = await rig.signIn('ana');
  const used = await rig.signIn('ana');
  const status = async ({ cookie }: { cookie: string }) =>
    (await rig.ask('/api/v1/account', { headers: { cookie } })).status;
  await rig.clock.advance(11 * HOUR_MS);
  expect(await status(used)).toBe(200);
  await rig.clock.advance(HOUR_MS + 1_000);
  expect([await status(idle), await status(used)]).toEqual([401, 200]);
  for (let hours = 0; hours < 6 * 24; hours += 8) {
    await rig.clock.advance(8 * HOUR_MS);
    expect(await status(used)).toBe(200);
  }
  await rig.clock.advance(DAY_MS);
  expect(await status(used)).toBe(401);
  // The next sign-in clears away what is over.
  await rig.signIn('ana');
  expect(rig.marks.all().filter(({ name }) => name.startsWith('session:'))).toHaveLength(1);
});

test('signing out ends the session in the store, not only in the browser', async () => {
  await using rig = await withUser();
  const { cookie, headers } = await rig.signIn('ana');
  expect((await rig.ask('/api/v1/sign-out', { method: 'POST', headers: { cookie } })).status).toBe(403);
  const out = await rig.ask('/api/v1/sign-out', { method: 'POST', headers });
  expect(out.headers['set-cookie']?.[0]).toBe('relevo=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax');
  expect((await rig.ask('/api/v1/account', { headers: { cookie } })).status).toBe(401);
  expect(rig.audited.map(({ what }) => what)).toContain('sign-out');
});

test.each<[string, (rig: Awaited<ReturnType<typeof withUser>>) => Promise<unknown>]>([
  ['another password', ({ users }) => users.setUserPassword({ name: 'ana', password: null })],
  ['another role', ({ users }) => users.setUserRole({ name: 'ana', role: 'viewer' })],
  ['disabling', ({ users }) => users.setUserDisabled({ name: 'ana', isDisabled: true })],
  ['removing', ({ users }) => users.removeUser({ name: 'ana' })],
  ['an end by name', ({ users }) => users.endSessions({ id: null, user: 'ana' })],
])('%s ends the sessions of a user at once', async (_, change) => {
  await using rig = await withUser();
  const { cookie } = await rig.signIn('ana');
  await change(rig);
  expect((await rig.ask('/api/v1/account', { headers: { cookie } })).status).toBe(401);
  expect((await rig.ask('/access', { headers: { cookie } })).status).toBe(303);
});

test('who is disabled cannot sign in, and hears no more than who is wrong', async () => {
  await using rig = await withUser();
  const wrong = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: 'not the password' } });
  await rig.users.setUserDisabled({ name: 'ana', isDisabled: true });
  const answer = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } });
  expect([answer.status, answer.text]).toEqual([401, wrong.text]);
});

test('who has only a token gets in by it, may what it may, and is out when it is revoked', async () => {
  await using rig = await withUser();
  const made = await rig.tokens.createToken({ name: 'first', scopes: ['read', 'admin'], lifetimeMs: DAY_MS });
  const signIn = (token: string) => rig.ask('/api/v1/sign-in', { body: { token } });
  expect((await signIn(`rlv_${'A'.repeat(43)}`)).status).toBe(401);
  const { headers, page } = await rig.sessionOf(await signIn(made.token));
  expect(page.text).toContain('by the token first');
  const add = await rig.ask('/api/v1/users', { body: { name: 'ben', role: 'admin' }, headers });
  expect(JSON.parse(add.text)).toMatchObject({ name: 'ben', password: expect.stringMatching(/^\S{24}$/) });
  expect((await rig.ask('/api/v1/account/password', { body: { current: 'x', password: 'y' }, headers })).status).toBe(
    409,
  );
  await rig.tokens.revokeToken({ name: 'first' });
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(401);
  const submit = await rig.tokens.createToken({ name: 'app', scopes: ['submit'], lifetimeMs: null });
  expect(JSON.parse((await signIn(submit.token)).text)).toEqual({ kind: 'signed-in', next: '/access' });
});

test('what goes on while one is signed in ends soon after one is not', async () => {
  await using rig = await withUser();
  const { cookie } = await rig.signIn('ana');
  const { token } = await rig.tokens.createToken({ name: 'p', scopes: ['read'], lifetimeMs: null });
  const endless = (headers: Record<string, string>) => rig.ask('/api/v1/endless', { headers });
  const ended: string[] = [];
  const bySession = endless({ cookie }).then(() => ended.push('session'));
  const byToken = endless({ authorization: `Bearer ${token}` }).then(() => ended.push('token'));
  await expect.poll(() => rig.clock.pending).toBeGreaterThanOrEqual(2);
  await rig.clock.advance(60_000);
  expect(ended).toEqual([]);
  await rig.users.endSessions({ id: null, user: 'ana' });
  await rig.clock.advance(15_000);
  await bySession;
  await rig.tokens.revokeToken({ name: 'p' });
  await rig.clock.advance(15_000);
  await byToken;
  expect(ended).toEqual(['session', 'token']);
});

test('where the store is away nobody is let in or out by guess', async () => {
  await using rig = await withUser();
  const { cookie } = await rig.signIn('ana');
  await rig.clock.advance(3_001);
  rig.marks.isAway = true;
  expect((await rig.ask('/api/v1/account', { headers: { cookie } })).status).toBe(503);
  expect((await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } })).status).toBe(503);
  rig.marks.isAway = false;
  expect((await rig.ask('/api/v1/account', { headers: { cookie } })).status).toBe(200);
});

test('what somebody wrote into a name, a browser or an address is text on the page', async () => {
  await using rig = await withUser();
  const agent = '<img src=x onerror=alert(1)>';
  const answer = await rig.ask('/api/v1/sign-in', {
    body: { name: 'ana', password: PASSWORD },
    headers: { 'user-agent': agent },
  });
  const { page } = await rig.sessionOf(answer);
  expect(page.text).toContain('&lt;img src=x onerror=alert(1)&gt;');
  expect(page.text).not.toContain(agent);
  const sent = await rig.ask('/sign-in?next=%22%3E%3Cscript%3E');
  expect(sent.text).not.toContain('"><script>');
});

test('a form that is sent before its script is there shows no password in an address', async () => {
  await using rig = await withUser();
  const { page } = await rig.signIn('ana');
  for (const text of [(await rig.ask('/sign-in')).text, page.text]) {
    const forms = text.match(/<form[^>]*>(?:(?!<\/form>)[^])*type="password"/g) ?? [];
    expect(forms.length).toBeGreaterThan(0);
    for (const form of forms) expect(form).toMatch(/^<form[^>]*\smethod="post"/);
  }
  expect((await rig.ask('/sign-in', { method: 'POST' })).status).toBe(405);
});

test('strangers who never end what they send keep nobody out who is signed in', async () => {
  await using rig = await withUser();
  const { headers } = await rig.signIn('ana');
  await using stack = new AsyncDisposableStack();
  const head = ['POST /api/v1/sign-in HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'];
  for (let at = 0; at < 64; at += 1) {
    const socket = stack.adopt(
      connect(rig.port, '127.0.0.1').on('error', () => {}),
      (one) => void one.destroy(),
    );
    socket.write(`${[...head, 'Expect: 100-continue', 'Content-Length: 60000'].join('\r\n')}\r\n\r\n`);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1\.1 100 /);
  }
  expect((await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } })).status).toBe(503);
  expect((await rig.ask('/api/v1/users', { body: { name: 'zoe', role: 'viewer' }, headers })).status).toBe(201);
});
