import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { policySchema } from '../policy/schema.ts';
import { plain, problem } from './answer.ts';
import type { Place, PlaceAsk } from './posts.ts';
import { createHttp } from './server.ts';

const POLICY = policySchema.parse({ hostname: 'relay.test', http: { listen: '127.0.0.1:0' } });
const MOST = 100_000;

async function start(place: Partial<Place> = {}) {
  const taken: { ask: PlaceAsk; body: Buffer }[] = [];
  const clock = new FakeClock();
  const post: Place['post'] = async (ask, body) => {
    taken.push({ ask, body });
    return plain(200, 'taken\n');
  };
  const http = createHttp({
    policy: () => POLICY,
    clock,
    emit: () => {},
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: '' }),
    app: async () => async () => problem(404, 'no'),
    places: new Map([['/hooks/', { mostBytes: MOST, post, ...place }]]),
  });
  const binding = await http.listen();
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  const base = `http://127.0.0.1:${binding.port}`;
  return { taken, clock, http, port: binding.port, base };
}

/** What a connection was answered until it was closed. */
async function answers(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => {});
  await new Promise((done) => socket.once('close', done));
  return text;
}

test('a body arrives as it was sent, with what it was sent to', async () => {
  const { taken, http, base } = await start();
  await using _ = http;
  const body = Buffer.from([0, 255, 13, 10, 0xc3, 0x28]);
  const answer = await fetch(`${base}/hooks/grid/x?a=1`, { method: 'POST', body, headers: { 'x-signature': 's' } });
  expect([answer.status, await answer.text()]).toEqual([200, 'taken\n']);
  expect(taken[0]?.body.equals(body)).toBe(true);
  expect(taken[0]?.ask).toMatchObject({
    rest: 'grid/x',
    query: 'a=1',
    peer: '127.0.0.1',
    headers: { 'x-signature': 's' },
  });
});

test('nothing but POST is served, unless the place has an answer', async () => {
  const { taken, http, base } = await start();
  await using _ = http;
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
    const answer = await fetch(`${base}/hooks/grid`, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  }
  expect(taken).toEqual([]);
  const page = await start({ get: async () => plain(200, 'a page\n') });
  await using __ = page.http;
  expect(await (await fetch(`${page.base}/hooks/x`)).text()).toBe('a page\n');
  expect((await fetch(`${page.base}/hooks/x`, { method: 'PUT' })).status).toBe(405);
});

test('a place that refuses does so before a body is read', async () => {
  const { taken, http, port } = await start({ refusal: () => plain(404, 'not found\n') });
  await using _ = http;
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /hooks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\nExpect: 100-continue\r\n\r\n');
  const first = await new Promise((done) => socket.once('data', (chunk: Buffer) => done(chunk.toString())));
  socket.destroy();
  expect(first).toMatch(/^HTTP\/1\.1 404 .*connection: close/is);
  expect(taken).toEqual([]);
});

test('whoever asks before it sends is told to go on', async () => {
  const { taken, http, port } = await start();
  await using _ = http;
  const request = httpRequest({
    port,
    path: '/hooks/x',
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 5 },
  });
  request.once('continue', () => request.end('hello'));
  const status = await new Promise((done) =>
    request.once('response', (response) => done(response.resume().statusCode)),
  );
  expect([status, String(taken[0]?.body)]).toEqual([200, 'hello']);
});

