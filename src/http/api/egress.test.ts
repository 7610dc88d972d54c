import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';

const PATH = '/api/v1/egress';

test('an exit is looked at, paused with a reason, resumed and tried over HTTP; one that there is not is 404', async () => {
  await using relay = await openAccessRig();
  const { token } = await relay.issue('create', 'operator', '--scopes', 'read,operate');
  const post = async (path: string, body?: object) => {
    const answer = await relay.ask(`${PATH}/${path}`, token, { method: 'POST', body: JSON.stringify(body ?? {}) });
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  };
  const one = async () => (await (await relay.get(`${PATH}/smtp-1`, token)).json()) as { closures: object[] };
  expect(await one()).toMatchObject({ egress: 'smtp-1', type: 'smtp', closures: [] });
  expect(await post('smtp-1/pause', { reason: 'move of the server' })).toEqual({
    status: 200,
    value: { egress: 'smtp-1', changed: true },
  });
  expect((await one()).closures).toMatchObject([{ gate: 'paused' }]);
  expect((await post('smtp-1/pause')).value).toMatchObject({ changed: false });
  expect((await post('smtp-1/resume', { forget: true })).value).toMatchObject({ changed: true });
  expect((await one()).closures).toEqual([]);
  expect(relay.audited.map(({ what, on, before, after }) => [what, on, before, after]).slice(-3)).toEqual([
    ['egress.pause', 'smtp-1', { paused: false }, { paused: true, reason: 'move of the server' }],
    ['egress.pause', 'smtp-1', { paused: true }, { paused: true, reason: '' }],
    ['egress.resume', 'smtp-1', { paused: true }, { paused: false, forget: true }],
  ]);
  for (const path of ['ip-9/pause', 'ip-9/resume', 'ip-9/test', '__proto__/pause'])
    expect((await post(path)).status, path).toBe(404);
  expect((await relay.get(`${PATH}/ip-9`, token)).status).toBe(404);
  expect((await post('smtp-1/pause', { reason: 'x'.repeat(501) })).value).toMatchObject({
    errors: [{ in: 'body', path: 'reason' }],
  });
  expect((await post('smtp-1/pause', { reason: 'x'.repeat(70_000) })).status).toBe(413);
});

test('an exit is tried where its server is: what it found is told, and nobody can make it knock twice at once', async () => {
  let knocks = 0;
  const greets = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    knocks += 1;
    void greets.promise.then(() => socket.write('220 mx ESMTP\r\n'));
    socket.on('data', () => socket.write('250 mx\r\n')).on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await using relay = await openAccessRig(
    `egress: { smtp-1: { type: smtp, host: 127.0.0.1, port: ${port}, tls: none } }`,
  );
  const { token } = await relay.issue('create', 'operator', '--scopes', 'operate');
  const tried = Promise.all(
    [1, 2, 3].map(async () => {
      const answer = await relay.ask(`${PATH}/smtp-1/test`, token, { method: 'POST' });
      return (await answer.json()) as { result: { kind: string } };
    }),
  );
  await new Promise((done) => server.once('connection', done));
  greets.resolve();
  expect((await tried).map(({ result }) => result.kind)).toEqual(['ok', 'ok', 'ok']);
  expect(knocks).toBe(1);
  server.close();
});
