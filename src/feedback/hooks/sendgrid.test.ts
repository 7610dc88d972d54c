import { describe, expect, test } from 'vitest';
import { sendgridKeys, sendgridPost } from '../../../tests/fakes/provider-posts.ts';
import type { HookReading } from './provider-event.ts';
import { readSendgrid } from './sendgrid.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const keys = sendgridKeys();

type Post = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

const posted = (events: readonly unknown[], atMs = NOW_MS): Post =>
  sendgridPost(events, { privateKey: keys.privateKey, atMs });
const read = (post: Post): HookReading => readSendgrid({ ...post, nowMs: NOW_MS }, keys);
const eventsOf = (...events: readonly object[]) => {
  const reading = read(posted(events.map((event) => ({ email: 'ann@dest.test', sg_event_id: 'e', ...event }))));
  return reading.kind === 'events' ? reading.events : [];
};

describe('a post of SendGrid', () => {
  const HOURS = 3_600_000;
  const wrong: readonly (readonly [string, Post, string])[] = [
    ['without a signature', { ...posted([]), headers: {} }, 'unsigned'],
    [
      'with another body',
      { ...posted([{ event: 'open' }]), body: Buffer.from('[{"event":"spamreport"}]') },
      'signature',
    ],
    ['with one byte more', { ...posted([]), body: Buffer.from('[] ') }, 'signature'],
    ['signed by another', sendgridPost([], { privateKey: sendgridKeys().privateKey, atMs: NOW_MS }), 'signature'],
    ['of 27 hours ago', posted([], NOW_MS - 27 * HOURS), 'old'],
    ['of the future', posted([], NOW_MS + HOURS), 'old'],
    ['that is no list', posted({ length: 1 } as never), 'malformed'],
  ];
  test.each(wrong)('%s is refused', (_, post, reason) => {
    expect(read(post)).toEqual({ kind: 'refused', reason });
  });

  test('with the time of another is refused, however recent', () => {
    const { headers, body } = posted([], NOW_MS - 30 * HOURS);
    const now = String(NOW_MS / 1_000);
    const renewed = { body, headers: { ...headers, 'x-twilio-email-event-webhook-timestamp': now } };
    expect(read(renewed)).toEqual({ kind: 'refused', reason: 'signature' });
  });

  test('with a signature that is none is refused, not thrown at', () => {
    for (const signature of ['', 'AAAAAAAAAAAAAAAAAAAAAAAA', '*'.repeat(90), 'A'.repeat(5_000)]) {
      const { headers, body } = posted([]);
      const post = { body, headers: { ...headers, 'x-twilio-email-event-webhook-signature': signature } };
      expect(read(post)).toMatchObject({ kind: 'refused' });
    }
  });

  test('that was repeated after 24 hours is believed', () => {
    expect(read(posted([], NOW_MS - 24 * HOURS))).toMatchObject({ kind: 'events' });
  });

  test('says what became of mail, in words of our own', () => {
    const events = eventsOf(
      { event: 'processed' },
      { event: 'deferred', response: '421 4.7.0 try again' },
      { event: 'delivered', response: '250 ok' },
      { event: 'open' },
      { event: 'click', url: `https://shop.test/${'x'.repeat(2_000)}` },
      { event: 'spamreport' },
      { event: 'group_unsubscribe' },
    );
    expect(events.map(({ what, detail }) => `${what} ${detail}`.slice(0, 40))).toEqual([
      'taken ',
      'put-off 421 4.7.0 try again',
      'confirmed 250 ok',
      'opened ',
      `clicked https://shop.test/${'x'.repeat(14)}`,
      'complained ',
      'unsubscribed ',
    ]);
    expect(events[4]?.detail.length).toBe(1_000);
  });

  test('says why mail bounced, hard or not', () => {
    const replies = eventsOf(
      { event: 'bounce', type: 'bounce', status: '5.1.1', reason: '550 5.1.1 <ann@dest.test> unknown' },
      { event: 'bounce', type: 'blocked', status: '4.0.0', reason: 'too many connections' },
      { event: 'bounce', type: 'blocked', status: '', reason: '554 Blocked by a list' },
      { event: 'dropped', reason: 'Bounced Address' },
      { event: 'dropped', reason: 'Unsubscribed Address' },
    ).map(({ reply }) => reply);
    expect(replies).toEqual([
      { code: 550, detail: '1.1', text: '<ann@dest.test> unknown' },
      { code: 450, detail: '0.0', text: 'too many connections' },
      { code: 554, detail: null, text: 'Blocked by a list' },
      { code: 550, detail: '1.1', text: 'SendGrid dropped it: Bounced Address' },
      { code: 550, detail: '7.1', text: 'SendGrid dropped it: Unsubscribed Address' },
    ]);
  });

  test('names the mail by its arguments and by its own ids', () => {
    const [event] = eventsOf({
      event: 'delivered',
      timestamp: 1_800_000_000,
      'relevo-message': 'M',
      'relevo-delivery': 'M.1',
      customer: 'secret',
      sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
      'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
    });
    expect(event).toMatchObject({ tags: { 'relevo-message': 'M', 'relevo-delivery': 'M.1' }, atMs: 1_800_000_000_000 });
    expect(event?.providerIds).toContain('14c5d75ce93.dfd.64b469');
    expect(event?.providerIds).toContain('14c5d75ce93.dfd.64b469@ismtpd-555');
  });

  test('with events of other kinds, or in a form that nobody knows, is taken for the others', () => {
    const post = posted([
      null,
      5,
      [],
      {},
      { event: '__proto__', email: 'a@b.test' },
      { event: 'account_status_change' },
      { event: 'open', email: { x: 1 } },
      { event: 'open', email: 'ann@dest.test', sg_event_id: 'o' },
    ]);
    expect(read(post)).toMatchObject({ kind: 'events', ignored: 7, events: [{ what: 'opened', ref: 'o' }] });
  });
});
