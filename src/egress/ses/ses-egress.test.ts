import { sesError } from '../../../tests/fakes/cloud-ses.ts';
import { openSesRig } from '../../../tests/fakes/cloud-exits.ts';
import { testCloudExit } from '../cloud/cloud-exit.contract.ts';

testCloudExit({
  name: 'ses',
  open: (options) => openSesRig({ ...options, settings: { dkim: 'keep', stripHeaders: [], ...options?.settings } }),
  batchMost: 50,
  words: {
    keyRefused: sesError('UnrecognizedClientException', 'The security token included in the request is invalid.', {
      status: 403,
    }),
    throttled: (retryAfter) =>
      sesError('TooManyRequestsException', 'Too many requests', {
        status: 429,
        headers: retryAfter === null ? {} : { 'Retry-After': retryAfter },
      }),
    paused: sesError(
      'SendingPausedException',
      'Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.',
    ),
    senderNotVerified: sesError(
      'MessageRejected',
      'Email address is not verified. The following identities failed the check in region EU-WEST-1: a@example.com',
    ),
    contentRefused: sesError('BadRequestException', "Missing required header 'From'."),
    recipientRefused: sesError('BadRequestException', 'Invalid email address: bad@example.net'),
    ownFault: sesError('InternalServiceErrorException', 'Internal failure', { status: 500 }),
  },
});
