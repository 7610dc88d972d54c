import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { openTranscripts } from '../../report/transcripts.ts';

const PATH = '/api/v1/messages';

async function world() {
  const relay = await openAccessRig();
  const { token } = await relay.issue('create', 'reader', '--scopes', 'read');
  const { token: other } = await relay.issue('create', 'sender', '--scopes', 'submit');
  const atMs = relay.rig.clock.nowMs();
  const sent = [
    aSubmission({ atMs, to: ['ann@one.test'], sender: '', terms: { tag: 'june' } }),
    aSubmission({ atMs: atMs + 1_000, to: ['Bob@one.test', 'eve@two.test'], client: 'crm' }),
  ] as const;
  for (const submission of sent) await relay.spool.accept(submission);
  const search = async (query: string) => {
    const answer = await relay.get(`${PATH}?${query}`, token);
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  };
  const ids = async (query: string) => {
    const { value } = await search(query);
    return (value['messages'] as { id: string }[]).map(({ id }) => id);
  };
  return { relay, token, other, sent, search, ids, atMs };
}

test('messages are searched over HTTP by whoever may read, page by page', async () => {
  const { relay, sent, ids, search, other, atMs } = await world();
  await using _ = relay;
  const [first, second] = sent.map(({ message }) => message.id);
  expect(await ids('')).toEqual([second, first]);
  expect(await ids('recipient=BOB@one.test&state=queued')).toEqual([second]);
  expect(await ids(`address=${encodeURIComponent('eve@two.test')}`)).toEqual([second]);
  expect(await ids(`sender=${encodeURIComponent('<>')}`)).toEqual([first]);
  expect(await ids('client=crm&domain=TWO.test')).toEqual([second]);
  expect(await ids(`text=${first}.1`)).toEqual([first]);
  expect(await ids(`text=${encodeURIComponent(`<${second}@example.com>`)}`)).toEqual([second]);
  expect(await ids(`since=${atMs + 1}`)).toEqual([second]);
  expect(await ids(`until=${encodeURIComponent(new Date(atMs + 1).toISOString())}`)).toEqual([first]);
  const page = await search('limit=1');
  expect(page.value).toMatchObject({ messages: [{ id: second, recipients: 2, states: { queued: 2 } }], isWhole: true });
  expect(await ids(`limit=1&cursor=${encodeURIComponent(String(page.value['next']))}`)).toEqual([first]);
  expect((await relay.get(PATH, other)).status).toBe(403);
  expect((await relay.get(PATH, null)).status).toBe(401);
});

test('what cannot be searched for is 400, with the path of each fault', async () => {
  const { relay, search } = await world();
  await using _ = relay;
  for (const query of ['state=lost', 'since=yesterday', 'limit=100000', 'limit=x', 'colour=red', 'client=']) {
    const { status, value } = await search(query);
    expect(status, query).toBe(400);
    expect(value['errors'], query).toMatchObject([{ in: 'query', path: query.split('=')[0] }]);
  }
});

test('a cursor is good for the question that it was given for, whatever the length of its pages', async () => {
  const { relay, token, search } = await world();
  await using _ = relay;
  const next = encodeURIComponent(String((await search('state=queued&limit=1')).value['next']));
  expect((await search(`limit=7&cursor=${next}&state=queued`)).status).toBe(200);
  const [, place] = decodeURIComponent(next).split('.');
  for (const other of [`cursor=${next}`, `state=held&cursor=${next}`, `state=queued&cursor=x.${place}`]) {
    const { status, value } = await search(other);
    expect([status, value['errors']], other).toMatchObject([400, [{ in: 'query', path: 'cursor' }]]);
  }
  const entries = ['a@one.test', 'b@one.test'].map((address) => ({ address }));
  const { token: operator } = await relay.issue('create', 'operator', '--scopes', 'operate');
  const AT = '/api/v1/suppressions';
  await relay.ask(AT, operator, { method: 'POST', body: JSON.stringify({ entries }) });
  const list = async (query: string) => (await relay.get(`${AT}?${query}`, token)).json() as Promise<typeof page>;
  const page: { suppressions: { address: string }[]; next: string; errors?: unknown } =
    await list('domain=one.test&limit=1');
  const rest = await list(`domain=one.test&after=${encodeURIComponent(page.next)}`);
  expect([...page.suppressions, ...rest.suppressions].map(({ address }) => address)).toEqual([
    'a@one.test',
    'b@one.test',
  ]);
  expect(rest.next).toBeNull();
  const wrong = await list(`after=${encodeURIComponent(page.next)}`);
  expect(wrong.errors).toMatchObject([{ in: 'query', path: 'after' }]);
});

test('what was said in attempts is told of a message that is known', async () => {
  const { relay, token, sent } = await world();
  await using _ = relay;
  const { id } = sent[0].message;
  const { clock } = relay.rig;
  const book = openTranscripts({ marks: relay.spool.marks, clock });
  const said = () => ({ lines: [{ atMs: 0, from: 'server' as const, text: '220 mx' }], isWhole: true });
  book.keep({
    isDelivered: false,
    deliveryId: `${id}.1` as never,
    number: 1,
    egress: 'smtp-1',
    atMs: clock.nowMs(),
    said,
  });
  await book[Symbol.asyncDispose]();
  const answer = await relay.get(`${PATH}/${id}/transcripts`, token);
  expect(await answer.json()).toEqual({
    transcripts: [{ deliveryId: `${id}.1`, number: 1, egress: 'smtp-1', atMs: clock.nowMs(), ...said() }],
  });
  expect((await relay.get(`${PATH}/${'0'.repeat(26)}/transcripts`, token)).status).toBe(404);
  expect((await relay.get(`${PATH}/nothing/transcripts`, token)).status).toBe(404);
});

test('lists of suppressed addresses go out as a file, and in as a whole or not at all', async () => {
  const { relay, token: reader } = await world();
  await using _ = relay;
  const { token } = await relay.issue('create', 'operator', '--scopes', 'read,operate');
  const AT = '/api/v1/suppressions';
  const send = (shown: string, body: unknown) =>
    relay.ask(`${AT}/import`, shown, { method: 'POST', body: JSON.stringify(body) });
  const bad = await send(token, { text: 'ann@x.test\nnobody\n' });
  expect(bad.status).toBe(400);
  expect(JSON.stringify(await bad.json())).toContain('line 2');
  const good = await send(token, { text: 'ann@x.test\nbob@y.test\n', reason: 'complaint', client: 'crm' });
  expect([good.status, await good.json()]).toEqual([200, { made: 2, skipped: 0 }]);
  expect((await send(reader, { text: 'c@x.test' })).status).toBe(403);
  const exported = await relay.get(`${AT}/export?domain=x.test`, reader);
  expect(exported.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const lines = (await exported.text()).trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^ann@x\.test,crm,,complaint,/);
  expect((await relay.get(`${AT}/export?format=xls`, reader)).status).toBe(400);
  const one = { address: 'dan@x.test', until: '2036-02-03T10:00' };
  const added = await relay.ask(AT, token, { method: 'POST', body: JSON.stringify(one) });
  expect([added.status, await added.json()]).toEqual([200, { made: 1 }]);
  const wrong = await relay.ask(AT, token, { method: 'POST', body: JSON.stringify({ ...one, until: 'never' }) });
  expect(wrong.status).toBe(400);
});
