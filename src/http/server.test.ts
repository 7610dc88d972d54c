import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import { deliveryIdOf, newMessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import type { MetricsSample } from '../report/metrics-sample.ts';
import { createMetrics } from '../report/metrics.ts';
import { problem } from './answer.ts';
import type { AppAsk } from './app.ts';
import { createHttp, type HttpNeeds } from './server.ts';

const listen = (address: string, more: object = {}) =>
  policySchema.parse({ hostname: 'relay.example.com', http: { listen: address, ...more } });

async function start(needs: Partial<HttpNeeds> = {}) {
  const http = createHttp({
    policy: () => listen('127.0.0.1:0'),
    clock: new FakeClock(),
    emit: () => {},
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: 'x 1\n' }),
    app: async () => async () => problem(404, 'no'),
    ...needs,
  });
  const binding = await http.listen();
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  return { http, base: `http://127.0.0.1:${binding.port}`, port: binding.port };
}

test('it is alive and ready', async () => {
  const { http, base } = await start();
  await using _ = http;
  const alive = await fetch(`${base}/livez`);
  expect([alive.status, await alive.text()]).toEqual([200, 'ok\n']);
  expect(alive.headers.get('x-content-type-options')).toBe('nosniff');
  expect(alive.headers.get('x-powered-by')).toBeNull();
  const ready = await fetch(`${base}/readyz?verbose`);
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
});

