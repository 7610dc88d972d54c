import { expect, test } from 'vitest';
import { longestTurnMs } from '../../../tests/fakes/turns.ts';
import { mailgunAnswer, type MailgunRefusal } from './mailgun-answer.ts';

function answer(status: number, message: string, more: Partial<MailgunRefusal> = {}): ReturnType<typeof mailgunAnswer> {
  return mailgunAnswer({ status, message, raw: JSON.stringify({ message }), retryAfterMs: null, ...more });
}

test.each<[string, number, string, Partial<MailgunRefusal>, Record<string, unknown>]>([
  ['a wrong key', 401, '', { message: null, raw: 'Forbidden' }, { kind: 'key-refused' }],
  ['a key without the right', 403, 'Access denied', {}, { kind: 'key-refused' }],
  ['too many requests', 429, 'Too many requests', { retryAfterMs: 9_000 }, { kind: 'throttled', restMs: 9_000 }],
  [
    'a plan that is used up',
    402,
    'Payment Required',
    {},
    { kind: 'throttled', restMs: 900_000, advice: expect.stringContaining('billing') },
  ],
  ['a 402 without a word', 402, '', { message: null, raw: '' }, { kind: 'throttled', restMs: 900_000 }],
  [
    'a limit of the plan',
    429,
    'Domain mg.example.com is not allowed to send: hourly limit (100) exceeded',
    {},
    { kind: 'throttled', restMs: null, advice: expect.stringContaining('billing') },
  ],
  [
    'a limit of the plan as a 400',
    400,
    'Monthly message limit reached for your account',
    {},
    { kind: 'throttled', restMs: 900_000 },
  ],
  [
    'a domain that does not exist',
    404,
    'Domain not found: mg.example.com',
    {},
    { kind: 'closed', advice: expect.stringContaining('api.eu.mailgun.net') },
  ],
  [
    'an unverified domain',
    400,
    'The domain is unverified and requires DNS configuration. Unverified domain',
    {},
    { kind: 'closed' },
  ],
  [
    'a path of another API',
    404,
    '',
    { message: null, raw: 'Mailgun Magnificent API' },
    { kind: 'closed', advice: expect.stringContaining('endpoint') },
  ],
  [
    'a disabled account',
    403,
    'Domain mg.example.com is not allowed to send: the account has been disabled',
    {},
    { kind: 'closed' },
  ],
  [
    'a limit of the plan as a 403',
    403,
    'Domain mg.example.com is not allowed to send: hourly limit (100) exceeded',
    {},
    { kind: 'throttled', restMs: 900_000 },
  ],
  [
    'a sandbox',
    403,
    'Sandbox subdomains are for test purposes only. Please add your own domain',
    {},
    { kind: 'closed', isOfThis: true },
  ],
  ['a message too large', 413, 'Request Entity Too Large', {}, { kind: 'unsuited' }],
  [
    'a recipient that is no address',
    400,
    "'to' parameter is not a valid address. please check documentation",
    {},
    { kind: 'refused', scope: 'recipient' },
  ],
  ['content that is no MIME', 400, "'message' parameter is not a file", {}, { kind: 'refused', scope: 'message' }],
  ['a page of a proxy', 400, '', { message: null, raw: '<html>Bad Request</html>' }, { kind: 'failed' }],
  ['an error that nobody knows', 418, 'I am a teapot', {}, { kind: 'failed' }],
])('%s', (_, status, message, more, wanted) => {
  expect(answer(status, message, more)).toMatchObject(wanted);
});

test.each(['domain ', 'account ', 'limit '])('a megabyte of %s is read as quickly as a line', async (word) => {
  const message = word.repeat(1_048_576 / word.length);
  const tookMs = await longestTurnMs(() => {
    for (const status of [400, 403, 429]) answer(status, message);
  });
  // Patterns that look from each such word on would take minutes.
  expect(tookMs).toBeLessThan(1_000);
});
