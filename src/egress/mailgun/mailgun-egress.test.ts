import { mailgunError } from '../../../tests/fakes/cloud-mailgun.ts';
import { openMailgunRig } from '../../../tests/fakes/cloud-exits.ts';
import { testCloudExit } from '../cloud/cloud-exit.contract.ts';

testCloudExit({
  name: 'mailgun',
  open: openMailgunRig,
  batchMost: 1_000,
  words: {
    keyRefused: { kind: 'answer', status: 401, body: 'Forbidden' },
    throttled: (retryAfter) =>
      mailgunError(429, 'Too many requests', retryAfter === null ? {} : { 'Retry-After': retryAfter }),
    paused: mailgunError(
      403,
      'Domain mg.example.com is not allowed to send: the account has been disabled. Please contact support.',
    ),
    senderNotVerified: mailgunError(
      403,
      'Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings.',
    ),
    contentRefused: mailgunError(400, "'message' parameter is not a valid MIME message"),
    recipientRefused: mailgunError(400, "'to' parameter is not a valid address. please check documentation"),
    ownFault: mailgunError(500, 'Internal Server Error'),
  },
});
