import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSignInRig, PASSWORD } from '../../../tests/fakes/sign-in-rig.ts';
import { codeAt } from './totp.ts';

async function withUser(http = '') {
  const rig = await openSignInRig(http);
  await rig.addUser('ana', 'admin');
  return rig;
}

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
  expect(JSON.stringify([rig.events, rig.audited, rig.marks.all()])).not.toContain(begun.seed);
  expect(statSync(join(rig.folder, 'second-factor.keys')).mode & 0o777).toBe(0o600);
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

test('codes that are sent at once are limited too', async () => {
  await using rig = await withUser();
  const { seed } = await rig.users.beginSecondFactor({ name: 'ana' });
  await rig.users.confirmSecondFactor({ name: 'ana', code: await codeAt(seed, rig.clock.nowMs()) });
  const { text } = await rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } });
  const { ticket } = JSON.parse(text) as { ticket: string };
  const guesses = Array.from({ length: 12 }, (_, at) =>
    rig.ask('/api/v1/sign-in/code', { body: { ticket, code: String(at).padStart(6, '0') } }),
  );
  const statuses = (await Promise.all(guesses)).map(({ status }) => status).toSorted();
  expect(statuses).toEqual([401, 401, 401, ...Array(9).fill(429)]);
});

test('an admin who must have a second factor can do nothing before', async () => {
  await using rig = await withUser(', requireSecondFactor: true');
  const { headers, page } = await rig.signIn('ana');
  expect(page.text).toContain('The policy asks for a second factor');
  expect(page.text).not.toContain('data-live="users"');
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(403);
  const { seed } = await rig.users.beginSecondFactor({ name: 'ana' });
  const code = await codeAt(seed, rig.clock.nowMs());
  await rig.ask('/api/v1/account/second-factor/confirm', { body: { code }, headers });
  expect((await rig.ask('/api/v1/users', { headers })).status).toBe(200);
});
