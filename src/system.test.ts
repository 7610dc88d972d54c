import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { startDnsServer } from '../tests/fakes/dns-server.ts';
import { DnsZone, domainOfManyHosts } from '../tests/fakes/dns.ts';
import { systemClock, systemDial, systemDns, systemFetch, systemRandom } from './system.ts';

const zone = {
  'example.com': {
    mx: [
      [10, 'mx1.example.com'],
      [20, 'mx2.example.com'],
    ],
    txt: ['v=spf1 -all', 'x'.repeat(600)],
  },
  'mx1.example.com': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1', '::ffff:192.0.2.1'] },
  'null.example.com': { mx: [[0, '']] },
  'broken.example.com': { fault: 'servfail' },
  'refused.example.com': { fault: 'refused' },
  'cut.example.com': { mx: [[5, 'mx1.example.com']], truncated: true },
  'flap.example.com': { a: ['192.0.2.9'], fault: { a: 'servfail' } },
} as const;

describe('names are resolved by the servers of the policy', () => {
  test('records of every type are found', async () => {
    await using server = await startDnsServer(new DnsZone(zone));
    const dns = systemDns(() => [server.address]);
    const mx = await dns.mx('example.com');
    expect(mx.kind === 'found' && mx.records.toSorted((a, b) => a.preference - b.preference)).toEqual([
      { preference: 10, exchange: 'mx1.example.com' },
      { preference: 20, exchange: 'mx2.example.com' },
    ]);
    expect(await dns.a('mx1.example.com')).toEqual({ kind: 'found', records: ['192.0.2.1', '192.0.2.2'] });
    expect(await dns.aaaa('mx1.example.com')).toEqual({ kind: 'found', records: ['2001:db8::1', '::ffff:192.0.2.1'] });
    expect(await dns.txt('example.com')).toEqual({ kind: 'found', records: ['v=spf1 -all', 'x'.repeat(600)] });
  });

  test('servers that are refused leave nothing behind: the next policy is asked as it says', async () => {
    await using server = await startDnsServer(new DnsZone(zone));
    let servers = [server.address];
    const dns = systemDns(() => servers);
    expect((await dns.a('mx1.example.com')).kind).toBe('found');
    servers = ['127.0.0.1:99999'];
    expect((await dns.a('mx1.example.com')).kind).toBe('failed');
    servers = [server.address];
    expect(await dns.a('mx1.example.com')).toEqual({ kind: 'found', records: ['192.0.2.1', '192.0.2.2'] });
  });

  test('no such name, no such record and a failure are three different answers', async () => {
    await using server = await startDnsServer(new DnsZone(zone));
    const dns = systemDns(() => [server.address]);
    expect(await dns.mx('nowhere.example.com')).toEqual({ kind: 'missing' });
    expect(await dns.mx('mx1.example.com')).toEqual({ kind: 'none' });
    expect(await dns.mx('broken.example.com')).toEqual({ kind: 'failed', cause: 'ESERVFAIL' });
    expect(await dns.a('refused.example.com')).toEqual({ kind: 'failed', cause: 'EREFUSED' });
  });

  test('a null MX is an exchange without a name', async () => {
    await using server = await startDnsServer(new DnsZone(zone));
    const dns = systemDns(() => [server.address]);
    expect(await dns.mx('null.example.com')).toEqual({ kind: 'found', records: [{ preference: 0, exchange: '' }] });
  });

  test('what does not fit into a datagram comes over TCP', async () => {
    await using server = await startDnsServer(
      new DnsZone({ ...zone, ...domainOfManyHosts('big.test', 60, '192.0.2.1') }),
    );
    const dns = systemDns(() => [server.address]);
    expect(await dns.mx('cut.example.com')).toEqual({
      kind: 'found',
      records: [{ preference: 5, exchange: 'mx1.example.com' }],
    });
    const answer = await dns.mx('big.test');
    expect(answer.kind === 'found' && answer.records.length).toBe(60);
  });

  test('a resolver that nobody runs is a failure, not a missing name', async () => {
    let port: number;
    {
      await using server = await startDnsServer(new DnsZone());
      port = server.port;
    }
    const answer = await systemDns(() => [`127.0.0.1:${port}`]).a('example.com');
    expect(answer.kind).toBe('failed');
  });

  test('silence is a failure once patience is over', async () => {
    await using server = await startDnsServer(new DnsZone({ 'silent.test': { fault: 'timeout' } }));
    const dns = systemDns(() => [server.address], { timeoutMs: 50, tries: 2 });
    expect(await dns.mx('silent.test')).toEqual({ kind: 'failed', cause: 'ETIMEOUT' });
    expect(server.zone.queries).toEqual(['mx silent.test', 'mx silent.test']);
  });

  test('other servers in the policy are asked from then on', async () => {
    await using first = await startDnsServer(new DnsZone({ 'a.test': { a: ['192.0.2.1'] } }));
    await using second = await startDnsServer(new DnsZone({ 'a.test': { a: ['192.0.2.2'] } }));
    let servers = [first.address];
    const dns = systemDns(() => servers);
    expect(await dns.a('a.test')).toEqual({ kind: 'found', records: ['192.0.2.1'] });
    servers = [second.address];
    expect(await dns.a('a.test')).toEqual({ kind: 'found', records: ['192.0.2.2'] });
  });

  test('the hosts file counts only with the system’s resolvers', async () => {
    await using server = await startDnsServer(new DnsZone());
    expect(await systemDns(() => [server.address]).a('localhost')).toEqual({ kind: 'missing' });
    expect(await systemDns(() => null).a('localhost')).toEqual({ kind: 'found', records: ['127.0.0.1'] });
  });
});

