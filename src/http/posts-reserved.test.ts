import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { type Answer, plain } from './answer.ts';
import { Bodies } from './posts.ts';

test('who says how long a body is has room for all of it from its beginning, or hears at once that there is none', async () => {
  const begun = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const bodies = new Bodies(new FakeClock(), { bytes: 1_000_000, ms: 60_000, isReserved: true });
  const server = createServer((request, response) => {
    const use = async (body: Buffer): Promise<Answer> => {
      if (request.url === '/first') await over.promise;
      return plain(200, `${body.length}\n`);
    };
    if (request.url === '/first') begun.resolve();
    void bodies.read(request, response, { peer: '127.0.0.1', mostBytes: 900_000, use }).then((answer) => {
      response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.text);
      request.resume();
    });
  });
  await using _ = { [Symbol.asyncDispose]: async () => void server.close() };
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const post = async (path: string, bytes: number) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: new Uint8Array(bytes) });
    return [answer.status, answer.headers.get('retry-after'), await answer.text()];
  };
  const first = post('/first', 600_000);
  await begun.promise;
  expect((await post('/second', 600_000)).slice(0, 2)).toEqual([503, '5']);
  expect((await post('/small', 60_000))[0]).toBe(200);
  over.resolve();
  expect(await first).toEqual([200, null, '600000\n']);
  expect((await post('/second', 600_000))[0]).toBe(200);
  expect((await post('/long', 900_001))[0]).toBe(413);
});