test('what stands in the way of mail is told with 503', async () => {
  const { http, base } = await start({ notReady: () => ['no space left in /var/spool', 'port 25 is not bound'] });
  await using _ = http;
  const ready = await fetch(`${base}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({
    ready: false,
    reasons: ['no space left in /var/spool', 'port 25 is not bound'],
  });
  expect((await fetch(`${base}/livez`)).status).toBe(200);
});

test('what is not served is 404, and nothing is changed by other methods', async () => {
  const { http, base } = await start();
  await using _ = http;
  for (const path of ['/', '/api', '/livez/', '/../etc/passwd', '/%2e%2e/x', '/%61pi/v1/stats'])
    expect((await fetch(base + path)).status).toBe(404);
  const posted = await fetch(`${base}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${base}/livez`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', '']);
});

test('a header block beyond the limit is refused, and the relay serves on', async () => {
  const { http, base, port } = await start();
  await using _ = http;
  const status = await new Promise((done, fail) => {
    const request = httpRequest({ port, path: '/livez', headers: { 'x-long': 'x'.repeat(9_000) } }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    request.on('error', fail);
    request.end();
  });
  expect(status).toBe(431);
  const socket = connect(port, '127.0.0.1');
  socket.end('\u0000\u0001 garbage\r\n\r\n');
  await new Promise((done) => socket.on('close', done).resume());
  expect((await fetch(`${base}/livez`)).status).toBe(200);
});

test('figures that cannot be had are a 503 and an event, not the end', async () => {
  const events: Event[] = [];
  const { http, base } = await start({
    emit: (event) => events.push(event),
    scrape: () => Promise.reject(new Error('store is away')),
  });
  await using _ = http;
  expect((await fetch(`${base}/metrics`)).status).toBe(503);
  expect(events).toMatchObject([{ event: 'failed', where: 'http', cause: 'Error: store is away' }]);
});

test('an address that is taken is said, and the earlier one keeps serving', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => other.once('listening', done));
  const taken = (other.address() as AddressInfo).port;
  let policy = listen('127.0.0.1:0');
  const { http, base } = await start({ policy: () => policy });
  await using _ = http;
  policy = listen(`127.0.0.1:${taken}`);
  expect(await http.listen()).toEqual({ kind: 'failed', cause: `http.listen 127.0.0.1:${taken}: EADDRINUSE` });
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  await new Promise((done) => other.close(done));
  expect(await http.listen()).toEqual({ kind: 'listening', address: '127.0.0.1', port: taken });
  await expect(fetch(`${base}/livez`)).rejects.toThrow('fetch failed');
  expect((await fetch(`http://127.0.0.1:${taken}/livez`)).status).toBe(200);
});

test('listening again on the same address changes nothing', async () => {
  const { http, port } = await start();
  await using _ = http;
  expect(await http.listen()).toMatchObject({ kind: 'listening', port });
});

test('the figures of the events and of the store are scraped', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 2));
  let sample: MetricsSample = {
    overview: {
      messages: 3,
      deliveries: 4,
      byState: { queued: 2, held: 1, quarantined: 1 },
      byPriority: { high: 1, normal: 3, low: 0 },
      leased: 1,
      oldestCreatedAtMs: clock.nowMs() - 90_000,
      contentBytes: 12_345,
    },
    workers: 1,
    nodes: [{ isUp: true }],
    sites: [{ provider: 'google', inFlight: 4, slowed: 1, blocked: 2 }],
    connectionsIn: 7,
    connectionsOut: 2,
    limits: [
      {
        egress: 'ip-1',
        day: { limit: 500, used: 120 },
        hour: { limit: 60, used: 7 },
        rate: { used: 12, left: 48 },
        connections: { limit: 20, used: 3 },
        warmup: { kind: 'warming', day: 6 },
      },
      { egress: 'ip-2', day: null, hour: null, warmup: null },
    ],
    exits: [{ egress: 'ip-1', score: 71.5, successRate: 0.875, closed: { paused: true, listed: false } }],
    alerts: 1,
    ready: false,
    logLostLines: 0,
  };
  const metrics = createMetrics({ clock, version: '0.1.0', nodeVersion: '26.10.0', sample: async () => sample });
  const messageId = newMessageId(clock.nowMs() - 2_000, Buffer.alloc(10, 1));
  const of = { atMs: clock.nowMs(), messageId, deliveryId: deliveryIdOf(messageId, 1), domain: 'example.net' };
  const reply = { code: 250, detail: null, text: 'ok' };
  metrics.sink({ event: 'delivered', ...of, recipients: ['a@example.net', 'b@example.net'], egress: 'ip-1', reply });
  metrics.sink({ event: 'in-doubt', ...of, recipients: ['c@example.net'], reason: 'reply lost' });
  metrics.sink({
    event: 'refused',
    atMs: 0,
    peer: '192.0.2.1',
    client: null,
    command: 'FORGED{x="1"} y',
    reply: { code: 502, detail: '5.1', text: 'unknown' },
  });
  metrics.sink({ event: 'recommended', atMs: 0, kind: 'capacity', text: '', figures: {}, raised: true });
  metrics.sink({ event: 'policy-applied', atMs: 5_000, version: 'abc', warnings: [] });
  metrics.sink({ event: 'policy-applied', atMs: 6_000, version: 'def', warnings: [] });

  const { http, base } = await start({ scrape: () => metrics.scrape() });
  await using _ = http;
  const response = await fetch(`${base}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const figures = await response.text();
  for (const line of [
    'relevo_delivered_total{egress="ip-1"} 2',
    'relevo_queue_seconds_sum 4',
    'relevo_possible_duplicates_total 1',
    'relevo_refused_total{command="other",code="502"} 1',
    'relevo_queue_deliveries{state="held"} 1',
    'relevo_queue_priority_deliveries{priority="normal"} 3',
    'relevo_queue_oldest_seconds 90',
    'relevo_spool_bytes 12345',
    'relevo_connections{direction="in"} 7',
    'relevo_ready 0',
    'relevo_egress_daily_limit{egress="ip-1"} 500',
    'relevo_egress_daily_used{egress="ip-1"} 120',
    'relevo_egress_hourly_limit{egress="ip-1"} 60',
    'relevo_egress_hourly_used{egress="ip-1"} 7',
    'relevo_egress_rate_used{egress="ip-1"} 12',
    'relevo_egress_rate_left{egress="ip-1"} 48',
    'relevo_egress_connections_limit{egress="ip-1"} 20',
    'relevo_egress_connections_used{egress="ip-1"} 3',
    'relevo_egress_warmup_day{egress="ip-1"} 6',
    'relevo_egress_reputation{egress="ip-1"} 71.5',
    'relevo_egress_success_ratio{egress="ip-1"} 0.875',
    'relevo_egress_closed{egress="ip-1",gate="paused"} 1',
    'relevo_egress_closed{egress="ip-1",gate="listed"} 0',
    'relevo_site_attempts{provider="google"} 4',
    'relevo_site_exits{provider="google",held="slowed"} 1',
    'relevo_site_exits{provider="google",held="blocked"} 2',
    'relevo_recommended{kind="capacity"} 1',
    'relevo_policy_info{version="def"} 1',
    'relevo_policy_applied_timestamp_seconds 6',
    'relevo_build_info{version="0.1.0",node="26.10.0"} 1',
  ])
    expect(figures.split('\n')).toContain(line);
  expect(figures).not.toContain('version="abc"');
  expect(figures).not.toContain('example.net');
  expect(figures).toContain('nodejs_eventloop_lag_p99_seconds');

  sample = { ...sample, overview: null };
  const without = await (await fetch(`${base}/metrics`)).text();
  expect(without).not.toMatch(/^relevo_(queue_(messages|deliveries|leased|oldest)|spool)/m);
});

test('a second listen meanwhile waits for the first, and comes to the same binding', async () => {
  const http = createHttp({
    policy: () => listen('127.0.0.1:0'),
    clock: new FakeClock(),
    emit: () => {},
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: '' }),
    app: async () => async () => problem(404, 'no'),
  });
  await using _ = http;
  const [first, second] = await Promise.all([http.listen(), http.listen()]);
  expect(first.kind).toBe('listening');
  expect(second).toEqual(first);
});

test('what is closed while it starts to listen listens no more', async () => {
  const http = createHttp({
    policy: () => listen('127.0.0.1:0'),
    clock: new FakeClock(),
    emit: () => {},
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: '' }),
    app: async () => async () => problem(404, 'no'),
  });
  const listening = http.listen();
  await http[Symbol.asyncDispose]();
  const binding = await listening;
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  await expect(fetch(`http://127.0.0.1:${binding.port}/livez`)).rejects.toThrow('fetch failed');
});

