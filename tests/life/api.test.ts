/** The API of a relay with two workers, as those have it who are given a token. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AuditEntry } from '../../src/operations/audit-entry.ts';
import type { RelayStats } from '../../src/access/relay-stats.ts';
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
  const events = await get('events?event=delivered&egress=one');
  const reading = readUntil(events, 20);
  await startLoad({ port: () => port, sessions: 4, prefix: 'api', perConnection: 1, count: 20 }).finished;
  await expect.poll(async () => (await stats()).today.delivered, { timeout: 20_000 }).toBe(20);
  expect((await reading).map((event) => [event['event'], event['egress']])).toEqual(
    Array.from({ length: 20 }, () => ['delivered', 'one']),
  );

  await expect
    .poll(
      async () => {
        const printed = JSON.parse((await relay.cli(['stats', '--json'])).stdout) as RelayStats;
        return [
          { ...(await stats()), atMs: 0 },
          { ...printed, atMs: 0 },
        ];
      },
      { timeout: 20_000 },
    )
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

  sink.fault('dot', 451, 1);
  await startLoad({ port: () => port, sessions: 1, prefix: 'late', perConnection: 1, count: 1 }).finished;
  await relay.waitFor(({ event }) => event === 'deferred');

  const since = relay.lines.length;
  relay.writePolicy(`${policy}limits: { recipients: 77 }\n`);
  await relay.waitFor(({ event }) => event === 'policy-applied', since);

  // Tokens outlive the process, and so does what was done, and what went wrong.
  await relay.stop();
  await relay.start();
  const wrong = async () => ((await (await get('egress/one')).json()) as { lastErrors: object[] }).lastErrors;
  await expect.poll(wrong, { timeout: 20_000 }).toMatchObject([{ reply: expect.stringMatching(/^451 /), count: 1 }]);
  expect((await get('stats')).status).toBe(200);
  const next = (await relay.cli(['token', 'rotate', 'grafana', '--overlap', '0s'])).stdout.trim();
  expect([(await get('egress', next)).status, (await get('egress')).status]).toEqual([200, 401]);
  expect((await relay.cli(['token', 'revoke', 'grafana'])).code).toBe(0);
  expect((await get('egress', next)).status).toBe(401);
  const log = JSON.parse((await relay.cli(['audit', 'log', '--json'])).stdout) as { entries: AuditEntry[] };
  expect(log.entries.map(({ what, actor }) => [what, actor.kind])).toEqual([
    ['token.revoke', 'operator'],
    ['token.rotate', 'operator'],
    ['policy.apply', 'file'],
    ['token.create', 'operator'],
    // The policy that it began with.
    ['policy.apply', 'file'],
  ]);
  expect(log.entries[0]?.actor.name).toContain(`(uid ${process.getuid?.()})`);
  expect(log.entries[2]?.after).toMatchObject({ keys: ['limits'] });

  await relay.stop();
  const stored = readdirSync(relay.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name)).toString('latin1'));
  for (const text of [...stored, JSON.stringify(relay.lines), relay.stderr])
    for (const secret of [token, next]) expect(text).not.toContain(secret.slice(4));
  await relay.audit();
});

/** So many events, as they come. */
async function readUntil(response: Response, count: number): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    const told = lines.filter((line) => line.startsWith('data: '));
    found.push(...told.map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>));
    if (found.length >= count) break;
  }
  return found;
}

test('two workers spend one budget: its exit closes at the last message that it pays for, and the figures say so', async () => {
  await using sink = await startSmtpSink();
  const [port, httpPort] = [await freePort(), await freePort()];
  const exit = `type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none`;
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
streams: { transactional: {} }
egress:
  cloud: { ${exit}, cost: 10 USD/1000, budget: 0.12 USD/month }
  own: { ${exit}, cost: 25 USD/month }
routes: [{ name: all, use: [cloud, own] }]
http: { listen: 127.0.0.1:${httpPort} }
`;
  await using relay = new RelayProcess(policy, { args: ['--workers', '2'] });
  await relay.start();
  await startLoad({ port: () => port, sessions: 4, prefix: 'cost', perConnection: 1, count: 30 }).finished;
  const stats = async (): Promise<RelayStats> =>
    JSON.parse((await relay.cli(['stats', '--json'])).stdout) as RelayStats;
  await expect.poll(async () => (await stats()).costs.savings[0]?.count, { timeout: 20_000 }).toBe(18);
  const { costs, exits, advice } = await stats();
  expect(costs.exits).toMatchObject([
    { egress: 'cloud', count: 12, monthToDate: 0.12, budget: { amount: 0.12, used: 0.12, left: 0, isUsedUp: true } },
    { egress: 'own', count: 18, monthToDate: 25, forecast: 25, budget: null },
  ]);
  expect(costs.clients).toEqual([{ name: 'apps', count: 12, currency: 'USD', monthToDate: 0.12 }]);
  expect(costs.savings).toMatchObject([{ cloud: 'cloud', cloudCost: 0.18, ownCost: 25, saved: -24.82 }]);
  expect(exits[0]?.closures).toMatchObject([{ gate: 'budget', untilMs: costs.turnsAtMs }]);
  expect(advice).toContainEqual(expect.objectContaining({ kind: 'budget' }));
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(metrics).toContain('relevo_cost_month{egress="cloud",currency="USD"} 0.12\n');
  expect(metrics).toContain('relevo_cost_saved{currency="USD"} -24.82\n');
  const explained = await relay.cli(['explain', '--to', 'a@dest.test']);
  expect(explained.stdout).toMatch(/cloud: budget 0\.12 of 0\.12 USD used, month turns in/);
  await relay.waitFor(({ event, name }) => event === 'alert' && name === 'budget:cloud');
  await relay.stop();
  await relay.audit();
});
