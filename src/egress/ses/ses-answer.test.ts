import { expect, test } from 'vitest';
import { longestTurnMs } from '../../../tests/fakes/turns.ts';
import { sesAnswer, type SesError } from './ses-answer.ts';

const TO = ['ana@example.net'];

function answer(name: string, text: string, more: Partial<SesError> = {}): ReturnType<typeof sesAnswer> {
  return sesAnswer({ name, text, status: 400, retryAfterMs: null, aheadMs: null, ...more }, TO);
}

test.each<[string, string, string, Partial<SesError>, Record<string, unknown>]>([
  [
    'a rate above MaxSendRate',
    'ThrottlingException',
    'Maximum sending rate exceeded.',
    { status: 429 },
    { kind: 'throttled', restMs: 1_000 },
  ],
  [
    'a quota that is used up',
    'LimitExceededException',
    'Daily message quota exceeded.',
    {},
    { kind: 'throttled', restMs: 900_000, advice: expect.stringContaining('quota') },
  ],
  [
    'a request too many',
    'TooManyRequestsException',
    '',
    { status: 429, retryAfterMs: 3_000 },
    { kind: 'throttled', restMs: 3_000 },
  ],
  ['a 429 without a name', '', '', { status: 429 }, { kind: 'throttled', restMs: null }],
  [
    'a key that does not exist',
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
    { status: 403 },
    { kind: 'key-refused' },
  ],
  [
    'a wrong secret',
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match',
    { status: 403 },
    { kind: 'key-refused' },
  ],
  [
    'a key without the right',
    'AccessDeniedException',
    'User is not authorized to perform: ses:SendEmail',
    { status: 403 },
    { kind: 'key-refused' },
  ],
  [
    'no credentials anywhere',
    'CredentialsProviderError',
    'Could not load credentials from any providers',
    { status: 0 },
    { kind: 'key-refused' },
  ],
  [
    'a wrong region',
    'SignatureDoesNotMatch',
    'Credential should be scoped to a valid region.',
    { status: 403 },
    { kind: 'closed', advice: expect.stringContaining('region') },
  ],
  [
    'a suspended account',
    'AccountSuspendedException',
    'suspended',
    {},
    { kind: 'closed', advice: expect.stringContaining('suspended') },
  ],
  ['paused sending', 'SendingPausedException', 'paused', {}, { kind: 'closed' }],
  [
    'a MAIL FROM domain without MX',
    'MailFromDomainNotVerifiedException',
    'not verified',
    {},
    { kind: 'closed', advice: expect.stringContaining('MAIL FROM') },
  ],
  [
    'a configuration set that does not exist',
    'NotFoundException',
    'Configuration set <x> does not exist.',
    { status: 404 },
    { kind: 'closed', advice: expect.stringContaining('configuration set') },
  ],
  [
    'a sender that is not verified',
    'MessageRejected',
    'Email address is not verified. The following identities failed the check in region EU-WEST-1: a@example.com',
    {},
    { kind: 'closed', isOfThis: true, advice: expect.stringContaining('Verify the domain') },
  ],
  [
    'a recipient in the sandbox',
    'MessageRejected',
    'Email address is not verified. The following identities failed the check in region EU-WEST-1: Ana@example.net',
    {},
    { kind: 'closed', isOfThis: true, advice: expect.stringContaining('sandbox') },
  ],
  [
    'a virus',
    'MessageRejected',
    'Message rejected: Your message contains a virus.',
    {},
    { kind: 'refused', scope: 'message' },
  ],
  ['a doubled header', 'BadRequestException', "Duplicate header 'Subject'.", {}, { kind: 'refused', scope: 'message' }],
  [
    'an address that is none',
    'BadRequestException',
    'Local address contains control or whitespace',
    {},
    { kind: 'refused', scope: 'recipient' },
  ],
  [
    'a message too large',
    'BadRequestException',
    'Message length is more than 41943040 bytes long',
    {},
    { kind: 'unsuited' },
  ],
  ['a fault of its own', 'InternalServiceErrorException', '', { status: 500 }, { kind: 'failed' }],
  ['an error that nobody knows', 'SomethingNewException', 'new', {}, { kind: 'failed' }],
  ['a page of a proxy', '', 'what it says is no answer of SES', { status: 403 }, { kind: 'failed' }],
])('%s', (_, name, text, more, wanted) => {
  expect(answer(name, text, more)).toMatchObject(wanted);
});

test('clocks that differ are said as such, with by how much', () => {
  const text = 'Signature expired: 20261122T120000Z is now earlier than 20261122T121500Z (20261122T122000Z - 5 min.)';
  const skewed = answer('InvalidSignatureException', text, { status: 403, aheadMs: 1_200_000 });
  expect(skewed).toMatchObject({
    kind: 'closed',
    advice: expect.stringContaining('Set the clock of this machine right'),
  });
  expect(skewed).toMatchObject({ text: expect.stringContaining("1200 s behind Amazon's") });
});

test.each(['configuration set ', 'address '])('a megabyte of %s is read as quickly as a line', async (word) => {
  const text = word.repeat(1_048_576 / word.length);
  const tookMs = await longestTurnMs(() => {
    for (const status of [400, 404, 500]) answer('BadRequestException', text, { status });
  });
  // Patterns that look from each such word on would take minutes.
  expect(tookMs).toBeLessThan(1_000);
});
