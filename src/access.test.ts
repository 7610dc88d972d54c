/** The API over real HTTP and the real store, its tokens made by the command line over the control socket. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission } from '../tests/fakes/submission.ts';
import { FakeLive } from '../tests/fakes/fake-live.ts';
import { systemRandom } from './system.ts';
import { openAccess } from './access.ts';
import { startControl } from './cli/control-server.ts';
import { exitOperations } from './cli/exit-operations.ts';
import type { IssuedToken } from './cli/token-operations.ts';
import { createOperations } from './cli/store-operations.ts';
import { readExitStandings } from './exits/standings.ts';
import { createHttp } from './http/server.ts';
import type { Event } from './message/event.ts';
import { loadPolicy } from './policy/load.ts';
import { statsNeeds } from './relay-stats.ts';
import { SpoolError } from './spool/spool.ts';

const POLICY = `
hostname: relay.example.com
http: { listen: 127.0.0.1:0 }
limits: { loginAttempts: 3/1m }
egress: { smtp-1: { type: smtp, host: 127.0.0.1, port: 2525, tls: none } }
pools: { owned: { members: [smtp-1] } }
routes: [{ name: all, use: [owned] }]
`;
const [STATS, EGRESS] = ['/api/v1/stats', '/api/v1/egress'];
const NO_TOKEN = `rlv_${'A'.repeat(43)}`;

async function world() {
  await using things = new AsyncDisposableStack();
  const rig = things.use(new CliRig(POLICY));
  const loaded = loadPolicy({ file: 'relevo.yaml', text: POLICY, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(({ text }) => text).join());
  const policy = () => loaded.policy;
  const spool = things.use(await rig.openSpool());
  const { marks, ledger } = spool;
  const { clock, dataFolder } = rig;
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const standings = await readExitStandings({ policy, marks, tallies: ledger, clock, node: 'n1', judges: true });
  const stats = statsNeeds({ policy, clock, spool, standings });
  const exits = exitOperations({ policy, clock, marks, ledger, standings, stats, alerts: () => [] });
  const { api, tokens } = openAccess({ policy, ports: { clock, random: systemRandom }, marks, emit, exits, spool });
  const operations = createOperations({ spool, clock, showsSubjects: () => true, live: new FakeLive(), exits, tokens });
  const control = await startControl({ dataFolder, operations, clock, emit, messageSizeBytes: () => 1_000 });
  if (control.kind !== 'listening') throw new Error(control.cause);
  things.use(control.control);
  const scrape = async () => ({ contentType: 'text/plain', text: '' });
  const http = things.use(createHttp({ policy, clock, emit, notReady: () => [], scrape, api }));
  const bound = await http.listen();
  if (bound.kind !== 'listening') throw new Error(bound.cause);
  const base = `http://127.0.0.1:${bound.port}`;
  const get = (path: string, token: string | null, method = 'GET', body?: string) =>
    fetch(base + path, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
    });
  const issue = async (...args: string[]): Promise<IssuedToken> => {
    const { code, stdout, stderr } = await rig.run(['token', ...args, '--json']);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as IssuedToken;
  };
  const kept = things.move();
  return { rig, base, get, issue, events, marks, spool, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function refusal(response: Response) {
  const body = (await response.json()) as Record<string, unknown>;
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({ type: 'about:blank', status: response.status, title: expect.any(String) });
  return [response.status, body['detail'], response.headers.get('www-authenticate')];
}

test('who may read gets what the command line prints, recommendations with their figures among it', async () => {
  await using place = await world();
  const { rig, get, issue } = place;
  const { token } = await issue('create', 'ci', '--scopes', 'read');
  const stats = await get(STATS, token);
  expect([stats.status, stats.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  const printed = JSON.parse((await rig.run(['stats', '--json'])).stdout) as { advice: unknown[] };
  expect(await stats.json()).toEqual(printed);
  const egress = await get(EGRESS, token);
  expect(await egress.json()).toEqual(JSON.parse((await rig.run(['egress', 'list', '--json'])).stdout));
  const head = await get(`${STATS}?pretty`, token, 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
});

test('a message is told as the command line has it, with the state and the exit of each recipient', async () => {
  await using place = await world();
  const { rig, get, issue, spool } = place;
  const { token } = await issue('create', 'app', '--scopes', 'read');
  const nowMs = rig.clock.nowMs();
  const submission = aSubmission({ atMs: nowMs, to: ['ann@dest.test', 'bob@dest.test'] });
  const { id } = submission.message;
  await spool.accept(submission);
  const claim = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 9, perLane: 9, exclude: [] };
  const [leased] = (await spool.claim(claim)).leased;
  if (leased === undefined) throw new Error('it waits');
  const of = {
    atMs: nowMs,
    messageId: id,
    deliveryId: leased.delivery.id,
    domain: 'dest.test',
    recipients: ['ann@dest.test', 'bob@dest.test'],
  };
  const peer = { host: 'mx.dest.test', address: '192.0.2.25', source: '192.0.2.1', tls: 'TLSv1.3' };
  const reply = { code: 250, detail: null, text: 'ok' };
  const attempt = { number: 1, egress: 'direct', ...peer, reply, providerId: '<theirs/1@mg.test>', tookMs: 5 };
  const before = [{ event: 'attempted' as const, attempt, ...of }];
  await spool.settle(aSettlement(leased, { atMs: nowMs, addresses: ['ann@dest.test'], before }));
  const confirmed = {
    event: 'confirmed' as const,
    ...of,
    recipients: ['ann@dest.test'],
    source: 'hook:x',
    detail: '',
    egress: 'direct',
  };
  await spool.note([confirmed]);
  const printed = JSON.parse((await rig.run(['message', id, '--json'])).stdout) as {
    message: { subject: string | null };
  };
  expect(printed.message.subject).toBe('hello');
  // The policy shows no subjects; the rig's own operations do.
  const silent = JSON.stringify(printed).replaceAll('"subject":"hello"', '"subject":null');
  for (const named of [id, id.toLowerCase(), `${id}.1`, encodeURIComponent('<theirs/1@mg.test>')]) {
    const answer = await get(`/api/v1/messages/${named}`, token);
    const { message, ...told } = (await answer.json()) as { message: { id: string }; recipients: unknown[] };
    expect([answer.status, message.id]).toEqual([200, id]);
    expect({ message, ...told }).toMatchObject({ ...(JSON.parse(silent) as object), events: expect.any(Array) });
    expect(told.recipients).toMatchObject([
      { address: 'ann@dest.test', deliveryId: `${id}.1`, state: 'delivered', egress: 'direct', later: ['confirmed'] },
      { address: 'bob@dest.test', state: 'queued', hostAddress: '192.0.2.25', sourceAddress: '192.0.2.1', later: [] },
    ]);
  }
  for (const named of ['01KA0000000000000000000000', 'theirs', 'ID', '%E0%A4%A', 'x'.repeat(1_000)])
    expect((await get(`/api/v1/messages/${named}`, token)).status).toBe(404);
  expect((await get(`/api/v1/messages/${id}`, token, 'DELETE')).status).toBe(405);
  const { token: other } = await issue('create', 'sender', '--scopes', 'submit');
  expect((await get(`/api/v1/messages/${id}`, other)).status).toBe(403);
});

test('without a token nothing is told, not even what there is', async () => {
  await using place = await world();
  const { base, get, events } = place;
  const ways = [
    ['GET', STATS],
    ['POST', STATS],
    ['GET', '/api/v1/nothing'],
    ['GET', '/api/v1/messages/01KA0000000000000000000000'],
    ['GET', '/api/'],
    ['DELETE', '/api/v1/tokens/ci'],
  ] as const;
  const none = [401, 'show a token: Authorization: Bearer rlv_…', 'Bearer realm="relevo"'];
  for (const [method, path] of ways) expect(await refusal(await get(path, null, method))).toEqual(none);
  const unknown = [401, 'the token is not known', 'Bearer realm="relevo", error="invalid_token"'];
  expect(await refusal(await get(STATS, NO_TOKEN))).toEqual(unknown);
  const basic = await fetch(base + STATS, { headers: { authorization: `Basic ${NO_TOKEN}` } });
  expect(await refusal(basic)).toEqual(unknown);
  expect(events).toEqual([
    expect.objectContaining({
      event: 'auth-failed',
      peer: '127.0.0.1',
      user: '',
      reason: 'API: the token is not known',
    }),
    expect.objectContaining({ event: 'auth-failed' }),
  ]);
  expect(JSON.stringify(events)).not.toContain('rlv_');
});

test('a token opens what its scopes say; unknown paths and methods are told to those who have one', async () => {
  await using place = await world();
  const { get, issue } = place;
  const { token } = await issue('create', 'sender', '--scopes', 'submit,operate,admin');
  const challenge = 'Bearer realm="relevo", error="insufficient_scope", scope="read"';
  const lacking = [403, 'the token "sender" has not the scope read', challenge];
  for (const path of [STATS, EGRESS]) expect(await refusal(await get(path, token))).toEqual(lacking);
  for (const path of ['/api/v1/nothing', '/api/', `${STATS}/`, '/api/v1/constructor'])
    expect((await refusal(await get(path, token)))[0]).toBe(404);
  const posted = await get(STATS, token, 'POST');
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await get(EGRESS, token, 'DELETE')).status).toBe(405);
});

test('a token ends when its time is over, and can be renewed for as long', async () => {
  await using place = await world();
  const { rig, get, issue, events } = place;
  const first = await issue('create', 'ci', '--scopes', 'read', '--expires', '90d');
  expect(first.expiresAtMs).toBe(rig.clock.nowMs() + 90 * 86_400_000);
  rig.clock.jumpMs(90 * 86_400_000 - 1);
  expect((await get(STATS, first.token)).status).toBe(200);
  rig.clock.jumpMs(1);
  const over = [401, 'the token has expired', 'Bearer realm="relevo", error="invalid_token"'];
  expect(await refusal(await get(STATS, first.token))).toEqual(over);
  expect(events).toMatchObject([{ event: 'auth-failed', user: 'ci', reason: 'API: the token has expired' }]);
  expect((await rig.run(['token', 'list'])).stdout).toMatch(/^ci +read +\S+ +- +expired +-$/m);
  const second = await issue('rotate', 'ci');
  expect(second).toMatchObject({ expiresAtMs: rig.clock.nowMs() + 90 * 86_400_000, previousUntilMs: null });
  expect((await get(STATS, second.token)).status).toBe(200);
  expect((await get(STATS, first.token)).status).toBe(401);
});

test('a rotated token opens at once, and the one before for as long as was said', async () => {
  await using place = await world();
  const { rig, get, issue } = place;
  const first = await issue('create', 'ci', '--scopes', 'read');
  expect((await get(STATS, first.token)).status).toBe(200);
  rig.clock.jumpMs(1_000);
  const second = await issue('rotate', 'ci', '--overlap', '1h');
  const endsAtMs = rig.clock.nowMs() + 3_600_000;
  expect(second).toMatchObject({ rotatedAtMs: rig.clock.nowMs(), expiresAtMs: null, previousUntilMs: endsAtMs });
  const both = () => Promise.all([first, second].map(async ({ token }) => (await get(STATS, token)).status));
  expect(await both()).toEqual([200, 200]);
  rig.clock.jumpMs(3_600_000 - 1);
  expect(await both()).toEqual([200, 200]);
  rig.clock.jumpMs(1);
  expect(await both()).toEqual([401, 200]);
  const third = await issue('rotate', 'ci', '--overlap', '0s');
  expect((await get(STATS, third.token)).status).toBe(200);
  expect((await get(STATS, second.token)).status).toBe(401);
});

test('a revoked token is refused at once where it was revoked, and within 5 s where another node did it', async () => {
  await using place = await world();
  const { rig, get, issue, marks } = place;
  const [here, there] = [
    await issue('create', 'a', '--scopes', 'read'),
    await issue('create', 'b', '--scopes', 'read'),
  ];
  expect((await get(STATS, here.token)).status).toBe(200);
  expect((await rig.run(['token', 'revoke', 'a'])).stdout).toBe('a is revoked.\n');
  expect((await get(STATS, here.token)).status).toBe(401);
  expect((await get(STATS, there.token)).status).toBe(200);
  await marks.unmark(['token:b']);
  await rig.clock.advance(4_999);
  expect((await get(STATS, there.token)).status).toBe(401);
});

test('who shows wrong tokens is told to wait, and keeps nobody else out', async () => {
  await using place = await world();
  const { rig, get, issue, events } = place;
  const { token } = await issue('create', 'ci', '--scopes', 'read');
  const status = async () => (await get(STATS, NO_TOKEN)).status;
  expect([await status(), await status(), await status(), await status()]).toEqual([401, 401, 401, 429]);
  const barred = await get(STATS, 'guess');
  expect([barred.status, barred.headers.get('retry-after')]).toEqual([429, '60']);
  expect(await refusal(barred)).toEqual([429, 'too many wrong tokens from this address: wait', null]);
  expect((await get(STATS, token)).status).toBe(200);
  expect((await get(STATS, null)).status).toBe(401);
  expect(events.filter(({ event }) => event === 'auth-failed')).toHaveLength(3);
  await rig.clock.advance(60_000);
  expect(await status()).toBe(401);
});

test('while the store is away it is 503, with no word of why', async () => {
  await using place = await world();
  const { get, issue, marks, rig, events } = place;
  const { token } = await issue('create', 'ci', '--scopes', 'read');
  await rig.clock.advance(10_000);
  const was = marks.marks.bind(marks);
  marks.marks = () => Promise.reject(new SpoolError('unavailable', 'redis://secret@10.0.0.1 is away'));
  expect(await refusal(await get(STATS, token))).toEqual([503, 'the store does not answer now', null]);
  marks.marks = () => Promise.reject(new Error('a bug'));
  expect(await refusal(await get(STATS, token))).toEqual([500, 'the relay failed; its log says why', null]);
  expect(events).toMatchObject([{ event: 'failed', where: 'http', cause: 'Error: a bug' }]);
  marks.marks = was;
  expect((await get(STATS, token)).status).toBe(200);
});

test('the store has the hash of a token, and the token nowhere', async () => {
  await using place = await world();
  const { rig, get, issue, marks, events } = place;
  const issued = [await issue('create', 'ci', '--scopes', 'read'), await issue('rotate', 'ci')];
  for (const { token } of issued) expect((await get(STATS, token)).status).toBe(200);
  const text = (await marks.marks('token:')).map((mark) => mark.text).join();
  const files = readdirSync(rig.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.map((file) => readFileSync(join(file.parentPath, file.name)).toString('latin1')).join('\n');
  for (const { token } of issued) {
    const hash = createHash('sha256').update(token).digest('hex');
    expect(text).toContain(hash);
    expect(bytes).toContain(hash);
    for (const whole of [text, bytes, JSON.stringify(events)]) expect(whole).not.toContain(token.slice(4));
  }
  expect((await rig.run(['token', 'list', '--json'])).stdout).not.toContain(issued[0]?.token.slice(4));
});

test('addresses are suppressed, looked up and taken back over HTTP by who may operate', async () => {
  await using relay = await world();
  const { token: reader } = await relay.issue('create', 'reader', '--scopes', 'read');
  const { token: operator } = await relay.issue('create', 'operator', '--scopes', 'read,operate');
  const PATH = '/api/v1/suppressions';
  const entries = [{ address: 'Ann@Dest.example', stream: 'news', reason: 'unsubscribe', evidence: 'a form' }];
  const add = (token: string | null, body: string) => relay.get(PATH, token, 'POST', body);
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
  expect((await relay.get(`${PATH}?limit=x`, reader)).status).toBe(400);
  expect((await relay.get(PATH, operator, 'PUT')).headers.get('allow')).toBe('GET, HEAD, POST, DELETE');

  const remove = (query: string, token = operator) => relay.get(`${PATH}?${query}`, token, 'DELETE');
  expect((await remove('', operator)).status).toBe(400);
  expect((await remove('address=ann@dest.example', reader)).status).toBe(403);
  expect((await remove('address=ann@dest.example&stream=other')).status).toBe(404);
  expect(await (await remove('address=ann@dest.example')).json()).toEqual({ removed: 1 });
  expect(await list('')).toEqual({ suppressions: [], next: null });
});
