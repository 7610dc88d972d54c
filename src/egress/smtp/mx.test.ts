import { describe, expect, test } from 'vitest';
import { DnsZone, domainOfManyHosts, fakeDns } from '../../../tests/fakes/dns.ts';
import { names, way } from '../../../tests/fakes/mx-way.ts';
import { mxHops } from './mx.ts';

describe('the order of hosts', () => {
  const zone = {
    'example.net': {
      mx: [
        [20, 'b.example.net'],
        [10, 'a.example.net'],
        [20, 'c.example.net'],
        [30, 'd.example.net'],
      ],
    },
    'a.example.net': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] },
    'b.example.net': { a: ['192.0.2.2'] },
    'c.example.net': { a: ['192.0.2.3'] },
    'd.example.net': { aaaa: ['2001:db8::4'] },
  } as const;

  test('the best preference goes first, with the addresses of both families', async () => {
    const found = await way('example.net', zone);
    expect(names(found)).toEqual(['a.example.net', 'b.example.net', 'c.example.net', 'd.example.net']);
    expect(found.hops[0]?.addresses).toEqual(['2001:db8::1', '192.0.2.1']);
    expect(found.verdict).toBeNull();
  });

  test('equals change places at random', async () => {
    const random = { fraction: () => 0, bytes: (count: number) => Buffer.alloc(count) };
    const found = await way('example.net', zone, { random });
    expect(names(found)).toEqual(['a.example.net', 'c.example.net', 'b.example.net', 'd.example.net']);
  });

  test('among equals one with an open connection goes first', async () => {
    const found = await way('example.net', zone, { isAtHand: ({ host }) => host === 'c.example.net' });
    expect(names(found)).toEqual(['a.example.net', 'c.example.net', 'b.example.net', 'd.example.net']);
  });

  test('later hosts are looked up only when it comes to them', async () => {
    const served = new DnsZone(zone);
    const walk = mxHops('example.net', {
      dns: fakeDns(served),
      random: { fraction: () => 0.5, bytes: (count) => Buffer.alloc(count) },
      hostname: 'relay.example.com',
      isOwn: () => false,
      privateAddresses: false,
      isAtHand: () => false,
    });
    await walk.next();
    expect(served.queries).toEqual(['mx example.net', 'aaaa a.example.net', 'a a.example.net']);
    await walk.return(null);
  });

  test('of sixty hosts the twenty best are used', async () => {
    const found = await way('big.test', domainOfManyHosts('big.test', 60, '192.0.2.1'));
    expect(names(found)).toEqual(Array.from({ length: 20 }, (_, at) => `mx${at + 1}.big.test`));
  });

  test('names are compared without case, and named twice counts once', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'MX.Example.NET'],
          [10, 'mx.example.net'],
        ],
      },
      'mx.example.net': { a: ['192.0.2.1'] },
    });
    expect(names(found)).toEqual(['mx.example.net']);
  });

  test('what cannot be a host name is passed over', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [5, '192.0.2.9'],
          [6, 'bad name.example.net'],
          [7, 'a..b'],
          [10, 'mx.example.net'],
        ],
      },
      '192.0.2.9': { a: ['192.0.2.9'] },
      'mx.example.net': { a: ['192.0.2.1'] },
    });
    expect(names(found)).toEqual(['mx.example.net']);
  });
});

describe('domains without MX records', () => {
  test('are their own mail server', async () => {
    const found = await way('example.net', { 'example.net': { a: ['192.0.2.1'] } });
    expect(found.hops).toEqual([{ host: 'example.net', addresses: ['192.0.2.1'] }]);
  });

  test('without an address cannot get mail', async () => {
    expect((await way('example.net', { 'example.net': { txt: ['x'] } })).verdict).toBe('bounced recipient 550 4.4');
  });

  test('do not exist: the address is wrong', async () => {
    expect((await way('nowhere.test', {})).verdict).toBe('bounced recipient 550 1.2');
  });

  test('that are address literals are taken at their word', async () => {
    expect((await way('[192.0.2.7]', {})).hops).toEqual([{ host: '192.0.2.7', addresses: ['192.0.2.7'] }]);
    expect((await way('[IPv6:2001:db8::7]', {})).hops).toEqual([{ host: '2001:db8::7', addresses: ['2001:db8::7'] }]);
    expect((await way('[127.0.0.1]', {})).verdict).toBe('deferred host 451 4.4');
    expect((await way('[127.0.0.1]', {}, { privateAddresses: true })).hops).toHaveLength(1);
    expect((await way('[198.51.100.1]', {})).verdict).toBe('bounced recipient 554 4.6');
  });
});

describe('domains that take no mail', () => {
  test('say so by a null MX', async () => {
    const found = await way('example.net', { 'example.net': { mx: [[0, '']], a: ['192.0.2.1'] } });
    expect(found.verdict).toBe('bounced recipient 556 1.10');
  });

  test('a null MX among others means nothing', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [0, ''],
          [10, 'mx.example.net'],
        ],
      },
      'mx.example.net': { a: ['192.0.2.1'] },
    });
    expect(names(found)).toEqual(['mx.example.net']);
  });

  test('none of whose hosts has an address, or exists', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'b.example.net'],
        ],
      },
      'a.example.net': { txt: ['x'] },
    });
    expect(found.verdict).toBe('bounced recipient 550 4.4');
  });
});

describe('DNS that does not answer', () => {
  test.each(['servfail', 'timeout', 'refused'] as const)('%s for the domain: later', async (fault) => {
    const found = await way('example.net', { 'example.net': { fault } });
    expect(found.verdict).toBe('deferred host 451 4.3');
    expect(found.outcome?.reply.text).toContain(`E${fault === 'timeout' ? 'TIMEOUT' : fault.toUpperCase()}`);
  });

  test('for the best host: the next one is used', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'b.example.net'],
        ],
      },
      'a.example.net': { fault: 'servfail' },
      'b.example.net': { a: ['192.0.2.2'] },
    });
    expect(names(found)).toEqual(['b.example.net']);
  });

  test('for one host, while the others have no address: later, since that one may have', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'b.example.net'],
        ],
      },
      'a.example.net': { fault: 'timeout' },
      'b.example.net': { fault: 'nxdomain' },
    });
    expect(found.verdict).toBe('deferred host 451 4.3');
  });

  test('for one family: the other one does', async () => {
    const found = await way('example.net', { 'example.net': { a: ['192.0.2.1'], fault: { aaaa: 'servfail' } } });
    expect(found.hops).toEqual([{ host: 'example.net', addresses: ['192.0.2.1'] }]);
  });
});
