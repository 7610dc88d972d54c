import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { openSubmitRig } from '../../../tests/fakes/submit-rig.ts';
import type { MessageId } from '../../message/ids.ts';

type Rig = Awaited<ReturnType<typeof openSubmitRig>>;

const MAIL = {
  from: 'Ána <ana@shop.example>',
  to: ['Bob <bob@dest.example>', { address: 'cid@other.example', name: 'Cid, Jr.' }],
  cc: 'dan@dest.example',
  bcc: ['eve@hidden.example'],
  replyTo: 'desk@shop.example',
  subject: 'Ihre Bestellung № 17',
  text: 'Hällo\n',
  html: '<p>Hello <img src="cid:logo"></p>',
  attachments: [
    { content: 'cG5n', filename: 'logo.png', contentType: 'image/png', contentId: '<logo>' },
    { content: 'Ym\nls bA==', filename: 'bill é.txt' },
  ],
  headers: { 'X-Order-ID': '17', 'List-Unsubscribe': '<mailto:off@shop.example>' },
  stream: 'marketing',
  priority: 'high',
  tag: 'order',
  client: 'shop',
};
const SMALL = { from: 'bo@shop.example', to: 'bob@dest.example', subject: 'x', text: 'x' };
const AS_JSON = { 'content-type': 'application/json' };
const AS_MAIL = { 'content-type': 'message/rfc822' };

type Problem = { detail: string; errors?: { path: string; text: string }[]; smtp?: string };

/** Posts with a token, and says what was answered. */
async function posting(rig: Rig, ask: Parameters<Rig['issue']>[0] = {}) {
  const { token } = await rig.issue(ask);
  return async (body: unknown, headers: Readonly<Record<string, string>> = AS_JSON, path = '/api/v1/messages') => {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const response = await rig.post(path, text, { authorization: `Bearer ${token}`, ...headers });
    const answer = JSON.parse(await response.text()) as Problem & { id: MessageId; outcomes: Problem[] };
    return { status: response.status, headers: response.headers, ...answer };
  };
}

test('a message as JSON is composed and kept for all its recipients, and its Bcc is nowhere in it', async () => {
  await using rig = await openSubmitRig();
  const post = await posting(rig);
  const { status, id, headers } = await post(MAIL);
  expect([status, headers.get('location')]).toEqual([202, `/api/v1/messages/${id}`]);
  const story = await rig.spool.story(id);
  expect(story?.message).toMatchObject({ client: 'shop', stream: 'marketing', priority: 'high', tag: 'order' });
  expect(story?.message.envelope.sender).toBe('ana@shop.example');
  expect(story?.events[0]).toMatchObject({ event: 'received', protocol: 'HTTP', peer: '127.0.0.1' });
  const to = story?.queued.flatMap(({ delivery }) => delivery.recipients.map(({ address }) => address));
  expect(to?.toSorted()).toEqual(['bob@dest.example', 'cid@other.example', 'dan@dest.example', 'eve@hidden.example']);
  const text = await rig.textOf(id);
  expect(text).not.toMatch(/hidden|bcc|x-relevo/i);
  expect(text).toMatch(
    /^Received: from \[127\.0\.0\.1\] \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\r\n\twith HTTP id /,
  );
  expect(text.match(/^(?:Message-ID|Date): .*/gim)).toEqual([
    'Date: Thu, 01 Jan 2026 00:00:00 +0000',
    `Message-ID: <${id}@relay.example>`,
  ]);
  const mail: ParsedMail = await simpleParser(text);
  expect(mail.from?.value).toEqual([{ address: 'ana@shop.example', name: 'Ána' }]);
  expect([mail.to].flat()[0]?.value).toEqual([
    { address: 'bob@dest.example', name: 'Bob' },
    { address: 'cid@other.example', name: 'Cid, Jr.' },
  ]);
  expect([mail.subject, mail.text, mail.replyTo?.text]).toEqual([MAIL.subject, 'Hällo\n', 'desk@shop.example']);
  expect(mail.headers.get('x-order-id')).toBe('17');
  expect(text).toContain('X-Order-ID: 17\r\n');
  expect(
    mail.attachments.map(({ filename, contentType, cid, content }) => [filename, contentType, cid, content.toString()]),
  ).toEqual([
    ['logo.png', 'image/png', 'logo', 'png'],
    ['bill é.txt', 'text/plain', undefined, 'bill'],
  ]);
});

