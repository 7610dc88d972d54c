import { describe, expect, test } from 'vitest';
import type { DnsAnswer } from '../ports.ts';
import { listingName, NO_IPV6, removalOf, senseless, testNames, verdictOf } from './listing.ts';

const found = (...records: string[]): DnsAnswer<string> => ({ kind: 'found', records });
const MISSING: DnsAnswer<string> = { kind: 'missing' };
const ZEN = 'zen.spamhaus.org';

describe('the name that is asked', () => {
  test.each([
    ['198.51.100.7', '7.100.51.198.bl.example'],
    ['::ffff:198.51.100.7', '7.100.51.198.bl.example'],
    ['2001:db8::1', `1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example`],
  ])('for %s', (address, name) => {
    expect(listingName(address, 'bl.example')).toBe(name);
  });

  test('for the test entries of IPv6 is that of ::FFFF:7F00:2 and ::FFFF:7F00:1', () => {
    const { present, absent } = testNames('bl.example', 6);
    expect(present).toBe('2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example');
    expect(absent).toBe(`1${present.slice(1)}`);
  });
});

describe('an answer', () => {
  test.each([
    [found('127.0.0.2'), { kind: 'listed', words: 'SBL' }],
    [found('127.0.0.3'), { kind: 'listed', words: 'CSS' }],
    [found('127.0.0.4', '127.0.0.2'), { kind: 'listed', words: 'XBL, SBL' }],
    [found('127.0.0.4', '127.0.0.7'), { kind: 'listed', words: 'XBL' }],
    [found('127.0.0.10'), { kind: 'clean', noted: 'PBL' }],
    [found('127.0.0.11'), { kind: 'clean', noted: 'PBL' }],
    [found('127.0.0.10', '127.0.0.4'), { kind: 'listed', words: 'XBL' }],
    [found('127.0.0.99'), { kind: 'listed', words: '127.0.0.99' }],
    [MISSING, { kind: 'clean', noted: '' }],
    [{ kind: 'none' } as const, { kind: 'clean', noted: '' }],
  ])('%j of zen is %j', (answer, verdict) => {
    expect(verdictOf(ZEN, answer)).toEqual(verdict);
  });

  test('10 of a list without such parts is listed', () => {
    expect(verdictOf('bl.example', found('127.0.0.10'))).toEqual({ kind: 'listed', words: '127.0.0.10' });
    expect(verdictOf('notspamhaus.org', found('127.0.0.10'))).toMatchObject({ kind: 'listed' });
  });

  test('through a data query key has the same parts', () => {
    expect(verdictOf('abcdef.zen.dq.spamhaus.net', found('127.0.0.10'))).toEqual({ kind: 'clean', noted: 'PBL' });
  });

  test.each([
    [found('127.255.255.252'), /misspelt/],
    [found('127.255.255.254'), /public or open resolver/],
    [found('127.255.255.255'), /too much/],
    [found('127.255.255.1'), /refuses/],
    [found('127.0.0.2', '127.255.255.254'), /refuses/],
    [found('203.0.113.9'), /makes answers up/],
    [found('127.0.0.2', '203.0.113.9'), /makes answers up/],
    [found('127.0.0.1'), /means nothing/],
    [found('127.0.0.0'), /means nothing/],
    [{ kind: 'failed', cause: 'ETIMEOUT' } as const, /no answer \(ETIMEOUT\)/],
    [{ kind: 'failed', cause: 'EREFUSED' } as const, /EREFUSED/],
  ])('%j is neither listed nor clean', (answer, cause) => {
    expect(verdictOf(ZEN, answer)).toEqual({ kind: 'unknown', cause: expect.stringMatching(cause) });
  });
});

describe('what a zone says is believed', () => {
  test('where it lists its test entry and not the other', () => {
    expect(senseless({ present: found('127.0.0.2'), absent: MISSING }, 4)).toBeNull();
    expect(senseless({ present: found('127.0.0.2', '127.0.0.10'), absent: MISSING }, 4)).toBeNull();
  });

  test.each([
    ['says “no such name” to everything', MISSING, MISSING, /no such name/],
    ['lists everything', found('127.0.0.2'), found('127.0.0.2'), /lists everything/],
    ['has a page for every name', found('203.0.113.9'), found('203.0.113.9'), /makes answers up/],
    ['is refused', found('127.255.255.254'), found('127.255.255.254'), /public or open/],
    ['answers 127.0.0.1 to everything', found('127.0.0.1'), found('127.0.0.1'), /means nothing/],
    ['is silent', { kind: 'failed', cause: 'ETIMEOUT' } as const, MISSING, /ETIMEOUT/],
    ['is silent now and then', found('127.0.0.2'), { kind: 'failed', cause: 'ESERVFAIL' } as const, /ESERVFAIL/],
  ])('but not by a resolver that %s', (_, present, absent, cause) => {
    expect(senseless({ present, absent }, 4)).toMatch(cause);
  });

  test('a list without IPv6 says nothing of IPv6', () => {
    expect(senseless({ present: MISSING, absent: MISSING }, 6)).toBe(NO_IPV6);
  });
});

test('where to ask to be taken off is known of the large lists', () => {
  expect(removalOf('KEY.zen.dq.spamhaus.net')).toBe('https://check.spamhaus.org/');
  expect(removalOf('bl.spamcop.net')).toContain('spamcop.net');
  expect(removalOf('bl.example')).toBe('whoever runs bl.example');
});
