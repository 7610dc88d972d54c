import { describe, expect, test } from 'vitest';
import { mailTo } from '../../../tests/fakes/exits.ts';
import type { DeliveryId } from '../../message/ids.ts';
import type { Outcome } from '../../message/outcome.ts';
import { smtpApiField } from './smtp-api.ts';
import { meaningOf, queuedIdOf } from './smtp-replies.ts';

function fieldOf(terms: Parameters<typeof mailTo>[0] = {}): string {
  return smtpApiField({ ...mailTo(terms), deliveryId: '01J.1' as DeliveryId });
}

function saidIn(field: string): unknown {
  return JSON.parse(field.replace(/^X-SMTPAPI:/, '').replaceAll('\r\n', ''));
}

describe('X-SMTPAPI', () => {
  test('says stream, tag and ids', () => {
    const mail = { ...mailTo({ terms: { tag: 'spring' } }), deliveryId: '01J.1' as DeliveryId };
    expect(saidIn(smtpApiField(mail))).toEqual({
      category: ['transactional', 'spring'],
      unique_args: {
        'relevo-message': mail.message.id,
        'relevo-delivery': '01J.1',
        'relevo-stream': 'transactional',
        'relevo-client': 'app',
        'relevo-tag': 'spring',
      },
    });
  });

  test.each([
    ['odd characters', 'say "hi" \\ back\tslash, {now}'],
    ['other scripts', 'Frühling 旅行 ✈️'],
    ['a line end', 'a\r\nBcc: x@evil.test'],
  ])('has %s in ASCII, in folded lines that unfold to the same', (_, tag) => {
    const field = fieldOf({ terms: { tag } });
    expect(field).toMatch(/^[\x20-\x7e\r\n]*$/);
    expect(field.replace(/\r\n /g, ' ')).toMatch(/^X-SMTPAPI: [^\r\n]*\r\n$/);
    expect(saidIn(field)).toMatchObject({ unique_args: { 'relevo-tag': tag } });
  });

  test('has no line that is too long, whatever the tag', () => {
    for (const tag of ['x'.repeat(2_000), '旅'.repeat(2_000), '"'.repeat(2_000)]) {
      const field = fieldOf({ terms: { tag } });
      expect(Math.max(...field.split('\r\n').map((line) => line.length))).toBeLessThan(998);
      expect(saidIn(field)).toMatchObject({ unique_args: { 'relevo-stream': 'transactional' } });
    }
    const lines = fieldOf().split('\r\n');
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.every((line) => line.length <= 76)).toBe(true);
  });
});

describe('a reply of SendGrid’s server', () => {
  const said = (code: number, text: string): Outcome => ({
    kind: code < 500 ? 'deferred' : 'bounced',
    scope: 'message',
    reply: { code, detail: null, text },
  });
  test.each<[number, string, object]>([
    [451, 'Authentication failed: Maximum credits exceeded', { kind: 'throttled', restMs: 900_000 }],
    [550, 'Maximum credits exceeded', { kind: 'throttled', restMs: 900_000 }],
    [452, 'Too many recipients received this hour (throttled)', { kind: 'throttled', restMs: null }],
    [450, 'too frequent connects from 192.0.2.1, please try again later.', { kind: 'throttled', restMs: null }],
    [421, 'Server busy, too many connections', { kind: 'throttled' }],
    [535, 'Authentication failed: Bad username / password', { kind: 'key' }],
    [535, 'Authentication failed: account is under review, suspended', { kind: 'closed', isOfThis: false }],
    [550, 'The from address does not match a verified Sender Identity.', { kind: 'closed', isOfThis: true }],
    [550, 'Unauthenticated senders not allowed', { kind: 'key' }],
    [550, 'Requested action not taken: mailbox unavailable', { kind: 'plain' }],
    [451, 'Temporary local problem - please try later', { kind: 'plain' }],
    [552, 'message size exceeds fixed limit', { kind: 'plain' }],
  ])('%i %s', (code, text, meaning) => {
    expect(meaningOf(said(code, text))).toMatchObject(meaning);
  });

  test('says what it calls the message', () => {
    expect(queuedIdOf('Ok: queued as l1QyKwo1Q1evz-c5cVN9Xw')).toBe('l1QyKwo1Q1evz-c5cVN9Xw');
    expect(queuedIdOf('Ok')).toBeNull();
  });
});
