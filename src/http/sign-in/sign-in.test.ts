import { expect, test } from 'vitest';
import { openSignInRig, PASSWORD } from '../../../tests/fakes/sign-in-rig.ts';
import { codeAt } from './totp.ts';

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

test('a second factor is set up, asked for, and each code of it is good once', async () => {
  await using rig = await withUser();
  const { headers } = await rig.signIn('ana');
  const call = (path: string, body: unknown) => rig.ask(`/api/v1/account/second-factor${path}`, { body, headers });
  expect((await call('', { password: 'not the password' })).status).toBe(403);
  const begun = JSON.parse((await call('', { password: PASSWORD })).text) as { seed: string; image: string };
  expect(Buffer.from(begun.image.replace(/^data:image\/svg\+xml;base64,/, ''), 'base64').toString()).toMatch(/^<svg /);
  expect((await call('/confirm', { code: '000000' })).status).toBe(409);
  // It does not count before it is confirmed.
  expect(JSON.parse((await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } })).text).kind).toBe(
    'signed-in',
  );
  const code = await codeAt(begun.seed, rig.clock.nowMs());
  const { recoveryCodes } = JSON.parse((await call('/confirm', { code })).text) as { recoveryCodes: string[] };
  expect(recoveryCodes).toHaveLength(10);
  expect(JSON.stringify([rig.events, rig.audited])).not.toContain(begun.seed);
  expect((await rig.ask('/access', { headers })).text).not.toContain(begun.seed);

  const ticket = async () => {
    const answer = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } });
    expect(answer.headers['set-cookie']).toBeUndefined();
    return (JSON.parse(answer.text) as { ticket: string }).ticket;
  };
  const give = async (given: string, shown: string) =>
    rig.ask('/api/v1/sign-in/code', { body: { ticket: given, code: shown } });
  // The code that confirmed it is used up.
  expect((await give(await ticket(), code)).status).toBe(401);
  await rig.clock.advance(90_000);
  const next = await codeAt(begun.seed, rig.clock.nowMs());
  const first = await ticket();
  expect((await give(first, ` ${next.slice(0, 3)} ${next.slice(3)}`)).status).toBe(200);
  expect((await give(first, next)).status).toBe(410);
  expect((await give(await ticket(), next)).status).toBe(401);
  // A little early or late is as good; longer is not.
  await rig.clock.advance(90_000);
  const early = await codeAt(begun.seed, rig.clock.nowMs() - 30_000);
  expect((await give(await ticket(), early)).status).toBe(200);
  await rig.clock.advance(90_000);
  const old = await codeAt(begun.seed, rig.clock.nowMs() - 60_000);
  expect((await give(await ticket(), old)).status).toBe(401);
  await rig.clock.advance(61_000);
  const [recovery = ''] = recoveryCodes;
  expect((await give(await ticket(), recovery.toUpperCase())).status).toBe(200);
  expect((await give(await ticket(), recovery)).status).toBe(401);
  expect((await rig.users.users())[0]?.recoveryCodesLeft).toBe(9);
});

test('codes are guessed as seldom as passwords, and a ticket is good for minutes', async () => {
  await using rig = await withUser();
  const { seed } = await rig.users.beginSecondFactor({ name: 'ana' });
  await rig.users.confirmSecondFactor({ name: 'ana', code: await codeAt(seed, rig.clock.nowMs()) });
  const { text } = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } });
  const { ticket } = JSON.parse(text) as { ticket: string };
  const give = (code: string) => rig.ask('/api/v1/sign-in/code', { body: { ticket, code } });
  for (const guess of ['000001', '000002', '000003']) expect((await give(guess)).status).toBe(401);
  expect((await give(await codeAt(seed, rig.clock.nowMs()))).status).toBe(429);
  await rig.clock.advance(6 * 60_000);
  expect((await give(await codeAt(seed, rig.clock.nowMs()))).status).toBe(410);
  expect((await rig.ask('/api/v1/sign-in/code', { body: { ticket: 'none', code: '1' } })).status).toBe(410);
});

test('an admin who must have a second factor can do nothing before', async () => {
  await using rig = await withUser('admin', ', requireSecondFactor: true');
  const { headers, page } = await rig.signIn('ana');
  expect(page.text).toContain('The policy asks for a second factor');
  expect(page.text).not.toContain('data-live="users"');
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(403);
  const { seed } = await rig.users.beginSecondFactor({ name: 'ana' });
  const code = await codeAt(seed, rig.clock.nowMs());
  await rig.ask('/api/v1/account/second-factor/confirm', { body: { code }, headers });
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(200);
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
