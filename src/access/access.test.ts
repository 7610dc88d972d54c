/** The API over real HTTP and the real store, its tokens made by the command line over the control socket. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAccessRig as world } from '../../tests/fakes/access-rig.ts';
import { aSettlement, aSubmission } from '../../tests/fakes/submission.ts';
import { SpoolError } from '../spool/spool.ts';

const [STATS, EGRESS] = ['/api/v1/stats', '/api/v1/egress'];
const NO_TOKEN = `rlv_${'A'.repeat(43)}`;

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
  const head = await get(`${STATS}`, token, 'HEAD');
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
  expect((await rig.run(['token', 'list'])).stdout).toMatch(/^ci +read +\S+ +- +expired +- +never +-$/m);
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
