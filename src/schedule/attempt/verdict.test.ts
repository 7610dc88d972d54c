import { expect, test } from 'vitest';
import type { Outcome } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import { verdictOn } from './verdict.ts';

const OK: Reply = { code: 250, detail: '2.0', text: 'ok' };
const NOT_NOW: Reply = { code: 451, detail: '4.1', text: 'connection refused' };

const DELIVERED: Outcome = { kind: 'delivered', reply: OK };
const UNKNOWN_USER: Outcome = {
  kind: 'bounced',
  reply: { code: 550, detail: '1.1', text: 'no such user' },
  scope: 'recipient',
};
const HOST_DOWN: Outcome = { kind: 'deferred', reply: NOT_NOW, scope: 'host' };
const EXIT_DOWN: Outcome = { kind: 'deferred', reply: NOT_NOW, scope: 'egress' };
const SIGN_IN: Outcome = { kind: 'deferred', reply: { code: 535, detail: '7.8', text: 'wrong' }, scope: 'egress' };
const IP_BLOCKED: Outcome = { kind: 'bounced', reply: { code: 550, detail: '7.1', text: 'blocked' }, scope: 'egress' };
const DOUBT: Outcome = { kind: 'in-doubt', reply: NOT_NOW };

const LISTED: Outcome = {
  kind: 'bounced',
  reply: { code: 550, detail: '7.1', text: 'listed by zen.spamhaus.org' },
  scope: 'egress',
};
const SLOWER: Outcome = {
  kind: 'deferred',
  reply: { code: 421, detail: '7.28', text: 'unusual rate' },
  scope: 'message',
};

function rcpt4(detail: string | null, text = 'not now'): Outcome {
  return { kind: 'deferred', reply: { code: 450, detail, text }, scope: 'recipient' };
}

const MESSAGE_4YZ: Outcome = { kind: 'deferred', reply: NOT_NOW, scope: 'message' };

test.each<[string, Outcome[], 'mx' | 'smtp', string, string, boolean[]]>([
  ['delivered', [DELIVERED], 'mx', 'worked', 'success', [false]],
  ['an unknown user: the destination answers', [UNKNOWN_USER], 'mx', 'worked', 'success', [false]],
  ['straight to MX a dead host is the destination’s trouble', [HOST_DOWN], 'mx', 'none', 'unreachable', [false]],
  ['through an own server it is the exit’s', [HOST_DOWN], 'smtp', 'shaky', 'none', [true]],
  ['the exit itself fails', [EXIT_DOWN], 'mx', 'shaky', 'none', [true]],
  ['a refused sign-in is a verdict at once', [SIGN_IN], 'smtp', 'failed', 'none', [true]],
  ['a blocked address goes elsewhere and rests nothing', [IP_BLOCKED], 'mx', 'none', 'alive', [true]],
  ['one recipient through, one unknown', [DELIVERED, UNKNOWN_USER], 'mx', 'worked', 'success', [false, false]],
  ['one recipient through, the other not by this exit', [DELIVERED, EXIT_DOWN], 'smtp', 'shaky', 'none', [false, true]],
  ['the reply to the dot is lost by the destination', [DOUBT], 'mx', 'none', 'unreachable', [false]],
  ['the reply to the dot is lost by an own server', [DOUBT], 'smtp', 'shaky', 'none', [false]],
  ['4yz to the message', [MESSAGE_4YZ], 'mx', 'worked', 'refused', [false]],
  ['a full mailbox says nothing of the destination', [rcpt4('2.2')], 'mx', 'worked', 'none', [false]],
  ['greylisting says nothing of the destination', [rcpt4('7.1', 'greylisted')], 'mx', 'worked', 'none', [false]],
  [
    'a rate limit is the site’s, not the destination’s',
    [rcpt4('7.28', 'too much mail')],
    'mx',
    'worked',
    'none',
    [false],
  ],
  ['an address in a blocklist', [LISTED], 'mx', 'none', 'alive', [true]],
  ['the same, passed on by an own server', [LISTED], 'smtp', 'none', 'alive', [true]],
])('%s', (_, outcomes, type, exit, destination, elsewhere) => {
  const result = { outcomes, host: null, address: null, source: null, tls: null };
  expect(verdictOn(result, type)).toMatchObject({ exit, destination, elsewhere });
});

test.each<[string, Outcome[], string, boolean[]]>([
  ['takes mail', [DELIVERED], 'success', [false]],
  ['knows no such user', [UNKNOWN_USER], 'success', [false]],
  ['asks for less, whoever got through', [DELIVERED, SLOWER], 'slower', [false, false]],
  ['hangs up', [{ ...SLOWER, reply: { code: 421, detail: null, text: 'closing' } }], 'slower', [false]],
  ['refuses the address', [LISTED], 'blocked', [true]],
  ['took mail for one, which proves the address good', [DELIVERED, LISTED], 'success', [false, true]],
  ['was not reached', [HOST_DOWN], 'none', [false]],
  ['was not reached, in words of our own', [{ ...SLOWER, own: true }], 'none', [false]],
  ['refuses the address, in words of our own', [{ ...LISTED, own: true }], 'none', [false]],
  ['has a full mailbox', [rcpt4('2.2')], 'none', [false]],
  ['greylists', [rcpt4('7.1', 'greylisted')], 'none', [false]],
])('a site that %s', (_, outcomes, site, blocked) => {
  const result = { outcomes, host: null, address: null, source: null, tls: null };
  expect(verdictOn(result, 'mx')).toMatchObject({ site, blocked });
});
