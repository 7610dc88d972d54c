/** The policy of a running relay, edited over the API, by the command line and by hand. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

test('the policy is read, checked, edited, simulated and rolled back over the API, and every edit is told with who made it', async () => {
  const [port, httpPort] = [await freePort(), await freePort()];
  const first = `
hostname: relay.test # our own name
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { cloud: { type: sendgrid, apiKeys: [SG.in-the-clear] } }
http: { listen: 127.0.0.1:${httpPort} }
`;
  await using relay = new RelayProcess(first);
  await relay.start();
  const tokenOf = async (name: string, scopes: string): Promise<string> =>
    (await relay.cli(['token', 'create', name, '--scopes', scopes])).stdout.trim();
  const [admin, reader] = [await tokenOf('ana', 'admin,read'), await tokenOf('grafana', 'read')];
  const ask = async (
    method: string,
    path: string,
    { token = admin, body, ...headers }: { token?: string; body?: string } & Record<string, string> = {},
  ) => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/policy${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, etag: response.headers.get('etag') ?? '', text: await response.text() };
  };
  const yaml = { 'content-type': 'text/yaml' };
  const json = { 'content-type': 'application/json' };
  const inFile = (): string => readFileSync(relay.policyFile, 'utf8');

  // Whoever only reads learns whether it is well, and nothing that is in it.
  expect((await ask('GET', '', { token: reader })).status).toBe(403);
  const state = await ask('GET', '/state', { token: reader });
  expect([state.status, JSON.parse(state.text).isValid, state.text.includes('SG.')]).toEqual([200, true, false]);

  const read = await ask('GET', '');
  expect([read.status, read.text]).toEqual([200, first]);
  const wrong = await ask('POST', '/check', { ...yaml, body: `${first}limits: { recipients: many }\n` });
  expect(JSON.parse(wrong.text)).toMatchObject({ isValid: false, problems: [{ line: 7, path: 'limits.recipients' }] });
  const put = await ask('PUT', '', { ...yaml, 'if-match': read.etag, body: `${first}limits: { recipients: many }\n` });
  expect([put.status, inFile()]).toEqual([422, first]);

  const second = first.replace('relay.test #', 'mail.relay.test #');
  expect((await ask('PUT', '', { ...yaml, body: second })).status).toBe(428);
  const written = await ask('PUT', '?comment=another+name', { ...yaml, 'if-match': read.etag, body: second });
  expect(JSON.parse(written.text)).toMatchObject({ relay: 'in-force', changes: [{ key: 'hostname' }] });
  expect(inFile()).toBe(second);
  const stale = await ask('PUT', '', { ...yaml, 'if-match': read.etag, body: `${first}# mine\n` });
  expect([stale.status, JSON.parse(stale.text).theirs.unified]).toEqual([
    409,
    expect.stringContaining('+hostname: mail.relay.test'),
  ]);

  const simulated = await ask('POST', '/simulate', { ...json, body: JSON.stringify({ text: first, hours: 1 }) });
  expect(JSON.parse(simulated.text)).toMatchObject({ messages: 0, notes: ['no mail came in that time'] });
  const body = JSON.stringify({ text: 'limits:\n  recip', line: 2, column: 8 });
  expect(JSON.parse((await ask('POST', '/complete', { ...json, body })).text).completions[0].label).toBe('recipients');

  // What runs cannot take up is put back.
  const moved = await ask('PUT', '', {
    ...yaml,
    'if-match': written.etag,
    body: `${second}spool: { path: ../data/elsewhere }\n`,
  });
  expect([moved.status, JSON.parse(moved.text).problems[0].text]).toEqual([422, expect.stringContaining('restart')]);
  expect(inFile()).toBe(second);

  const back = await ask('POST', '/versions/1/rollback', { ...json, body: '{"comment":"as it was"}' });
  expect([back.status, inFile()]).toEqual([200, first]);
  expect((await ask('POST', '/versions/99/rollback', json)).status).toBe(404);
  relay.writePolicy(`${first}# by hand\n`);
  const rows = async () =>
    JSON.parse((await ask('GET', '/versions', { token: reader })).text).versions.map(
      ({ id, by, what, comment }: Record<string, never>) => [id, by, what, comment],
    );
  const file = { kind: 'file', name: '' };
  const ana = { kind: 'token', name: 'ana' };
  await expect.poll(rows, { timeout: 3_000 }).toEqual([
    [4, file, 'edit', ''],
    [3, ana, 'rollback to 1', 'as it was'],
    [2, ana, 'edit', 'another name'],
    [1, file, 'edit', ''],
  ]);
  expect((await ask('GET', '/versions/2')).text).toBe(second);

  const rolled = await relay.cli(['policy', 'rollback', '2', '--comment', 'from the shell']);
  expect([rolled.code, inFile()]).toEqual([0, second]);
  expect((await rows())[0]).toMatchObject([5, { kind: 'cli' }, 'rollback to 2', 'from the shell']);
  expect(JSON.stringify(relay.lines)).not.toContain('SG.in-the-clear');
});