describe('connections', () => {
  test('one is opened from the wanted local address', async () => {
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const target = { address: '127.0.0.1', port, bind: '127.0.0.3', timeoutMs: 5_000 };
    const socket = await systemDial(target, new AbortController().signal);
    expect(socket.localAddress).toBe('127.0.0.3');
    socket.destroy();
    server.close();
    await once(server, 'close');
    await expect(systemDial(target, new AbortController().signal)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('giving up before it is open leaves nothing behind', async () => {
    const stop = new AbortController();
    const opening = systemDial({ address: '192.0.2.1', port: 25, bind: null, timeoutMs: 60_000 }, stop.signal);
    stop.abort(new Error('shutdown'));
    await expect(opening).rejects.toThrow('shutdown');
    await expect(
      systemDial({ address: '192.0.2.1', port: 25, bind: null, timeoutMs: 60_000 }, stop.signal),
    ).rejects.toThrow('shutdown');
  });
});

describe('time and chance', () => {
  test('a sleep ends when its time has come, or when it is called off', async () => {
    const before = systemClock.monotonicMs();
    await systemClock.sleep(5);
    expect(systemClock.monotonicMs() - before).toBeGreaterThanOrEqual(4);
    const stop = new AbortController();
    const sleeping = systemClock.sleep(60_000, stop.signal);
    stop.abort(new Error('called off'));
    await expect(sleeping).rejects.toThrow('called off');
    await expect(systemClock.sleep(1, stop.signal)).rejects.toThrow('called off');
  });

  test('what was cancelled does not run', async () => {
    const ran: string[] = [];
    const cancel = systemClock.after(1, () => ran.push('cancelled'));
    cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(10, resolve);
    });
    expect(ran).toEqual([]);
  });

  test('random bytes are as many as asked for, and never the same', () => {
    expect(systemRandom.bytes(10)).toHaveLength(10);
    const draws = Array.from({ length: 3_000 }, (_, at) => Buffer.from(systemRandom.bytes(6 + (at % 30))));
    expect(draws.map(({ length }) => length)).toEqual(draws.map((_, at) => 6 + (at % 30)));
    expect(new Set(draws.map((bytes) => bytes.toString('hex', 0, 6))).size).toBe(3_000);
    expect(systemRandom.fraction()).toBeLessThan(1);
  });
});

test('of an answer that is too long the status is known where that is enough, and nothing otherwise', async () => {
  const server = createHttpServer((_, response) => void response.writeHead(202).end('x'.repeat(100_000)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const bounds = { url, timeoutMs: 10_000, mostBytes: 1_000 };
  await expect(systemFetch(bounds)).rejects.toThrow('the answer has more than 1000 bytes');
  const { status, body } = await systemFetch({ ...bounds, isCut: true });
  expect([status, body.length <= 1_000]).toEqual([202, true]);
  expect((await systemFetch({ ...bounds, mostBytes: 100_000 })).body).toHaveLength(100_000);
  server.closeAllConnections();
  server.close();
});