test('a body that says that it is too long is refused at once, and the connection closed', async () => {
  const { taken, clock, http, port } = await start();
  await using _ = http;
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST /hooks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 31457280\r\n\r\n${'x'.repeat(1_000)}`);
  const all = answers(socket);
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
  await clock.advance(1_000);
  expect(await all).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*too large\n$/i);
  expect(taken).toEqual([]);
});

test('one that does not say how long it is is refused once it is too long, however much follows', async () => {
  const { taken, clock, http, port } = await start();
  await using _ = http;
  const socket = connect(port, '127.0.0.1');
  const all = answers(socket);
  socket.write('POST /hooks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  for (let n = 0; n < 100; n++) socket.write(chunk);
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
  await clock.advance(1_000);
  expect(await all).toMatch(/^HTTP\/1\.1 413 /);
  expect(taken).toEqual([]);
});

test('a hundred bodies of 30 MB cost no more memory than the budget, and others are served meanwhile', async () => {
  const { taken, clock, http, base, port } = await start({ mostBytes: 1024 * 1024 });
  await using _ = http;
  const before = process.memoryUsage().rss;
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
  const sockets = Array.from({ length: 100 }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /hooks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    // As much as it takes: a sender that is not read waits.
    const send = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', send);
    send();
    return socket;
  });
  const status = (socket: Socket): Promise<string> =>
    new Promise((done) => socket.once('data', (data: Buffer) => done(data.toString('latin1', 9, 12))));
  const told = await Promise.all(sockets.map(status));
  expect(told.every((code) => code === '413' || code === '503')).toBe(true);
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  for (const socket of sockets) socket.destroy();
  await clock.advance(1_000);
  expect(taken).toEqual([]);
  expect((await fetch(`${base}/hooks/x`, { method: 'POST', body: 'ok' })).status).toBe(200);
});

test('one that drips is not waited for', async () => {
  const { taken, clock, http, port } = await start();
  await using _ = http;
  const socket = connect(port, '127.0.0.1');
  const all = answers(socket);
  socket.write('POST /hooks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx');
  await expect.poll(() => socket.bytesWritten).toBeGreaterThan(0);
  // Until the server has begun to read it.
  await new Promise((done) => setImmediate(() => setImmediate(done)));
  for (let second = 0; second < 15; second++) {
    socket.write('x');
    await clock.advance(1_000);
  }
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
  await clock.advance(1_000);
  expect(await all).toMatch(/^HTTP\/1\.1 408 /);
  expect(taken).toEqual([]);
});

test('a body that breaks off is nobody’s', async () => {
  const { taken, http, base, port } = await start();
  await using _ = http;
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /hooks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx');
  await expect.poll(() => socket.bytesWritten).toBeGreaterThan(0);
  socket.destroy();
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  expect(taken).toEqual([]);
});

test('a packed body is refused: nothing is unpacked', async () => {
  const { taken, http, base } = await start();
  await using _ = http;
  for (const coding of ['gzip', 'br', 'identity, gzip']) {
    const headers = { 'content-encoding': coding };
    expect((await fetch(`${base}/hooks/x`, { method: 'POST', body: 'x', headers })).status).toBe(415);
  }
  expect(taken).toEqual([]);
});

test('bodies count until what they are for is done', async () => {
  let go = (): void => {};
  const gate = new Promise<void>((done) => (go = done));
  const { http, base } = await start({
    mostBytes: 1024 * 1024,
    post: async (_ask, body) => {
      if (body.length > 64) await gate;
      return plain(200, 'ok\n');
    },
  });
  await using _ = http;
  const body = Buffer.alloc(1024 * 1024 - 1);
  const first = Array.from({ length: 16 }, () => fetch(`${base}/hooks/x`, { method: 'POST', body }));
  // One of them may be told to come again itself where the last bytes of all come at once.
  await expect
    .poll(async () => (await fetch(`${base}/hooks/x`, { method: 'POST', body: Buffer.alloc(64) })).status, {
      timeout: 5_000,
    })
    .toBe(503);
  go();
  const statuses = (await Promise.all(first)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(15);
  expect((await fetch(`${base}/hooks/x`, { method: 'POST', body: 'x' })).status).toBe(200);
});

/** A reset is an end like any other. */
function first(socket: Socket, ...events: readonly ('connect' | 'data' | 'close')[]): Promise<void> {
  return new Promise((done) => {
    for (const event of events) socket.once(event, () => done());
  });
}

/** Connections with so much written on each, held open. */
async function crowd(
  port: number,
  { count, text }: { readonly count: number; readonly text: string },
): Promise<AsyncDisposable> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}));
  for (const socket of sockets) if (text !== '') socket.write(text);
  const there = async (socket: Socket): Promise<void> => {
    if (socket.connecting) await first(socket, 'connect', 'close');
  };
  await Promise.all(sockets.map(there));
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

test('however many are slow to post, and slow to hang up, whoever asks whether it is ready hears it', async () => {
  const { taken, http, port, base } = await start();
  await using _ = http;
  const post = 'POST /hooks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx';
  await using _slow = await crowd(port, { count: 64, text: post });
  await using refused = new AsyncDisposableStack();
  // One after the other: each is refused before the next comes, and does not hang up.
  for (let more = 0; more < 300; more++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    refused.defer(() => void socket.destroy());
    socket.write(post);
    await first(socket, 'data', 'close');
  }
  for (let times = 0; times < 3; times++)
    expect((await fetch(`${base}/readyz`, { headers: { connection: 'close' } })).status).toBe(200);
  const late = connect(port, '127.0.0.1');
  late.write(post);
  // At once: the clock stands still.
  expect(await answers(late)).toMatch(/^HTTP\/1\.1 503 [^]*connection: close/i);
  expect(taken).toEqual([]);
});

test.each([
  ['say nothing', ''],
  ['are slow with their head', 'POST /hooks/x HTTP/1.1\r\nHost: '],
])('however many %s, whoever asks whether it is ready hears it', async (_, text) => {
  const { http, port, base } = await start();
  await using __ = http;
  await using ___ = await crowd(port, { count: 400, text });
  for (let times = 0; times < 3; times++)
    expect((await fetch(`${base}/readyz`, { headers: { connection: 'close' } })).status).toBe(200);
});
