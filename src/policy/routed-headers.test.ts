import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loaded, problemsIn } from '../../tests/fakes/policy-text.ts';
import { parseHeaderBlock } from '../message/header.ts';
import { matchesText, routedHeaders } from './routed-headers.ts';

const { policy } = loaded(`hostname: a
routes:
  - { name: lists, match: { header: { List-Id: '*', Precedence: bulk } }, use: [direct] }
  - { name: x, match: { header: { X-Campaign: 'spring-*' } }, use: [direct] }
  - { name: all, use: [direct] }
`);

function kept(text: string): unknown {
  return routedHeaders(policy, parseHeaderBlock(Buffer.from(text)).fields);
}

describe('what is kept of a header', () => {
  test('is the first field of each name that a route asks for, unfolded, whatever its case', () => {
    const text =
      'Subject: hello\r\nLIST-ID: News\r\n <news.example>\r\nx-campaign: spring-1\r\nX-Campaign: other\r\nX-Else: y\r\n';
    expect(kept(text)).toEqual({ 'list-id': 'News <news.example>', 'x-campaign': 'spring-1' });
  });

  test('is no longer than 200 characters, and text as UTF-8', () => {
    expect(kept(`X-Campaign: ñandú\r\nPrecedence: ${'x'.repeat(500)}\r\n`)).toEqual({
      'x-campaign': 'ñandú',
      precedence: 'x'.repeat(200),
    });
  });

  test('is nothing where no route asks, or no field is there', () => {
    expect(kept('Subject: hello\r\n')).toBeUndefined();
    const plain = loaded('hostname: a\n').policy;
    expect(routedHeaders(plain, parseHeaderBlock(Buffer.from('List-Id: a\r\n')).fields)).toBeUndefined();
  });

  test('is never of the relay’s own fields, which are taken off', () => {
    const text = 'hostname: a\nroutes: [{ name: r, match: { header: { X-Relevo-Tag: x } }, use: [direct] }]\n';
    expect(problemsIn(text)).toEqual([expect.stringContaining('stream, priority and tag ask for these')]);
  });
});

describe('a pattern of values', () => {
  test.each([
    ['*', '', true],
    ['bulk', 'Bulk', true],
    ['bulk', 'bulky', false],
    ['*@example.com*', 'Offers <a@example.com>', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a.c', 'abc', false],
    ['**', 'anything', true],
  ])('%s and %s: %s', (glob, value, isLike) => {
    expect(matchesText(glob, value)).toBe(isLike);
  });

  test('is like what a regular expression makes of it', () => {
    const text = fc.stringMatching(/^[ab*]{0,8}$/);
    const property = fc.property(text, fc.stringMatching(/^[ab]{0,8}$/), (glob, value) => {
      const expected = new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(value);
      return matchesText(glob, value) === expected;
    });
    expect(fc.check(property, { numRuns: 1_000 })).toMatchObject({ failed: false });
  });
});
