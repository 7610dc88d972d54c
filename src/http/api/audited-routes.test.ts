/** What is in the audit log, and how, whichever way a change came. */
import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import { allRoutes } from '../routes.ts';
import type { RouteNeeds } from '../needs.ts';

/** A look at the routes alone: none is run. */
function routes() {
  const nothing = new Proxy({}, { get: () => () => undefined });
  return allRoutes(nothing as RouteNeeds);
}

test('the calls that leave no line of their own are these, and each says why', () => {
  const without = routes().filter(({ method, unaudited }) => method !== 'GET' && unaudited !== undefined);
  expect(without.map(({ method, path, unaudited }) => `${method} ${path}: ${unaudited}`).toSorted()).toEqual([
    'POST /api/v1/egress/{name}/test: looks',
    'POST /api/v1/messages/batch: own-history',
    'POST /api/v1/messages: own-history',
    'POST /api/v1/policy/check: looks',
    'POST /api/v1/policy/complete: looks',
    'POST /api/v1/policy/diff: looks',
    'POST /api/v1/policy/simulate: looks',
    'POST /api/v1/policy/wizard/check: looks',
    'POST /api/v1/sign-in/code: audits-itself',
    'POST /api/v1/sign-in: audits-itself',
    'POST /v2/email/outbound-emails: own-history',
  ]);
});

test('a change is in the log with what was before and after, by the API and by the command line alike', async () => {
  await using relay = await openAccessRig();
  const { token } = await relay.issue('create', 'boss', '--scopes', 'read,operate,admin');
  const call = async (method: string, path: string, body: object = {}) => {
    const answer = await relay.ask(`/api/v1${path}`, token, { method, body: JSON.stringify(body) });
    expect(answer.status, `${method} ${path}`).toBeLessThan(300);
    return (await answer.json()) as Record<string, unknown>;
  };
  const run = async (...args: string[]) => {
    const { code, stderr } = await relay.rig.run(args);
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
  };
  relay.audited.length = 0;
  const made = await call('POST', '/users', { name: 'ann', role: 'viewer' });
  await call('PATCH', '/users/ann', { role: 'operator' });
  await run('user', 'role', 'ann', 'admin');
  await run('user', 'disable', 'ann');
  await run('user', 'remove', 'ann');
  const issued = await call('POST', '/tokens', { name: 'ci', scopes: ['read'] });
  const rotated = await call('POST', '/tokens/ci/rotate', { overlapSeconds: 60 });
  await run('token', 'revoke', 'ci');
  await call('POST', '/egress/smtp-1/pause', { reason: 'why not' });
  await run('egress', 'resume', 'smtp-1');
  await call('POST', '/queue/hold', { all: true });
  await call('POST', '/queue/hold', { all: true, preview: true });
  await call('POST', '/suppressions', { address: 'x@dest.example' });
  await call('DELETE', '/suppressions?address=x@dest.example');
  const told = relay.audited.map(({ actor, what, on, before, after }) => ({
    by: `${actor.kind} ${actor.kind === 'operator' ? 'here' : actor.name} ${what} ${on}`,
    has: `${before === undefined ? '-' : 'before'} ${after === undefined ? '-' : 'after'}`,
  }));
  expect(told.map(({ by, has }) => `${by}: ${has}`)).toEqual([
    'token boss user.add ann: - after',
    'token boss user.role ann: before after',
    'operator here user.role ann: before after',
    'operator here user.disable ann: before after',
    'operator here user.remove ann: before -',
    'token boss token.create ci: - after',
    'token boss token.rotate ci: before after',
    'operator here token.revoke ci: before -',
    'token boss egress.pause smtp-1: before after',
    'operator here egress.resume smtp-1: before after',
    'token boss queue.hold all: before after',
    'token boss suppression.add x@dest.example: - after',
    'token boss suppression.remove x@dest.example: before -',
  ]);
  expect(relay.audited[2]).toMatchObject({ before: { role: 'operator' }, after: { role: 'admin' } });
  const written = JSON.stringify([relay.audited, await relay.marks.marks('audit:')]);
  for (const secret of [made['password'], issued['token'], rotated['token'], token])
    expect(written).not.toContain(String(secret));
  expect(written).not.toMatch(/\$scrypt|sha256|[0-9a-f]{64}/);
});
