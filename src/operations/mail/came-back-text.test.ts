import { expect, test } from 'vitest';
import type { CameBack } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import { cameBackText } from './came-back-text.ts';

const ID = newMessageId(1, Buffer.alloc(10, 1));
const OF = { atMs: 1, messageId: ID, deliveryId: deliveryIdOf(ID, 1), domain: 'b.test', recipients: ['ann@b.test'] };
const GONE = { code: 550, detail: '1.1', text: 'gone' };
const BOUNCE = { event: 'bounced-later', ...OF, reply: GONE, egress: 'grid', host: null, report: null } as const;
const SAID = { ...OF, egress: 'grid', detail: '', source: 'hook:grid' };

test.each<[CameBack, string]>([
  [BOUNCE, 'ann@b.test: unknown-user, says a report by mail: 550 5.1.1 gone'],
  [
    { ...BOUNCE, host: 'mx.b.test', report: ID },
    `ann@b.test: unknown-user, says mx.b.test by mail: 550 5.1.1 gone; the sender is told by ${ID}`,
  ],
  [
    { ...BOUNCE, source: 'hook:grid', host: 'mx.b.test', reply: { code: 452, detail: '2.2', text: 'full' } },
    'ann@b.test: mailbox-full, says the webhook of grid (mx.b.test): 452 4.2.2 full',
  ],
  [{ event: 'complained', ...SAID }, 'ann@b.test called it junk, says the webhook of grid'],
  [
    { event: 'complained', ...SAID, source: 'report', host: 'mx.b.test', detail: 'fraud, by Loop/1' },
    'ann@b.test called it fraud, says a complaint report: fraud, by Loop/1',
  ],
  [
    { event: 'complained', ...SAID, detail: 'auth-failure' },
    'ann@b.test reported that it did not prove who sent it, says the webhook of grid: auth-failure',
  ],
  [{ event: 'unsubscribed', ...SAID, source: 'one-click' }, 'ann@b.test unsubscribed, by one click'],
  [
    { event: 'clicked', ...SAID, detail: 'https://shop.test/' },
    'ann@b.test clicked a link, says the webhook of grid: https://shop.test/',
  ],
  [{ event: 'answered', ...OF, what: 'vacation', report: ID }, `vacation; the sender is told by ${ID}`],
])('what was said of mail later is told with who said it: %#', (event, text) => {
  expect(cameBackText(event)).toBe(text);
});
