import { expect, test } from 'vitest';
import type { Event } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import { createTroubles } from './troubles.ts';

const about = { messageId: 'M' as MessageId, deliveryId: 'M.1' as DeliveryId, recipients: ['a@dest.test'] };
const attempted = (atMs: number, of: { code?: number; text?: string; egress?: string; host?: string } = {}): Event => ({
  event: 'attempted',
  atMs,
  ...about,
  domain: 'dest.test',
  attempt: {
    number: 1,
    egress: of.egress ?? 'one',
    host: of.host ?? 'mx.dest.test',
    address: null,
    source: null,
    tls: null,
    reply: { code: of.code ?? 450, detail: null, text: of.text ?? 'later' },
    tookMs: 1,
  },
});

test('the same words of the same host are one line with a count, the latest first', () => {
  const troubles = createTroubles();
  troubles.sink(attempted(1));
  troubles.sink(attempted(2, { text: 'no', code: 550 }));
  troubles.sink(attempted(3));
  troubles.sink(attempted(4, { code: 250, text: 'ok' }));
  expect(troubles.ofExit('one')).toMatchObject([
    { atMs: 3, reply: '450 later', count: 2 },
    { atMs: 2, reply: '550 no', count: 1 },
  ]);
  expect(troubles.ofExit('two')).toEqual([]);
});

test('however much goes wrong, ten lines an exit and 500 exits are kept, the latest ones', () => {
  const troubles = createTroubles();
  for (let at = 0; at < 100; at++) troubles.sink(attempted(at, { text: `no ${at}` }));
  expect(troubles.ofExit('one').map(({ atMs }) => atMs)).toEqual([99, 98, 97, 96, 95, 94, 93, 92, 91, 90]);
  for (let at = 0; at < 600; at++) troubles.sink(attempted(at, { egress: `e${at}` }));
  expect([troubles.ofExit('one').length, troubles.ofExit('e599').length]).toEqual([0, 1]);
});

test('why mail to a domain was put off last is known until 2,000 others were', () => {
  const troubles = createTroubles();
  const deferred = (domain: string, reason: string): void =>
    troubles.sink({ event: 'deferred', atMs: 1, dueAtMs: 2, reason, ...about, domain });
  deferred('a.test', 'first');
  deferred('a.test', 'x'.repeat(10_000));
  expect(troubles.deferralOf('a.test')?.reason).toHaveLength(400);
  for (let at = 0; at < 2_000; at++) deferred(`d${at}.test`, 'later');
  expect([troubles.deferralOf('a.test'), troubles.deferralOf('d0.test')]).toEqual([null, { atMs: 1, reason: 'later' }]);
});
