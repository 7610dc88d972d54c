/** Signing in at a relay as a process: off loopback, by TLS, over a restart. */
import { request } from 'node:https';
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const PASSWORD = 'correct horse battery';

test('off loopback pages wait for TLS while mail is taken; who signed in still is after a restart', async () => {
  const [smtp, http] = [await freePort(), await freePort()];
  const policy = (more: string): string => `
hostname: relay.test
listen: [{ port: ${smtp}, address: 127.0.0.1, tls: none, auth: none }]
http: { listen: 0.0.0.0:${http}${more} }
clients: { shop: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { box: { type: sandbox, path: ../box } }
`;
  await using relay = new RelayProcess(policy(''));
  await relay.start();
  const told = await relay.waitFor(({ event, name }) => event === 'alert' && name === 'not-listening');
  expect(told['text']).toMatch(/0\.0\.0\.0:\d+ is not a loopback address.*Set http\.tls: true/);
  await expect(fetch(`http://127.0.0.1:${http}/readyz`)).rejects.toThrow('fetch failed');
  const check = await relay.cli(['check']);
  expect([check.code, check.stdout + check.stderr]).toEqual([0, expect.stringContaining('http.tls: true')]);

  relay.writePolicy(policy(', tls: true'));
  await relay.waitFor(({ event, name, raised }) => event === 'alert' && name === 'not-listening' && raised === false);
  const added = await relay.cli(['user', 'add', 'ana', '--role', 'admin', '--password-file', '-'], `${PASSWORD}\n`);
  expect(added.code).toBe(0);
  const signedIn = await asked(http, '/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD } });
  expect(signedIn.status).toBe(200);
  const [cookie = ''] = (signedIn.cookie ?? '').split(';');
  expect(cookie).toMatch(/^__Host-relevo=/);
  await relay.stop();
  await relay.start();
  expect((await asked(http, '/api/v1/users', { cookie })).status).toBe(200);
  // A command on the machine ends it at once, for it asks this very relay.
  expect((await relay.cli(['user', 'password', 'ana'])).code).toBe(0);
  expect((await asked(http, '/api/v1/users', { cookie })).status).toBe(401);
  expect(JSON.stringify(relay.lines)).not.toContain(PASSWORD);
  const audit = await relay.cli(['audit', 'log', '--json']);
  expect(audit.stdout).toMatch(/"user\.password".*"sign-in".*"user\.add"/s);
  expect(audit.stdout).not.toContain(PASSWORD);
});

type Sent = { readonly body?: unknown; readonly cookie?: string };

function asked(port: number, path: string, { body, cookie }: Sent) {
  const text = body === undefined ? null : JSON.stringify(body);
  const headers = {
    ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    ...(cookie === undefined ? {} : { cookie }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; cookie: string | undefined }>();
  // The relay made its certificate itself.
  const options = { host: '127.0.0.1', port, path, headers, agent: false, rejectUnauthorized: false };
  const sent = request({ ...options, method: text === null ? 'GET' : 'POST' }, (response) => {
    response.resume();
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, cookie: response.headers['set-cookie']?.[0] }),
    );
  });
  sent.on('error', reject);
  sent.end(text ?? undefined);
  return promise;
}
