import { expect, test } from 'vitest';
import type { MessageEvent } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import { lessonOf } from './lessons.ts';

const messageId = newMessageId(1_000, Buffer.alloc(10));
const of = {
  atMs: 2_000,
  messageId,
  deliveryId: deliveryIdOf(messageId, 1),
  domain: 'dest.example',
  recipients: ['ann@dest.example'],
};
const reply = (text: string): Reply => {
  const [, code = '', , detail, words = ''] = /^(\d{3}) (\d\.(\d+\.\d+) )?(.*)$/.exec(text)!.map((one) => one ?? '');
  const given = /^\d{3} \d\.(\d+\.\d+) /.exec(text)?.[1] ?? null;
  void detail;
  return { code: Number(code), detail: given, text: words };
};
const bounced = (text: string): MessageEvent => ({ event: 'bounced', reply: reply(text), egress: 'direct', ...of });
const expired = (text: string): MessageEvent => ({ event: 'expired', reply: reply(text), egress: 'direct', ...of });
const later = (text: string, source?: string): MessageEvent => ({
  event: 'bounced-later',
  reply: reply(text),
  host: null,
  egress: null,
  report: null,
  ...(source === undefined ? {} : { source }),
  ...of,
});

test.each([
  ['550 5.1.1 no such user', 'hard-bounce'],
  ['550 5.1.2 there is no domain dest.example', 'hard-bounce'],
  ['556 5.1.10 dest.example takes no mail (null MX)', 'hard-bounce'],
  ['550 5.2.1 The email account that you tried to reach is inactive.', 'hard-bounce'],
  ['550 5.4.1 Recipient address rejected: Access denied. AS(201806281)', 'hard-bounce'],
  ['550 No such user here', 'hard-bounce'],
  ['552 5.2.2 user is over quota', 'soft-bounce'],
  ['550 Mailbox quota exceeded', 'soft-bounce'],
  ['550 5.7.1 message classified as spam', null],
  ['554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org', null],
  ['550 5.7.26 Your email has been blocked because the sender is unauthenticated.', null],
  ['552 5.3.4 message too large', null],
  ['554 5.7.0 returned by the operator', null],
  ['550 Administrative prohibition', null],
  ['553 5.1.3 an address of the envelope has control characters', null],
])('what a server refused for good with "%s" is %s', (text, kind) => {
  expect(lessonOf(bounced(text))?.kind ?? null).toBe(kind);
  expect(lessonOf(later(text))?.kind ?? null).toBe(kind);
});

test.each([
  ['452 4.2.2 The recipient’s inbox is out of storage space', 'soft-bounce'],
  ['450 4.2.1 mailbox busy', 'soft-bounce'],
  ['450 4.1.1 unverified address', 'soft-bounce'],
  ['450 4.2.0 Greylisted', null],
  ['421 4.7.28 unusual rate of mail from your address', null],
  ['451 4.4.1 connect: no answer', null],
  ['451 4.3.0 try again later', null],
  ['554 5.4.7 not delivered by 2026-01-01T00:00:00.000Z, after which it was of no more use', null],
  ['550 5.1.1 no such user', null],
])('what was given up after "%s" is %s', (text, kind) => {
  expect(lessonOf(expired(text))?.kind ?? null).toBe(kind);
});

test('what a provider reports is judged by what the server said to it, or by its own list of dead addresses', () => {
  expect(lessonOf(later('550 5.1.1 SendGrid dropped it: Bounced Address', 'hook:sendgrid'))).toMatchObject({
    kind: 'hard-bounce',
    source: 'hook:sendgrid',
  });
  // A block has no other words than a bounce where a server says nothing that is known.
  expect(lessonOf(later('550 5.0.0 Bounce', 'hook:sendgrid'))).toBeNull();
  expect(lessonOf(later('552 5.2.2 mailbox full', 'hook:ses'))).toMatchObject({ kind: 'soft-bounce' });
  expect(lessonOf(later('550 5.7.1 blocked using zen.spamhaus.org', 'hook:ses'))).toBeNull();
});

test('complaints, unsubscribes and deliveries say something, waits and ends without a refusal do not', () => {
  const said = (event: 'complained' | 'unsubscribed' | 'opened' | 'put-off' | 'confirmed'): MessageEvent => ({
    event,
    source: 'report',
    detail: 'abuse',
    egress: null,
    ...of,
  });
  expect(lessonOf(said('complained'))).toMatchObject({ kind: 'complaint', evidence: 'abuse', source: 'report' });
  expect(lessonOf(said('unsubscribed'))).toMatchObject({ kind: 'unsubscribe' });
  expect(lessonOf({ ...said('complained'), recipients: [] })).toBeNull();
  expect(lessonOf(said('confirmed'))).toMatchObject({ kind: 'alive' });
  for (const kind of ['opened', 'put-off'] as const) expect(lessonOf(said(kind))).toBeNull();
  expect(lessonOf({ event: 'delivered', reply: null, egress: 'direct', ...of })).toMatchObject({ kind: 'alive' });
  expect(lessonOf({ event: 'expired', reply: null, egress: null, ...of })).toBeNull();
  expect(lessonOf({ event: 'discarded', reply: null, egress: null, ...of })).toBeNull();
  expect(lessonOf({ event: 'deferred', dueAtMs: 1, reason: '450 4.2.2 full', ...of })).toBeNull();
});
