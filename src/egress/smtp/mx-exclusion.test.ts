import { describe, expect, test } from 'vitest';
import { names, way } from '../../../tests/fakes/mx-way.ts';

describe('hosts that are not to be used', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
  ])('%s is private', async (address) => {
    const zone = { 'example.net': address.includes(':') ? { aaaa: [address] } : { a: [address] } };
    expect((await way('example.net', zone)).verdict).toBe('deferred host 451 4.4');
    expect((await way('example.net', zone, { privateAddresses: true })).hops).toHaveLength(1);
  });

  test('a private address beside a public one is left out', async () => {
    const found = await way('example.net', { 'example.net': { a: ['10.0.0.1', '192.0.2.1'] } });
    expect(found.hops).toEqual([{ host: 'example.net', addresses: ['192.0.2.1'] }]);
  });

  test('this relay by name: it and all that are no better', async () => {
    const zone = {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'relay.example.com'],
          [20, 'b.example.net'],
          [30, 'c.example.net'],
        ],
      },
      'a.example.net': { a: ['192.0.2.1'] },
      'b.example.net': { a: ['192.0.2.2'] },
      'c.example.net': { a: ['192.0.2.3'] },
    } as const;
    const found = await way('example.net', zone);
    expect(names(found)).toEqual(['a.example.net']);
    expect(found.verdict).toBeNull();
  });

  test('this relay by address, under another name', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'alias.example.net'],
          [20, 'b.example.net'],
        ],
      },
      'a.example.net': { a: ['192.0.2.1'] },
      'alias.example.net': { a: ['198.51.100.1'] },
      'b.example.net': { a: ['192.0.2.2'] },
    });
    expect(names(found)).toEqual(['a.example.net']);
  });

  test('this relay is the best: the mail would come back', async () => {
    const byName = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'Relay.example.com'],
          [20, 'b.example.net'],
        ],
      },
      'b.example.net': { a: ['192.0.2.2'] },
    });
    expect(byName.verdict).toBe('bounced recipient 554 4.6');
    const byAddress = await way('example.net', { 'example.net': { a: ['198.51.100.1'] } });
    expect(byAddress.verdict).toBe('bounced recipient 554 4.6');
  });

  test('this relay comes after hosts that could not be looked up: later', async () => {
    const found = await way('example.net', {
      'example.net': {
        mx: [
          [10, 'a.example.net'],
          [20, 'relay.example.com'],
        ],
      },
      'a.example.net': { fault: 'servfail' },
    });
    expect(found.verdict).toBe('deferred host 451 4.3');
  });
});
