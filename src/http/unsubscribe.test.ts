import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { openSuppression } from '../feedback/suppression/suppression.ts';
import { unsubscribeToken } from '../feedback/suppression/unsubscribe-token.ts';
import type { Event } from '../message/event.ts';
import { newMessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import { openEmbeddedSpool } from '../spool/embedded/spool.ts';
import { problem } from './answer.ts';
import { createHttp } from './server.ts';
import { createKeyReader, unsubscribePlace } from './unsubscribe.ts';

const KEY = Buffer.alloc(32, 0xab);
const ANN = 'Ann<b>@dest.example';

/** The endpoint on a real store, over HTTP. */
async function opened() {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'relevo-unsubscribe-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const policy = policySchema.parse({ hostname: 'relay.example', http: { listen: '127.0.0.1:0' } });
  const spool = stack.use(await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock }));
  const suppressing = stack.use(await openSuppression({ policy: () => policy, spool, clock, emit }));
  const file = join(folder, 'return-path.keys');
  const store = { isAway: false };
  const place = unsubscribePlace({
    keys: createKeyReader({ path: () => file, clock }),
    unsubscribe: async (token) => {
      if (store.isAway) throw new Error('away');
      await suppressing.unsubscribe(token);
    },
    clock,
    emit,
  });
  const scrape = async () => ({ contentType: 'text/plain', text: '' });
  const app = async () => async () => problem(404, 'no');
  const places = new Map([['/unsubscribe/', place]]);
  const http = stack.use(createHttp({ policy: () => policy, clock, emit, notReady: () => [], scrape, app, places }));
  const binding = await http.listen();
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  const submission = aSubmission({ atMs: clock.nowMs(), client: 'shop', stream: 'news', to: [ANN] });
  await spool.accept(submission);
  const messageId = submission.message.id;
  const urlOf = (id = messageId): string => {
    const token = unsubscribeToken({ messageId: id, client: 'shop', stream: 'news', address: ANN }, [KEY]);
    return `http://127.0.0.1:${binding.port}/unsubscribe/${token}`;
  };
  const refused = async (stream: string, client = 'shop') =>
    (await suppressing.screening.suppressedOf({ addresses: [ANN], client, stream })).size === 1;
  await writeFile(file, `${KEY.toString('hex')}\n`);
  return { stack, clock, events, spool, store, messageId, urlOf, refused };
}

const CLICK = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };

test('one click unsubscribes from that stream of that client, once however often', async () => {
  const { stack, clock, events, spool, messageId, urlOf, refused } = await opened();
  await using _ = stack;
  const page = await fetch(urlOf());
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const text = await page.text();
  expect(text).toContain('<form method="post">');
  expect(text).not.toMatch(/<script|<b>|src=|href=/);
  expect(await refused('news')).toBe(false);

  for (let click = 0; click < 3; click++) {
    const answer = await fetch(urlOf(), CLICK);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('gets no more')]);
    clock.jumpMs(1_000);
  }
  expect([await refused('news'), await refused('orders'), await refused('news', 'crm')]).toEqual([true, false, false]);
  const unsubscribed = { event: 'unsubscribed', source: 'one-click', recipients: [ANN], deliveryId: `${messageId}.1` };
  expect(events).toMatchObject([unsubscribed]);
  const story = await spool.story(messageId);
  expect(story?.events.filter(({ event }) => event === 'unsubscribed')).toHaveLength(1);

  // As a form with parts, as some mail programs send it.
  const parts = new FormData();
  parts.set('List-Unsubscribe', 'One-Click');
  expect((await fetch(urlOf(), { method: 'POST', body: parts })).status).toBe(200);
});

test('a link works when the history of its message is over', async () => {
  const { stack, events, urlOf, refused } = await opened();
  await using _ = stack;
  const gone = newMessageId(1, Buffer.alloc(10, 9));
  expect((await fetch(urlOf(gone), CLICK)).status).toBe(200);
  expect([await refused('news'), await refused('orders')]).toEqual([true, false]);
  expect(events).toMatchObject([{ event: 'unsubscribed', messageId: gone }]);
});

test('a link that we did not sign is not found, too much is refused, and a store that is away asks for another try', async () => {
  const { stack, events, store, urlOf, refused } = await opened();
  await using _ = stack;
  const forged = urlOf().replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'));
  for (const init of [{}, CLICK]) expect((await fetch(forged, init)).status).toBe(404);
  expect((await fetch(urlOf(), { method: 'POST', body: 'x'.repeat(5_000) })).status).toBe(413);
  expect((await fetch(urlOf(), { method: 'DELETE' })).status).toBe(405);
  store.isAway = true;
  const later = await fetch(urlOf(), CLICK);
  expect([later.status, later.headers.get('retry-after')]).toEqual([503, '60']);
  expect(await refused('news')).toBe(false);
  expect(events).toMatchObject([{ event: 'failed', where: 'unsubscribe' }]);
});