test('a whole message keeps its bytes; who gets it is in the request, or in its header, which loses its Bcc', async () => {
  await using rig = await openSubmitRig();
  const post = await posting(rig, { client: 'shop' });
  const mail =
    'From: Ana <ana@shop.example>\nTo: bob@dest.example,\n "C, D" <cid@other.example>\nBcc: eve@hidden.example\nX-Relevo-Tag: t1\n\nbody\n.\n';
  const whole = await post(mail, AS_MAIL);
  expect(whole.status).toBe(202);
  const text = await rig.textOf(whole.id);
  expect(text).toMatch(/\r\n\r\nbody\r\n\.\r\n$/);
  expect(text).not.toMatch(/hidden|relevo-tag/i);
  const story = await rig.spool.story(whole.id);
  expect(story?.message).toMatchObject({ tag: 't1', envelope: { sender: 'ana@shop.example' } });
  expect(story?.events[0]).toMatchObject({
    recipients: ['bob@dest.example', 'cid@other.example', 'eve@hidden.example'],
  });
  const named = '/api/v1/messages?from=bounce@shop.example&to=x@y.example,z@y.example';
  const other = await post(mail, AS_MAIL, named);
  expect((await rig.spool.story(other.id))?.events[0]).toMatchObject({
    sender: 'bounce@shop.example',
    recipients: ['x@y.example', 'z@y.example'],
  });
  expect(
    (await rig.spool.story((await post(mail, AS_MAIL, '/api/v1/messages?from=')).id))?.message.envelope.sender,
  ).toBe('');
  const nobody = await post('From: ana@shop.example\n\nx\n', AS_MAIL);
  expect(nobody).toMatchObject({ status: 422, errors: [{ in: 'query', path: 'to' }] });
  expect(await post('To: b@dest.example\n\nx\n', AS_MAIL)).toMatchObject({ status: 422, errors: [{ path: 'from' }] });
  expect(await post(mail, AS_MAIL, '/api/v1/messages?to=nonsense')).toMatchObject({
    status: 422,
    errors: [{ path: 'to' }],
  });
  expect(await post(mail, AS_MAIL, '/api/v1/messages?bcc=x@y.example')).toMatchObject({
    status: 400,
    errors: [{ path: 'bcc' }],
  });
});

