import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { Event } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import { EventTap } from '../../report/event-tap.ts';
import { EventReaders } from './event-readers.ts';

const messageId = newMessageId(0, Buffer.alloc(10, 1));
const reply = { code: 250, detail: null, text: 'ok' };

function delivered(egress: string, domain = 'dest.test', client = 'shop'): Event {
  const of = { atMs: 1, messageId, deliveryId: deliveryIdOf(messageId, 1), domain, recipients: [`ann@${domain}`] };
  const mail = { client, stream: 'news', tag: null, sizeBytes: 5 };
  return { event: 'delivered', ...of, egress, reply, mail };
}

const started: Event = { event: 'started', atMs: 2, text: 'it runs' };

function world() {
  const clock = new FakeClock();
  const tap = new EventTap();
  const readers = new EventReaders({ clock, follow: (run) => tap.follow(run), showsSubjects: () => false });
  const read = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
    const { done, value } = await reader.read();
    return done ? null : Buffer.from(value).toString();
  };
  return { clock, tap, readers, read };
}

test('events are read over HTTP as they happen, by filter, and subjects are not among them', async () => {
  await using relay = await openAccessRig();
  const { token } = await relay.issue('create', 'reader', '--scopes', 'read');
  const gone = new AbortController();
  const response = await fetch(`${relay.base}/api/v1/events?event=received,delivered&client=shop`, {
    headers: { authorization: `Bearer ${token}`, 'last-event-id': '17-4' },
    signal: gone.signal,
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error('no body');
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toContain('retry: 3000\n');
  relay.tap.heard(started);
  relay.tap.heard(delivered('ip-1', 'dest.test', 'other'));
  relay.tap.heard(delivered('ip-1'));
  const received = { event: 'received', atMs: 3, messageId, client: 'shop', subject: 'a secret' };
  relay.tap.heard(received as unknown as Event);
  await relay.rig.clock.advance(100);
  const lines = Buffer.from((await reader.read()).value ?? [])
    .toString()
    .split('\n');
  expect(lines.filter((line) => line.startsWith('event: '))).toEqual(['event: delivered', 'event: received']);
  const [first, second] = lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
  expect(first).toMatchObject({
    event: 'delivered',
    egress: 'ip-1',
    domain: 'dest.test',
    recipients: ['ann@dest.test'],
  });
  expect(second).toMatchObject({ event: 'received', subject: null });
  gone.abort();
  const wrong = await relay.get('/api/v1/events?event=nothing', token);
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { errors: [{ in: 'query', path: 'event.0' }] }]);
  const head = await relay.get('/api/v1/events', token, 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
});

const ANN = { kind: 'user', name: 'ann', peer: '192.0.2.1' } as const;

function opened(stream: ReturnType<EventReaders['open']>): ReadableStream<Uint8Array> {
  if (typeof stream === 'string') throw new Error(stream);
  return stream;
}

test('one reader leaves room for others, whatever tokens and addresses it has', async () => {
  const { readers } = world();
  const first = Array.from({ length: 8 }, () => opened(readers.open({}, ANN)));
  expect(readers.open({}, { ...ANN, peer: '192.0.2.99' })).toBe('share-taken');
  for (let at = 0; at < 8; at++) opened(readers.open({}, { ...ANN, name: `other-${at}` }));
  expect(readers.open({}, { ...ANN, name: 'another' })).toBe('share-taken');
  opened(readers.open({}, { kind: 'token', name: 'ann', peer: '198.51.100.1' }));
  await first[0]?.cancel();
  await first[0]?.cancel();
  opened(readers.open({}, ANN));
  expect(readers.open({}, ANN)).toBe('share-taken');
});

test('each reads what it asked for, by exit and domain', async () => {
  const { clock, tap, readers, read } = world();
  const byExit = opened(readers.open({ egress: 'ip-2' }, ANN)).getReader();
  const byDomain = opened(readers.open({ domain: 'one.test' }, ANN)).getReader();
  if (byExit === undefined || byDomain === undefined) throw new Error('none');
  await Promise.all([read(byExit), read(byDomain)]);
  for (const one of [delivered('ip-1', 'one.test'), delivered('ip-2', 'two.test'), started]) tap.heard(one);
  await clock.advance(100);
  expect((await read(byExit))?.match(/"domain":"\w+/g)).toEqual(['"domain":"two']);
  expect((await read(byDomain))?.match(/"domain":"\w+/g)).toEqual(['"domain":"one']);
});

test('who reads too slowly is told so and let go; the others go on', async () => {
  const { clock, tap, readers, read } = world();
  const slow = opened(readers.open({}, ANN)).getReader();
  const quick = opened(readers.open({ events: new Set(['started']) }, ANN)).getReader();
  if (slow === undefined || quick === undefined) throw new Error('none');
  await read(quick);
  for (let at = 0; at < 200; at++) {
    for (let more = 0; more < 10; more++) tap.heard(delivered('x'.repeat(200)));
    await clock.advance(100);
  }
  tap.heard(started);
  await clock.advance(100);
  expect([await read(quick), await read(quick)].join('')).toContain('it runs');
  let [bytes, last, text] = [0, '', await read(slow)];
  for (; text !== null; text = await read(slow)) [bytes, last] = [bytes + text.length, text];
  expect(bytes).toBeLessThan(600 * 1024);
  expect(last).toMatch(/^event: dropped\ndata: \{"reason":"more happened/);
});

test('so many may read and no more; nothing is followed once they are gone, and none reads for ever', async () => {
  const { clock, tap, readers, read } = world();
  const all = Array.from({ length: 32 }, (_, at) =>
    opened(readers.open({}, { ...ANN, name: `u${at % 4}`, peer: '127.0.0.1' })),
  );
  expect(readers.open({}, ANN)).toBe('crowded');
  await all[0]?.cancel();
  const other = opened(readers.open({}, ANN)).getReader();
  if (other === undefined) throw new Error('none');
  expect(await read(other)).toContain('relevo');
  await clock.advance(15_100);
  expect(await read(other)).toBe(': beat\n\n');
  for (const stream of all.slice(1)) await stream?.cancel();
  await clock.advance(15 * 60_000);
  let text = await read(other);
  while (text !== null) text = await read(other);
  let heard = 0;
  const stop = tap.follow(() => (heard += 1));
  tap.heard(started);
  stop();
  expect(heard).toBe(1);
  opened(readers.open({}, ANN));
});
