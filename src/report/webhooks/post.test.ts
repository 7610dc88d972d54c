import { expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { MessageEvent } from '../../message/event.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import { postedEvent } from './post.ts';

const { message } = aSubmission({ atMs: 1, to: ['ann@b.test'] });
const OF = {
  atMs: 2,
  messageId: message.id,
  deliveryId: deliveryIdOf(message.id, 1),
  domain: 'b.test',
  recipients: ['ann@b.test'],
  egress: 'grid',
};
const reply = { code: 550, detail: '1.1', text: 'gone' };
const later = { event: 'bounced-later', ...OF, reply, host: null, report: null } as const;

test.each<[string, MessageEvent, object]>([
  ['a server, in an attempt', { event: 'bounced', ...OF, reply }, { kind: 'unknown-user', source: 'attempt' }],
  ['an operator', { event: 'bounced', ...OF, reply, egress: null }, { kind: null, source: 'relay' }],
  ['a report by mail', later, { kind: 'unknown-user', source: 'report', later: true }],
  [
    'a provider',
    { ...later, source: 'hook:grid', reply: { code: 552, detail: '2.2', text: 'full' } },
    { kind: 'mailbox-full', source: 'hook:grid', later: true },
  ],
])('a bounce has its kind, and that %s said so', (_, event, told) => {
  expect(postedEvent(event, message)).toMatchObject({ event: 'bounced', ...told });
});

test('other news has no kind, and says who said so where that is not the relay', () => {
  const delivered = postedEvent({ event: 'delivered', ...OF, reply }, message);
  expect([delivered?.kind, delivered?.source]).toEqual([undefined, undefined]);
  const opened = postedEvent({ event: 'opened', ...OF, source: 'hook:grid', detail: '' }, message);
  expect([opened?.kind, opened?.source]).toEqual([undefined, 'hook:grid']);
});
