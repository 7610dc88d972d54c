/** The API of a relay with two workers, as those have it who are given a token. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RelayStats } from '../../src/relay-stats.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

test('figures, exits and recommendations over HTTP are those of the command line, until the token is revoked', async () => {
  await using sink = await startSmtpSink();
  const [port, httpPort] = [await freePort(), await freePort()];
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { one: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, dailyLimit: 22 } }
pools: { owned: { members: [one] } }
routes: [{ name: all, use: [owned] }]
http: { listen: 127.0.0.1:${httpPort} }
`;
  await using relay = new RelayProcess(policy, { args: ['--workers', '2'] });
  await relay.start();
  const issued = await relay.cli(['token', 'create', 'grafana', '--scopes', 'read', '--expires', '90d']);
  const token = issued.stdout.trim();
  expect(token).toMatch(/^rlv_/);
  const get = (path: string, given: string | null = token) =>
    fetch(`http://127.0.0.1:${httpPort}/api/v1/${path}`, {
      headers: given === null ? {} : { authorization: `Bearer ${given}` },
    });
  const stats = async (): Promise<RelayStats> => {
    const response = await get('stats');
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as RelayStats;
  };
  await startLoad({ port: () => port, sessions: 4, prefix: 'api', perConnection: 1, count: 20 }).finished;
  await expect.poll(async () => (await stats()).today.delivered, { timeout: 20_000 }).toBe(20);

  await expect
    .poll(async () => {
      const printed = JSON.parse((await relay.cli(['stats', '--json'])).stdout) as RelayStats;
      return [
        { ...(await stats()), atMs: 0 },
        { ...printed, atMs: 0 },
      ];
    })
    .toSatisfy(([told, printed]: unknown[]) => JSON.stringify(told) === JSON.stringify(printed));
  const { exits, advice } = await stats();
  expect(exits).toMatchObject([{ egress: 'one', week: { delivered: 20 }, limit: { limit: 22 } }]);
  expect(advice).toContainEqual(
    expect.objectContaining({ kind: 'capacity', figures: expect.objectContaining({ limit: 22 }) }),
  );
  const egress = (await (await get('egress')).json()) as unknown;
  expect(egress).toMatchObject({ exits: [{ egress: 'one', isRunning: true, limits: { day: { limit: 22 } } }] });
  expect(egress).toEqual(JSON.parse((await relay.cli(['egress', 'list', '--json'])).stdout));

  expect((await get('stats', null)).status).toBe(401);
  expect((await get('stats', `${token.slice(0, -1)}-`)).status).toBe(401);
  await relay.waitFor(({ event }) => event === 'auth-failed');

  // Tokens outlive the process.
  await relay.stop();
  await relay.start();
  expect((await get('stats')).status).toBe(200);
  const next = (await relay.cli(['token', 'rotate', 'grafana', '--overlap', '0s'])).stdout.trim();
  expect([(await get('egress', next)).status, (await get('egress')).status]).toEqual([200, 401]);
  expect((await relay.cli(['token', 'revoke', 'grafana'])).code).toBe(0);
  expect((await get('egress', next)).status).toBe(401);

  await relay.stop();
  const stored = readdirSync(relay.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name)).toString('latin1'));
  for (const text of [...stored, JSON.stringify(relay.lines), relay.stderr])
    for (const secret of [token, next]) expect(text).not.toContain(secret.slice(4));
  await relay.audit();
});
