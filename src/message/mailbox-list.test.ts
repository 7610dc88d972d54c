import { expect, test } from 'vitest';
import { formatMailbox } from './address.ts';
import { parseMailboxList } from './mailbox-list.ts';

function read(text: string): string[] | null {
  return parseMailboxList(text)?.map(formatMailbox) ?? null;
}

test.each([
  ['a@b.example', ['a@b.example']],
  ['Ana <a@B.example>', ['a@b.example']],
  ['"Doe, Ana" <a@b.example>', ['a@b.example']],
  ['"<x@evil.example>" <a@b.example>', ['a@b.example']],
  ['Ana (the (real) one, she says) <a@b.example>', ['a@b.example']],
  ['a@b.example (Ana)', ['a@b.example']],
  ['(x) a@b.example', ['a@b.example']],
  ['a@b.example, Bob <bob@c.example>', ['a@b.example', 'bob@c.example']],
  ['Team: a@b.example, c@d.example;', ['a@b.example', 'c@d.example']],
  ['undisclosed-recipients:;', []],
  ['<@relay.example:a@b.example>', ['a@b.example']],
  ['"a@b"@c.example', ['"a@b"@c.example']],
  ['<"a>b"@c.example>', ['"a>b"@c.example']],
  ['a@[192.0.2.1]', ['a@[192.0.2.1]']],
  ['a@[IPv6:2001:db8::1]', ['a@[IPv6:2001:db8::1]']],
  ['Ana <ana@bücher.example>', ['ana@xn--bcher-kva.example']],
  ['ana@shop.example <a@b.example>', ['a@b.example']],
  [', ,a@b.example,', ['a@b.example']],
  ['', []],
  ['a..b.@c.example, <.d@e.example>', ['a..b.@c.example', '.d@e.example']],
  [`Ana <${'a'.repeat(255)}@b.example>`, [`${'a'.repeat(255)}@b.example`]],
])('reads the addresses of %j', (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  'nobody',
  'a@b.example c@d.example',
  'a@b.example <c@d.example> e@f.example',
  '<a@b.example> <c@d.example>',
  '<a@b.example',
  'a@b.example>',
  '"a@b.example',
  '(a@b.example',
  'a@b.example;',
  'A: B: a@b.example;',
  'a..\u0000b@c.example',
  'a.\u0085b@c.example',
  '"a\r\nb"@c.example',
  'a. b@c.example',
  '.@b.example',
])('does not guess at %j', (text) => {
  expect(read(text)).toBeNull();
});

test('takes linear time on hostile text', () => {
  const began = process.hrtime.bigint();
  for (const text of [
    '('.repeat(100_000),
    '"'.repeat(99_999),
    '<'.repeat(100_000),
    ','.repeat(200_000),
    'a '.repeat(100_000),
  ])
    read(text);
  expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(1000);
});
