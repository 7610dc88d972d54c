import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';

const PATH = '/api/v1/queue';

async function world() {
  const relay = await openAccessRig();
  const { token } = await relay.issue('create', 'operator', '--scopes', 'read,operate');
  const { token: reader } = await relay.issue('create', 'reader', '--scopes', 'read');
  for (const [at, to] of [['ann@one.test'], ['bob@one.test', 'eve@two.test'], ['joe@three.test']].entries())
    await relay.spool.accept(aSubmission({ atMs: relay.rig.clock.nowMs() + at, to }));
  const post = async (path: string, body: unknown, shown = token) => {
    const answer = await relay.ask(`${PATH}/${path}`, shown, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  };
  const list = async (query = '') =>
    (await (await relay.get(`${PATH}?${query}`, reader)).json()) as {
      deliveries: { id: string; domain: string; state: string }[];
      next: string | null;
    };
  return { ...relay, relay, token, reader, post, list };
}

test('the queue is told as the command line has it, page by page, by filter', async () => {
  const { relay, list, get, reader } = await world();
  await using _ = relay;
  const all = await list();
  expect(all).toEqual(JSON.parse((await relay.rig.run(['queue', 'list', '--json'])).stdout));
  const pages = [];
  let next: string | null = null;
  do {
    const page = await list(`limit=3${next === null ? '' : `&after=${next}`}`);
    pages.push(page.deliveries.length);
    ({ next } = page);
  } while (next !== null);
  expect(pages).toEqual([3, 1]);
  expect((await list('domain=ONE.test')).deliveries).toHaveLength(2);
  expect((await list('recipient=eve@two.test&state=queued')).deliveries.map(({ domain }) => domain)).toEqual([
    'two.test',
  ]);
  const ids = all.deliveries.slice(0, 2).map(({ id }) => id);
  expect((await list(`id=${ids.join(',')}`)).deliveries.map(({ id }) => id)).toEqual(ids);
  expect((await list('scheduled=true')).deliveries).toEqual([]);
  const overview = await get(`${PATH}/overview`, reader);
  expect(await overview.json()).toMatchObject({ messages: 3, deliveries: 4 });
  const shape = await (await get(`${PATH}/shape?domain=two.test`, reader)).json();
  expect(shape).toMatchObject({ rows: [{ domain: 'two.test', total: 1 }], isWhole: true });
});

test('what cannot be meant is 400, with the path of each fault', async () => {
  const { relay, get, post, reader } = await world();
  await using _ = relay;
  const wrong = await get(`${PATH}?limit=100000&state=lost&colour=red`, reader);
  expect(wrong.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await wrong.json()) as { status: number; errors: { in: string; path: string; text: string }[] };
  expect(problem.status).toBe(400);
  expect(problem.errors.map((one) => [one.in, one.path]).toSorted()).toEqual([
    ['query', 'colour'],
    ['query', 'limit'],
    ['query', 'state'],
  ]);
  expect((await get(`${PATH}?limit=1&limit=2`, reader)).status).toBe(400);
  const held = await post('hold', { ids: ['x'], domain: 7, filter: {} });
  expect(held.status).toBe(400);
  expect((held.value['errors'] as { path: string }[]).map(({ path }) => path).toSorted()).toEqual([
    'domain',
    'filter',
    'ids.0',
  ]);
  expect((await post('hold', {})).value['detail']).toContain('say which');
  expect((await post('hold', { all: true, domain: 'one.test' })).status).toBe(400);
  expect((await post('explode', { all: true })).status).toBe(404);
  const form = await fetch(`${relay.base}${PATH}/hold`, {
    method: 'POST',
    headers: { authorization: `Bearer ${reader}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'all=true',
  });
  expect(form.status).toBe(403);
});

test('a preview says how many a change would reach, and changes nothing; the change does, and is written down', async () => {
  const { relay, post, list, audited } = await world();
  await using _ = relay;
  const preview = await post('hold', { domain: 'one.test', preview: true });
  expect(preview).toEqual({ status: 200, value: { preview: true, changed: 2, busy: 0, isWhole: true } });
  expect((await list('state=held')).deliveries).toEqual([]);
  expect(audited.filter(({ what }) => what.startsWith('queue'))).toEqual([]);
  expect((await post('hold', { domain: 'one.test' })).value).toEqual({ changed: 2, busy: 0 });
  expect((await list('state=held')).deliveries).toHaveLength(2);
  expect(audited.at(-1)).toEqual({
    actor: { kind: 'token', name: 'operator', from: '127.0.0.1' },
    what: 'queue.hold',
    on: 'domain=one.test',
    before: { state: 'queued' },
    after: { state: 'held', changed: 2, busy: 0 },
  });
  // What is held already is not held again, and what is queued is not let go.
  expect((await post('hold', { all: true, preview: true })).value).toMatchObject({ changed: 2 });
  expect((await post('release', { all: true, preview: true })).value).toMatchObject({ changed: 2 });
  expect((await post('release', { state: 'queued', preview: true })).value).toMatchObject({ changed: 0 });
  expect((await post('cancel', { all: true, preview: true })).value).toMatchObject({ changed: 0 });
  expect((await post('release', { all: true })).value).toEqual({ changed: 2, busy: 0 });
  expect((await post('discard', { domain: 'two.test' })).value).toEqual({ changed: 1, busy: 0 });
  expect((await post('bounce', { domain: 'three.test' })).value).toMatchObject({ changed: 2 });
  expect((await list()).deliveries).toHaveLength(3);
});

test('who may only read changes nothing, and that it was tried is written down', async () => {
  const { relay, post, list, reader, audited } = await world();
  await using _ = relay;
  expect((await post('discard', { all: true }, reader)).status).toBe(403);
  expect((await list()).deliveries).toHaveLength(4);
  expect(audited.at(-1)).toEqual({
    actor: { kind: 'token', name: 'reader', from: '127.0.0.1' },
    what: 'refused',
    on: 'POST /api/v1/queue/discard',
    after: { scope: 'operate' },
  });
});

test('mail that nobody tried yet moves to a time by the clocks of the policy, or with its offset', async () => {
  const { relay, post } = await world();
  await using _ = relay;
  const { clock } = relay.rig;
  const later = aSubmission({ atMs: clock.nowMs(), to: ['ann@four.test'] });
  await relay.spool.accept(later);
  const day = new Date(clock.nowMs() + 2 * 86_400_000).toISOString().slice(0, 10);
  const ids = [later.message.id];
  const moved = await post('reschedule', { ids, to: `${day}T10:00` });
  expect(moved).toEqual({ status: 200, value: { changed: 1, busy: 0, sendAtMs: Date.parse(`${day}T10:00:00Z`) } });
  const exact = await post('reschedule', { ids, to: `${day}T10:00:00+02:00` });
  expect(exact.value).toMatchObject({ changed: 1, sendAtMs: Date.parse(`${day}T08:00:00Z`) });
  expect((await post('reschedule', { ids, to: 'tomorrow' })).value).toMatchObject({ errors: [{ path: 'to' }] });
  expect((await post('reschedule', { ids, to: '2099-01-01T00:00:00Z' })).status).toBe(409);
  expect((await post('reschedule', { to: 'now' })).status).toBe(400);
  const others = ['bob@four.test', 'eve@four.test'].map((to) => aSubmission({ atMs: clock.nowMs(), to: [to] }));
  for (const one of others) await relay.spool.accept(one);
  const all = { domain: 'four.test', to: `${day}T12:00:00Z` };
  expect((await post('reschedule', { ...all, preview: true })).value).toMatchObject({ changed: 3, isWhole: true });
  const sendAtMs = Date.parse(`${day}T12:00:00Z`);
  expect((await post('reschedule', all)).value).toEqual({ changed: 3, busy: 0, isWhole: true, sendAtMs });
  const { code, stdout } = await relay.rig.run([
    'queue',
    'reschedule',
    '--domain',
    'four.test',
    '--scheduled',
    '--at',
    'now',
  ]);
  expect([code, stdout]).toEqual([0, expect.stringContaining('3 deliveries moved to')]);
});
