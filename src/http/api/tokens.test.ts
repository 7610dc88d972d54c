import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';

const PATH = '/api/v1/tokens';
type Issued = { readonly token: string; readonly name: string };

async function world() {
  const relay = await openAccessRig();
  const { token: admin } = await relay.issue('create', 'root', '--scopes', 'admin,read');
  const post = async (path: string, body: unknown) => {
    const answer = await relay.ask(PATH + path, admin, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, value: (await answer.json()) as Issued & Record<string, unknown> };
  };
  const list = async () =>
    ((await (await relay.get(PATH, admin)).json()) as { tokens: Record<string, unknown>[] }).tokens;
  return { ...relay, relay, admin, post, list };
}

test('tokens are made, rotated with an overlap and revoked over HTTP, by admins only; none is in the audit log', async () => {
  const { relay, post, list, get, admin, audited } = await world();
  await using _ = relay;
  const made = await post('', { name: 'ci', scopes: ['read'], days: '30' });
  expect(made).toMatchObject({ status: 201, value: { name: 'ci', scopes: ['read'], lastUsedAtMs: null } });
  expect((await post('', { name: 'ci', scopes: ['read'] })).status).toBe(409);
  const status = async (token: string) => (await get('/api/v1/queue', token)).status;
  const { token } = made.value;
  expect(await status(token)).toBe(200);
  const second = (await post('/ci/rotate', { overlapSeconds: 60 })).value.token;
  expect([await status(token), await status(second)]).toEqual([200, 200]);
  relay.rig.clock.jumpMs(60_000);
  expect([await status(token), await status(second)]).toEqual([401, 200]);
  expect((await get(PATH, second)).status).toBe(403);
  expect((await get(`${PATH}/ci`, admin, 'DELETE')).status).toBe(200);
  expect(await status(second)).toBe(401);
  expect((await get(`${PATH}/ci`, admin, 'DELETE')).status).toBe(404);
  expect((await post('/ci/rotate', {})).status).toBe(404);
  expect((await list()).map(({ name }) => name)).toEqual(['root']);
  expect(audited.map(({ what, on }) => [what, on])).toEqual([
    ['token.create', 'root'],
    ['token.create', 'ci'],
    ['token.rotate', 'ci'],
    ['refused', `GET ${PATH}`],
    ['token.revoke', 'ci'],
  ]);
  expect(audited[0]?.actor).toMatchObject({ kind: 'operator', from: 'control socket' });
  expect(audited[0]?.actor.name).toMatch(/^\S+ \(uid \d+\)/);
  expect(audited[4]).toMatchObject({ actor: { kind: 'token', name: 'root' }, before: { scopes: ['read'] } });
  const log = await (await get('/api/v1/audit?what=token&limit=2', admin)).json();
  expect(log).toMatchObject({ entries: [{ what: 'token.revoke' }, { what: 'token.rotate' }] });
  expect((await relay.rig.run(['audit', 'log', '--what', 'refused'])).stdout).toMatch(
    /token ci +127\.0\.0\.1 +refused +GET \/api\/v1\/tokens/,
  );
  const whole = JSON.stringify([audited, log, (await relay.rig.run(['audit', 'log', '--json'])).stdout]);
  for (const secret of [token, second, admin]) expect(whole).not.toContain(secret.slice(4));
});

test('an access key is made beside a token over HTTP; its secret is shown once, and is in no audit log and no list', async () => {
  const { relay, post, list, audited } = await world();
  await using _ = relay;
  const made = await post('', { name: 'shop', scopes: ['submit'], client: 'shop', withAccessKey: true });
  const { accessKeyId, secretAccessKey } = made.value as Record<string, unknown>;
  expect([accessKeyId, secretAccessKey]).toEqual([expect.stringMatching(/^RLVA/), expect.stringMatching(/^\S{40}$/)]);
  expect(await list()).toContainEqual(expect.objectContaining({ name: 'shop', client: 'shop', accessKeyId }));
  expect(JSON.stringify([audited, await list()])).not.toContain(String(secretAccessKey));
});

test('what cannot be a token is refused with the path of each fault', async () => {
  const { relay, post } = await world();
  await using _ = relay;
  const wrong = await post('', { name: '../x', scopes: ['read', 'all'], days: 0, rate: 'often', networks: ['here'] });
  expect(wrong.status).toBe(400);
  expect((wrong.value['errors'] as { path: string }[]).map(({ path }) => path)).toEqual([
    'name',
    'scopes.1',
    'days',
    'rate',
    'networks.0',
  ]);
});

test('a token is good for so many requests, and evenly for more', async () => {
  const { relay, get, list } = await world();
  await using _ = relay;
  const { token } = await relay.issue('create', 'cron', '--scopes', 'read', '--rate', '3/m');
  const ask = () => get('/api/v1/queue/overview', token);
  expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 200]);
  const over = await ask();
  expect([over.status, over.headers.get('retry-after')]).toEqual([429, '20']);
  expect(over.headers.get('content-type')).toBe('application/problem+json');
  await relay.rig.clock.advance(20_000);
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
  expect((await list()).find(({ name }) => name === 'cron')).toMatchObject({ rate: { count: 3, windowMs: 60_000 } });
});

test('a token opens from its networks only; from elsewhere it is 403, and written down', async () => {
  const { relay, get, audited } = await world();
  await using _ = relay;
  const { token: near } = await relay.issue('create', 'near', '--scopes', 'read', '--networks', '::1,127.0.0.9/8');
  const { token: far } = await relay.issue('create', 'far', '--scopes', 'read', '--networks', '192.0.2.0/24');
  expect((await get('/api/v1/queue/overview', near)).status).toBe(200);
  const refused = await get('/api/v1/queue/overview', far);
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ detail: 'the token "far" is not to be used from 127.0.0.1' });
  expect(audited.at(-1)).toMatchObject({ actor: { name: 'far' }, what: 'refused', on: 'GET /api/v1/queue/overview' });
  const { stdout } = await relay.rig.run(['token', 'list']);
  expect(stdout).toMatch(/near .*from ::1\/128 127\.0\.0\.0\/8$/m);
});

test('when a token was used last is known soon, and written at most once a minute', async () => {
  const { relay, get, list, marks } = await world();
  await using _ = relay;
  const { token } = await relay.issue('create', 'app', '--scopes', 'read');
  let writes = 0;
  const mark = marks.mark.bind(marks);
  marks.mark = (made) => {
    writes += made.some(({ name }) => name.startsWith('token-used:')) ? 1 : 0;
    return mark(made);
  };
  const { clock } = relay.rig;
  const usedAtMs = clock.nowMs();
  for (let at = 0; at < 5; at++) await get('/api/v1/queue/overview', token);
  await clock.advance(1_000);
  const used = async () => (await list()).find(({ name }) => name === 'app');
  await expect.poll(used).toMatchObject({ lastUsedAtMs: usedAtMs, lastUsedFrom: '127.0.0.1' });
  for (let at = 0; at < 50; at++) {
    await get('/api/v1/queue/overview', token);
    await clock.advance(1_000);
  }
  expect(writes).toBe(1);
  await clock.advance(10_000);
  await expect.poll(() => writes).toBe(2);
  const { stdout } = await relay.rig.run(['token', 'list']);
  expect(stdout).toMatch(/app .* s ago from 127\.0\.0\.1 +-$/m);
});
