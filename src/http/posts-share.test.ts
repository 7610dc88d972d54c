import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { policySchema } from '../policy/schema.ts';
import { plain, problem } from './answer.ts';
import { createHttp } from './server.ts';
import { shareKey } from './shares.ts';

const SLOW = 'Content-Length: 100\r\n\r\nx';
const MB = 1024 * 1024;

/** A relay behind a proxy that says who comes, with `/hooks/` for strangers and a page to sign in at. */
async function start(trustedProxies: readonly string[] = ['127.0.0.1']) {
  const http = createHttp({
    policy: () => policySchema.parse({ hostname: 'relay.test', http: { listen: '127.0.0.1:0', trustedProxies } }),
    clock: new FakeClock(),
    emit: () => {},
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: '' }),
    app:
      async () =>
      async ({ path, withBody }) => {
        const isOpen = path === '/api/v1/sign-in';
        if (!isOpen && path !== '/api/v1/messages') return problem(404, 'no');
        return withBody({ isOpen, mostBytes: MB, use: async () => plain(200, 'in\n') });
      },
    places: new Map([['/hooks/', { mostBytes: MB, post: async () => plain(200, 'taken\n') }]]),
  });
  const binding = await http.listen();
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  const { port } = binding;
  const post = async (path: string, from: string, body = 'x'): Promise<number> => {
    const headers = { 'x-forwarded-for': from, connection: 'close' };
    return (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers })).status;
  };
  const sockets: Socket[] = [];
  /** Posts that do not go on. */
  const begin = (path: string, from: string, rest = SLOW): void => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${from}\r\n${rest}`);
    sockets.push(socket);
  };
  const end = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await http[Symbol.asyncDispose]();
  };
  return { post, begin, [Symbol.asyncDispose]: end };
}

test('a stranger whose posts do not go on holds up neither who signs in nor what providers post', async () => {
  await using relay = await start();
  for (let more = 0; more < 24; more++) relay.begin(more % 2 === 0 ? '/hooks/x' : '/api/v1/sign-in', '192.0.2.66');
  await expect.poll(() => relay.post('/hooks/x', '192.0.2.66'), { timeout: 5_000 }).toBe(503);
  expect(await relay.post('/hooks/x', '192.0.2.7')).toBe(200);
  expect(await relay.post('/api/v1/sign-in', '192.0.2.7')).toBe(200);
});

test('all addresses of a /64 are one stranger', async () => {
  await using relay = await start();
  for (let more = 0; more < 24; more++) relay.begin('/hooks/x', `2001:db8:0:1::${more}`);
  await expect.poll(() => relay.post('/hooks/x', '2001:db8:0:1:ffff::1'), { timeout: 5_000 }).toBe(503);
  expect(await relay.post('/hooks/x', '2001:db8:0:2::1')).toBe(200);
});

test('what a stranger sends in large pieces leaves room for others', async () => {
  await using relay = await start();
  const rest = `Transfer-Encoding: chunked\r\n\r\n100000\r\n${'x'.repeat(MB - 10)}`;
  for (let more = 0; more < 16; more++) relay.begin('/hooks/x', '192.0.2.66', rest);
  await expect.poll(() => relay.post('/hooks/x', '192.0.2.66', 'x'.repeat(MB / 2)), { timeout: 5_000 }).toBe(503);
  expect(await relay.post('/hooks/x', '192.0.2.7', 'x'.repeat(MB))).toBe(200);
});

test('one who is known and slow leaves room for others who are', async () => {
  await using relay = await start();
  for (let more = 0; more < 60; more++) relay.begin('/api/v1/messages', '192.0.2.66');
  await expect.poll(() => relay.post('/api/v1/messages', '192.0.2.66'), { timeout: 5_000 }).toBe(503);
  expect(await relay.post('/api/v1/messages', '192.0.2.7')).toBe(200);
});

test('a share is free again once what had it is over', async () => {
  await using relay = await start();
  for (let more = 0; more < 40; more++) expect(await relay.post('/hooks/x', '192.0.2.7')).toBe(200);
});

test('nobody is taken for somebody else by what anyone can write', async () => {
  await using relay = await start([]);
  for (let more = 0; more < 20; more++) relay.begin('/hooks/x', '192.0.2.66');
  // Of this machine, whatever is said: who else comes by the same tunnel is not barred with him.
  expect(await relay.post('/hooks/x', '192.0.2.66')).toBe(200);
});

test('an address has the key of its network, and this machine none', () => {
  expect(shareKey('192.0.2.1')).not.toBe(shareKey('192.0.2.2'));
  expect(shareKey('::ffff:192.0.2.1')).toBe(shareKey('192.0.2.1'));
  expect(shareKey('2001:db8::1%eth0')).toBe(shareKey('2001:db8:0:0:1::'));
  for (const none of ['127.0.0.1', '127.9.9.9', '::1', '', 'unix']) expect(shareKey(none)).toBeNull();
});
