import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';

test('addresses are suppressed, looked up and taken back over HTTP by who may operate', async () => {
  await using relay = await openAccessRig();
  const { token: reader } = await relay.issue('create', 'reader', '--scopes', 'read');
  const { token: operator } = await relay.issue('create', 'operator', '--scopes', 'read,operate');
  const PATH = '/api/v1/suppressions';
  const entries = [{ address: 'Ann@Dest.example', stream: 'news', reason: 'unsubscribe', evidence: 'a form' }];
  const add = (token: string | null, body: string) => relay.ask(PATH, token, { method: 'POST', body });
  expect((await add(null, JSON.stringify({ entries }))).status).toBe(401);
  expect((await add(reader, JSON.stringify({ entries }))).status).toBe(403);
  const added = await add(operator, JSON.stringify({ entries }));
  expect([added.status, await added.json()]).toEqual([200, { made: 1 }]);
  const list = async (query: string) => await (await relay.get(`${PATH}?${query}`, reader)).json();
  const entry = { address: 'ann@dest.example', client: null, stream: 'news', reason: 'unsubscribe', source: 'api' };
  expect(await list('address=ANN@dest.example')).toMatchObject({ suppressions: [entry], next: null });
  expect(await list('stream=other')).toEqual({ suppressions: [], next: null });

  for (const body of [
    '',
    '{',
    '{"entries":[]}',
    '{"entries":[{"address":"nobody"}]}',
    '{"entries":[{"address":"a@b.example","x":1}]}',
  ])
    expect((await add(operator, body)).status).toBe(400);
  expect((await add(operator, 'x'.repeat(3 * 1024 * 1024))).status).toBe(413);
  const faultsIn = async (body: unknown): Promise<unknown> =>
    ((await (await add(operator, JSON.stringify(body))).json()) as { errors: unknown }).errors;
  expect(await faultsIn({ address: 'nobody' })).toEqual([{ in: 'body', path: 'address', text: 'expected an address' }]);
  expect(await faultsIn({ entries: [{ address: 'ann@dest.example' }, { address: 'nobody' }] })).toEqual([
    { in: 'body', path: 'entries.1.address', text: 'expected an address' },
  ]);
  expect((await relay.get(`${PATH}?limit=x`, reader)).status).toBe(400);
  expect((await relay.get(PATH, operator, 'PUT')).headers.get('allow')).toBe('GET, HEAD, POST, DELETE');

  const remove = (query: string, token = operator) => relay.get(`${PATH}?${query}`, token, 'DELETE');
  expect((await remove('', operator)).status).toBe(400);
  expect((await remove('address=ann@dest.example', reader)).status).toBe(403);
  expect((await remove('address=ann@dest.example&stream=other')).status).toBe(404);
  expect(await (await remove('address=ann@dest.example')).json()).toEqual({ removed: 1 });
  expect(await list('')).toEqual({ suppressions: [], next: null });
});