test('what is wrong with a message is said by its place', async () => {
  await using rig = await openSubmitRig({ policy: { limits: { messageSize: '64KB', recipients: 3 } } });
  const post = await posting(rig, { client: 'shop' });
  const faults: readonly (readonly [object, string])[] = [
    [{ from: 'nonsense' }, 'from'],
    [{ from: 'a@shop.example, b@shop.example' }, 'from'],
    [{ from: 'Ana\r\nBcc: x@y.example <ana@shop.example>' }, 'from'],
    [{ from: { address: 'ana@shop.example', name: 'A\nBcc: x@y.example' } }, 'from.name'],
    [{ to: ['bob@dest.example', 'bob@dest@'] }, 'to.1'],
    [{ to: [] }, 'to'],
    [{ subject: 'x\r\nBcc: x@y.example' }, 'subject'],
    [{ text: null }, 'text'],
    [{ headers: { 'X-A': '1\r\nBcc: x@y.example' } }, 'headers.X-A'],
    [{ headers: { 'X-A: 1\r\nX-B': '2' } }, 'headers.X-A: 1\r\nX-B'],
    [{ headers: { Bcc: 'x@y.example' } }, 'headers.Bcc'],
    [{ headers: { 'x-relevo-Stream': 'x' } }, 'headers.x-relevo-Stream'],
    [{ headers: { 'Content-Type': 'x/y' } }, 'headers.Content-Type'],
    [{ headers: { 'DKIM-Signature': 'v=1' } }, 'headers.DKIM-Signature'],
    [{ headers: { 'Message-ID': 'x' } }, 'headers.Message-ID'],
    [{ attachments: [{ content: 'no base64!' }] }, 'attachments.0.content'],
    [{ attachments: [{ path: '/etc/passwd' }] }, 'attachments.0.content'],
    [{ attachments: [{ content: 'eA==', href: 'http://127.0.0.1/' }] }, 'attachments.0.href'],
    [{ attachments: [{ content: 'eA==', contentType: 'text/html\r\nX: 1' }] }, 'attachments.0.contentType'],
    [{ attachments: [{ content: 'eA==', filename: 'a\nb' }] }, 'attachments.0.filename'],
    [{ text: { path: '/etc/passwd' } }, 'text'],
    [{ priority: 'urgent' }, 'priority'],
    [{ sendAt: 'tomorrow' }, 'sendAt'],
    [{ sendAt: '2036-01-01T00:00:00Z' }, 'sendAt'],
    [{ expires: '2025-01-01T00:00:00Z' }, 'expires'],
    [{ stream: 'nosuch' }, 'stream'],
    [{ stream: 'constructor' }, 'stream'],
    [{ tag: 'a\r\nX: 1' }, 'tag'],
    [{ other: 1 }, 'other'],
  ];
  for (const [change, path] of faults) {
    const answer = await post({ ...SMALL, ...change });
    expect([answer.status, answer.errors?.[0]?.path], JSON.stringify(change)).toEqual([422, path]);
  }
  expect(await post('{')).toMatchObject({ status: 400, detail: expect.stringContaining('no JSON') });
  expect(await post(SMALL, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  const nul = 'From: ana@shop.example\nTo: b@dest.example\n\n\0\n';
  expect(await post(nul, AS_MAIL)).toMatchObject({ status: 422, smtp: expect.stringContaining('554') });
  expect(await post({ ...SMALL, text: 'x\n'.repeat(40_000) })).toMatchObject({ status: 413 });
  const many = ['a@x.example', 'b@x.example', 'c@x.example', 'd@x.example'];
  expect(await post({ ...SMALL, to: many })).toMatchObject({ status: 422, errors: [{ path: 'to' }] });
  expect((await rig.spool.overview()).messages).toBe(0);
});

test('who submits is the client of the token, the one that is named, or the only one that may send so', async () => {
  await using rig = await openSubmitRig({
    policy: {
      clients: {
        shop: { networks: ['127.0.0.2'], senders: ['*@shop.example'], quota: '3/h' },
        crm: { networks: ['127.0.0.3'], senders: ['ana@shop.example', '*@crm.example'] },
      },
    },
  });
  const post = await posting(rig);
  const clientOf = async (id: MessageId) => (await rig.spool.story(id))?.message.client;
  expect(await clientOf((await post({ ...SMALL, from: 'x@crm.example' })).id)).toBe('crm');
  expect(await post({ ...SMALL, from: 'ana@shop.example' })).toMatchObject({
    status: 422,
    errors: [{ path: 'client' }],
  });
  expect(await clientOf((await post({ ...SMALL, from: 'ana@shop.example', client: 'crm' })).id)).toBe('crm');
  expect(await post({ ...SMALL, from: 'x@bank.example' })).toMatchObject({ status: 403 });
  expect(await post({ ...SMALL, client: 'nobody' })).toMatchObject({ status: 403 });
  const asShop = await posting(rig, { name: 'shop', client: 'shop' });
  expect(await asShop({ ...SMALL, client: 'crm' })).toMatchObject({ status: 403 });
  expect(await asShop({ ...SMALL, from: 'x@crm.example' })).toMatchObject({
    status: 403,
    smtp: '550 5.7.1 sender address not allowed for this client',
  });
  expect(
    await asShop('From: x@crm.example\nTo: b@dest.example\n\nx\n', AS_MAIL, '/api/v1/messages?from=a@shop.example'),
  ).toMatchObject({ status: 403 });
  for (let count = 0; count < 2; count++) expect((await asShop(SMALL)).status).toBe(202);
  const over = await asShop(SMALL);
  expect([over.status, over.headers.get('retry-after')]).toEqual([429, '3600']);
  const read = await posting(rig, { name: 'reader', scopes: ['read'] });
  expect(await read(SMALL)).toMatchObject({ status: 403 });
  expect((await rig.post('/api/v1/messages', JSON.stringify(SMALL), AS_JSON)).status).toBe(401);
});

test('a request that comes again with its key has the first answer, and is one message, also after a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-once-'));
  await using things = new AsyncDisposableStack();
  things.defer(() => rm(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const policy = { clients: { shop: { networks: ['127.0.0.2'], senders: ['*@shop.example'], quota: '1/d' } } };
  const opened = async () => openSubmitRig({ folder, clock, policy });
  const body = JSON.stringify(SMALL);
  const ask = async (rig: Rig, token: string, change: Readonly<Record<string, string>> = {}, sent = body) => {
    const headers = { ...AS_JSON, authorization: `Bearer ${token}`, 'idempotency-key': 'order-17', ...change };
    const answer = await rig.post('/api/v1/messages', sent, headers);
    return [answer.status, await answer.text(), answer.headers.get('idempotent-replayed')] as const;
  };
  const first = await opened();
  const { token } = await first.issue();
  const other = await first.issue({ name: 'other' });
  const [status, text] = await ask(first, token);
  expect(status).toBe(202);
  await first[Symbol.asyncDispose]();
  const rig = things.use(await opened());
  // The quota is used up: the answer is that of the first time all the same.
  expect(await ask(rig, token)).toEqual([202, text, 'true']);
  expect((await ask(rig, token, {}, JSON.stringify({ ...SMALL, subject: 'y' })))[0]).toBe(422);
  expect((await ask(rig, token, { 'idempotency-key': 'x'.repeat(256) }))[0]).toBe(400);
  expect((await ask(rig, other.token))[0]).toBe(429);
  clock.jumpMs(86_400_000);
  expect((await ask(rig, token))[1]).not.toBe(text);
  expect((await rig.spool.overview()).messages).toBe(2);
});

test('requests that come together with one key are one message, whoever is first', async () => {
  await using rig = await openSubmitRig({ beforeAccept: () => new Promise((resolve) => setImmediate(resolve)) });
  const { token } = await rig.issue();
  const headers = { ...AS_JSON, authorization: `Bearer ${token}`, 'idempotency-key': 'order-18' };
  const bodies = 'xxxxxxxxxxyy'.split('').map((subject) => JSON.stringify({ ...SMALL, subject }));
  const answers = await Promise.all(
    bodies.map(async (body) => {
      const answer = await rig.post('/api/v1/messages', body, headers);
      return [answer.status, await answer.text(), answer.headers.get('idempotent-replayed')] as const;
    }),
  );
  const accepted = answers.filter(([status]) => status === 202);
  expect(new Set(accepted.map(([, text]) => text)).size).toBe(1);
  expect(accepted.filter(([, , replayed]) => replayed === null)).toHaveLength(1);
  expect([10, 2]).toContain(accepted.length);
  expect(answers.filter(([status]) => status === 422)).toHaveLength(12 - accepted.length);
  expect((await rig.spool.overview()).messages).toBe(1);
});

test('of a batch each message has an outcome of its own, and a retry of it makes none twice', async () => {
  await using rig = await openSubmitRig({ policy: { limits: { recipients: 2 } } });
  const post = await posting(rig, { client: 'shop' });
  const batch = {
    messages: [SMALL, { ...SMALL, to: 'nonsense' }, { ...SMALL, from: 'x@bank.example' }, { ...SMALL, subject: 'y' }],
  };
  const headers = { ...AS_JSON, 'idempotency-key': 'b1' };
  const [first, again] = [
    await post(batch, headers, '/api/v1/messages/batch'),
    await post(batch, headers, '/api/v1/messages/batch'),
  ];
  expect([first.status, again.status]).toEqual([207, 207]);
  expect(first.outcomes).toMatchObject([
    { status: 202, isRepeat: false },
    { status: 422, problem: { errors: [{ path: 'messages.1.to.0' }] } },
    { status: 403 },
    { status: 202 },
  ]);
  expect(again.outcomes).toEqual(first.outcomes.map((one) => ('isRepeat' in one ? { ...one, isRepeat: true } : one)));
  expect((await rig.spool.overview()).messages).toBe(2);
  const tooMany = { messages: Array.from({ length: 101 }, () => SMALL) };
  for (const [bad, path] of [
    [tooMany, 'messages'],
    [{ messages: [] }, 'messages'],
    [[], ''],
    [{ messages: [SMALL], other: 1 }, 'other'],
  ])
    expect(await post(bad, AS_JSON, '/api/v1/messages/batch')).toMatchObject({ status: 400, errors: [{ path }] });
});

test('large messages as JSON are read by a thread, and are the same bytes; what is wrong with one is said all the same', async () => {
  await using rig = await openSubmitRig();
  const post = await posting(rig, { client: 'shop' });
  const bytes = Buffer.alloc(1_500_000, 'any bytes, \0 too');
  const large = (change: object = {}) =>
    post({ ...SMALL, attachments: [{ content: bytes.toString('base64'), filename: 'x.bin' }], ...change });
  const [one, other, bad] = await Promise.all([large(), large({ subject: 'y' }), large({ to: ['nonsense'] })]);
  expect([one.status, other.status, bad.status, bad.errors?.[0]?.path]).toEqual([202, 202, 422, 'to.0']);
  for (const { id } of [one, other]) {
    const { attachments } = await simpleParser(await rig.textOf(id));
    expect(attachments[0]?.content.equals(bytes)).toBe(true);
  }
  const notJson = await post(`{"from": "${'x'.repeat(200_000)}"`);
  expect(notJson).toMatchObject({ status: 400, detail: expect.stringContaining('no JSON') });
});
