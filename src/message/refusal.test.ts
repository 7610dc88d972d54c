import { describe, expect, test } from 'vitest';
import { REPLY_PATTERNS } from './reply-patterns.ts';
import { isBlock, patternOf, REFUSALS, refusalOf } from './refusal.ts';
import { formatReply, parseReply, type Reply } from './reply.ts';

function replyOf(line: string): Reply {
  return parseReply(Number(line.slice(0, 3)), [line.slice(4)]);
}

const EXAMPLES = REPLY_PATTERNS.flatMap((pattern) => pattern.examples.map((example) => ({ pattern, example })));

test.each(EXAMPLES)('$pattern.by: “$example” is $pattern.refusal', ({ pattern, example }) => {
  expect(patternOf(replyOf(example))).toBe(pattern);
});

test('every row has an example, and every refusal a row', () => {
  expect(REPLY_PATTERNS.filter(({ examples }) => examples.length === 0)).toEqual([]);
  expect(new Set(REPLY_PATTERNS.map(({ refusal }) => refusal))).toEqual(new Set(REFUSALS));
});

describe('what says nothing more than its class', () => {
  test.each([
    '450 4.2.1 mailbox busy',
    '450 Requested mail action not taken: mailbox unavailable',
    '451 4.3.0 Temporary System Problem. Try again later (10).',
    '452 4.3.1 Insufficient system storage',
    '452 4.5.3 Your message has too many recipients.',
    '451 Could not complete sender verify callout',
    '450 4.1.1 <a@example.org>: Recipient address rejected: unverified address: Address verification in progress',
    '421 4.4.2 mx1.example.org Error: timeout exceeded',
    '421 Service not available, closing transmission channel',
    '552 5.3.4 Message size exceeds fixed limit',
    '550',
  ])('“%s” is other', (line) => {
    expect(refusalOf(replyOf(line))).toBe('other');
  });
});

test('what is about domain or content is not held against the sending address, whatever words it uses', () => {
  for (const line of [
    '550 5.7.1 very low reputation of the sending domain, your IP address is blocked',
    '550 5.7.1 a domain in the message is listed in Spamhaus DBL',
    '550 5.7.23 SPF: the sending IP address is denied by example.com',
  ])
    expect(refusalOf(replyOf(line)), line).toBe('policy');
});

test('a refusal for good is never taken for greylisting, and a temporary one never for an unknown user', () => {
  expect(refusalOf(replyOf('550 5.7.1 Greylist: blocked for good'))).not.toBe('greylisted');
  expect(refusalOf(replyOf('450 4.1.1 User unknown'))).toBe('other');
  for (const pattern of REPLY_PATTERNS) {
    if (pattern.refusal === 'greylisted') expect(pattern.code[0]).toBe('4');
    if (pattern.refusal === 'unknown-user') expect(pattern.code[0]).toBe('5');
  }
});

test('success is no refusal', () => {
  expect(refusalOf(replyOf('250 2.0.0 queued; not greylisted, rate limit ok'))).toBe('other');
});

test('a text without an end costs no more than a short one', () => {
  const text = `${'a '.repeat(200_000)}greylisted`;
  expect(refusalOf({ code: 451, detail: null, text })).toBe('other');
});

test('only refusals of the address are blocks', () => {
  expect(REFUSALS.filter(isBlock)).toEqual(['reputation', 'listed']);
  expect(formatReply(replyOf('550 5.7.1 x'))).toBe('550 5.7.1 x');
});
