import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createTestAuthority } from '../../../tests/fakes/certificates.ts';
import { startCloudServer } from '../../../tests/fakes/cloud-server.ts';
import { NEVER } from '../../../tests/fakes/exits.ts';
import { systemClock, systemDial, systemDns } from '../../system.ts';
import { BODY_MOST, HttpClient } from './http.ts';

function client(): HttpClient {
  const ports = { clock: systemClock, dns: systemDns(() => null), dial: systemDial };
  return new HttpClient({ ...ports, timeoutMs: 10_000, connections: 2 });
}

test('a certificate that is not to be trusted sees neither key nor message', async () => {
  await using authority = await createTestAuthority();
  const { key, cert } = await authority.selfSigned('127.0.0.1');
  const requests: string[] = [];
  const server = createServer({ key, cert }, (request) => requests.push(request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using http = client();
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/send`);
  const result = await http.ask(
    { method: 'POST', url, headers: { Authorization: 'key' }, body: Buffer.from('x') },
    { signal: NEVER },
  );
  expect(result).toMatchObject({
    kind: 'failed',
    sent: 'nothing',
    text: expect.stringContaining('TLS with 127.0.0.1 failed'),
  });
  expect(requests).toEqual([]);
  server.close();
});

test('a connection is kept, and one that was closed meanwhile is not written to', async () => {
  await using server = await startCloudServer(() => ({ kind: 'answer', status: 200, body: 'ok' }));
  await using http = client();
  const stages: string[] = [];
  const ask = (): ReturnType<HttpClient['ask']> =>
    http.ask(
      { method: 'POST', url: new URL(`${server.url}/send`), headers: {}, body: Buffer.from('x') },
      { signal: NEVER, onStage: (stage) => stages.push(stage) },
    );
  expect(await ask()).toMatchObject({ kind: 'answered', status: 200 });
  expect(await ask()).toMatchObject({ kind: 'answered', status: 200 });
  expect(server.connections).toBe(1);
  server.closeIdle();
  expect(await ask()).toMatchObject({ kind: 'answered', status: 200 });
  expect([server.connections, server.requests.length]).toEqual([2, 3]);
  expect(stages.filter((stage) => stage === 'content')).toHaveLength(3);
});

test('an answer is read so far and no further', async () => {
  await using server = await startCloudServer(() => ({
    kind: 'answer',
    status: 200,
    body: Buffer.alloc(2 * BODY_MOST),
  }));
  await using http = client();
  const result = await http.ask(
    { method: 'GET', url: new URL(server.url), headers: {}, body: null },
    { signal: NEVER },
  );
  expect(result.kind === 'answered' ? [result.isWhole, result.body.length] : result).toEqual([false, BODY_MOST]);
});