test('what is not served here is for the application, with the address and the fields that it came with', async () => {
  const asks: AppAsk[] = [];
  const app = async () => async (ask: AppAsk) => {
    asks.push(ask);
    return problem(418, 'short and stout', { 'retry-after': '7' });
  };
  const { http, base } = await start({ app });
  await using _ = http;
  const headers = { authorization: 'Bearer x' };
  const response = await fetch(`${base}/api/v1/none?token=y`, { method: 'DELETE', headers });
  expect([response.status, response.headers.get('retry-after')]).toEqual([418, '7']);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const body = { type: 'about:blank', title: "I'm a Teapot", status: 418, detail: 'short and stout' };
  expect(await response.json()).toEqual(body);
  await fetch(`${base}/api/`);
  expect(asks).toMatchObject([
    {
      method: 'DELETE',
      path: '/api/v1/none',
      query: 'token=y',
      headers: { authorization: 'Bearer x' },
      peer: '127.0.0.1',
    },
    { method: 'GET', path: '/api/', query: '', peer: '127.0.0.1' },
  ]);
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

test.skipIf(!hasIPv6)('a client by IPv4 is known by that address, whichever socket it came to', async () => {
  const peers: string[] = [];
  const app =
    async () =>
    async ({ peer }: AppAsk) => {
      peers.push(peer);
      return problem(401, 'no');
    };
  const { http, port } = await start({ policy: () => listen('[::]:0', { trustedProxies: ['192.0.2.1'] }), app });
  await using _ = http;
  await fetch(`http://127.0.0.1:${port}/api/v1/stats`);
  await fetch(`http://[::1]:${port}/api/v1/stats`);
  expect(peers).toEqual(['127.0.0.1', '::1']);
});
