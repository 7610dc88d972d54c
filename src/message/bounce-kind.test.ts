import { expect, test } from 'vitest';
import { bounceKindOf } from './bounce-kind.ts';

test.each([
  ['unknown-user', 550, '1.1', 'no such user'],
  ['unknown-user', 550, null, 'User unknown in virtual mailbox table'],
  ['unknown-user', 550, '2.1', 'mailbox disabled'],
  ['hard', 550, '1.2', 'bad destination system'],
  ['hard', 550, '4.4', 'host not found'],
  ['hard', 550, '4.310', 'DNS domain does not exist'],
  ['hard', 550, '0.0', ''],
  ['hard', 550, null, ''],
  ['mailbox-full', 552, '2.2', 'over quota'],
  ['mailbox-full', 452, '2.2', 'over quota'],
  ['block', 554, '7.1', 'Client host [192.0.2.1] blocked using zen.spamhaus.org'],
  ['block', 550, '7.25', 'no PTR'],
  ['policy', 550, '7.1', 'message classified as spam'],
  ['policy', 552, '3.4', 'message too large'],
  ['policy', 550, '2.3', 'exceeds the limit of the recipient'],
  ['policy', 554, '6.1', 'media not supported'],
  ['soft', 554, '4.7', 'delivery time expired'],
  ['soft', 554, '3.0', 'system not ready'],
  ['soft', 450, '4.1', 'no answer'],
  ['soft', 450, '1.1', ''],
  ['soft', 550, '7.508', 'has exceeded permitted limits'],
] as const)('a bounce is %s: %i %s %s', (kind, code, detail, text) => {
  expect(bounceKindOf({ code, detail, text })).toBe(kind);
});
