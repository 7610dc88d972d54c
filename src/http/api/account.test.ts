import { expect, test } from 'vitest';
import { openSignInRig, PASSWORD } from '../../../tests/fakes/sign-in-rig.ts';

async function withUser(role: 'viewer' | 'operator' | 'admin' = 'admin') {
  const rig = await openSignInRig();
  await rig.addUser('ana', role);
  return rig;
}

test('an admin keeps the own account from others’ hands: no way around the password, none out of the role', async () => {
  await using rig = await withUser();
  const { headers } = await rig.signIn('ana');
  const call = async (method: string, path: string, body?: unknown) =>
    (await rig.ask(`/api/v1/users/ana${path}`, { method, headers, ...(body === undefined ? {} : { body }) })).status;
  expect(await call('POST', '/password', {})).toBe(409);
  expect(await call('DELETE', '/second-factor')).toBe(409);
  expect(await call('PATCH', '', { role: 'viewer' })).toBe(409);
  expect(await call('PATCH', '', { isDisabled: true })).toBe(409);
  expect(await call('DELETE', '')).toBe(409);
  expect((await rig.ask('/api/v1/users/nobody', { method: 'DELETE', headers })).status).toBe(404);
  const change = (current: string, password: string) =>
    rig.ask('/api/v1/account/password', { body: { current, password }, headers });
  expect((await change('not the password', 'another good password')).status).toBe(403);
  expect((await change(PASSWORD, 'short')).status).toBe(409);
  expect((await change(PASSWORD, 'another good password')).status).toBe(200);
  expect((await rig.ask('/api/v1/account', { headers })).status).toBe(401);
  expect((await rig.signIn('ana', 'another good password')).page.status).toBe(200);
  expect(JSON.stringify([rig.audited, rig.events, rig.marks.all()])).not.toContain('another good');
});

test('viewers and operators neither see nor change users, tokens and what is written down of others', async () => {
  await using rig = await withUser('operator');
  await rig.addUser('ben', 'viewer');
  const { headers, page } = await rig.signIn('ana');
  const ben = await rig.signIn('ben');
  for (const words of ['data-live="users"', 'data-live="tokens"', 'data-live="audit"'])
    expect(page.text).not.toContain(words);
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(403);
  const listed = JSON.parse((await rig.ask('/api/v1/sessions', { headers })).text) as {
    sessions: { id: string; name: string }[];
  };
  expect(listed.sessions.map(({ name }) => name)).toEqual(['ana']);
  const [others] = (await rig.users.sessions({ user: 'ben' })).map(({ id }) => id);
  expect((await rig.ask(`/api/v1/sessions/${others}`, { method: 'DELETE', headers })).status).toBe(404);
  expect((await rig.ask('/api/v1/account', { headers: ben.headers })).status).toBe(200);
  const own = listed.sessions[0]?.id;
  expect((await rig.ask(`/api/v1/sessions/${own}`, { method: 'DELETE', headers })).status).toBe(200);
  expect((await rig.ask('/api/v1/account', { headers })).status).toBe(401);
});
