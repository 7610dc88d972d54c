import { expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { MessageEvent } from '../../message/event.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import { plainMessage } from './message-json.ts';

test('programs read of each recipient which bounce and which complaint came later, and who said so', () => {
  const { message, received } = aSubmission({ atMs: 1, to: ['ann@b.test', 'bob@b.test'] });
  const of = { messageId: message.id, deliveryId: deliveryIdOf(message.id, 1), domain: 'b.test', egress: 'grid' };
  const ann = { ...of, recipients: ['ann@b.test'] };
  const full = { code: 452, detail: '2.2', text: 'full' };
  const gone = { code: 550, detail: '1.1', text: 'gone' };
  const events: MessageEvent[] = [
    received,
    { event: 'delivered', atMs: 2, ...ann, reply: { code: 250, detail: null, text: 'ok' } },
    { event: 'bounced', atMs: 2, ...of, recipients: ['bob@b.test'], reply: gone },
    { event: 'bounced-later', atMs: 3, ...ann, reply: full, host: null, report: null },
    { event: 'bounced-later', atMs: 4, ...ann, reply: gone, host: null, report: null, source: 'hook:grid' },
    { event: 'complained', atMs: 5, ...ann, source: 'report', detail: 'abuse' },
  ];
  const plain = plainMessage({ message, events, queued: [] });
  expect(plain.recipients).toMatchObject([
    {
      address: 'ann@b.test',
      state: 'delivered',
      later: ['bounced-later', 'complained'],
      bouncedLater: { kind: 'unknown-user', source: 'hook:grid', reply: gone, atMs: 4 },
      complained: { source: 'report', detail: 'abuse', atMs: 5 },
    },
    { address: 'bob@b.test', state: 'bounced', later: [], bouncedLater: null, complained: null },
  ]);
  const kinds = plain.events.map((event) => ('kind' in event ? event.kind : undefined));
  expect(kinds).toEqual([undefined, undefined, 'unknown-user', 'mailbox-full', 'unknown-user', undefined]);
});
