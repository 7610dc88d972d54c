import { describe, expect, test } from 'vitest';
import { sesEvent } from '../../../tests/fakes/provider-posts.ts';
import { readSes } from './ses.ts';

const DELIVERY = '01KA0000000000000000000000.2';
const events = (type: string, more: object, to = ['ann@dest.test']) =>
  readSes(JSON.stringify(sesEvent(type, { delivery: DELIVERY, to, more })), 'sns-1');

describe('what SES publishes', () => {
  test('of mail that went well is taken, confirmed, put off, opened and clicked', () => {
    expect(events('Send', { send: {} })).toMatchObject([{ what: 'taken', recipients: ['ann@dest.test'] }]);
    const delivery = { recipients: ['ann@dest.test'], smtpResponse: '250 ok', timestamp: '2026-01-01T00:01:00.000Z' };
    expect(events('Delivery', { delivery }, ['ann@dest.test', 'bob@dest.test'])).toMatchObject([
      { what: 'confirmed', recipients: ['ann@dest.test'], detail: '250 ok', atMs: Date.UTC(2026, 0, 1, 0, 1) },
    ]);
    const deliveryDelay = {
      delayType: 'MailboxFull',
      delayedRecipients: [{ emailAddress: 'ann@dest.test', status: '4.2.2', diagnosticCode: '452 full' }],
    };
    expect(events('DeliveryDelay', { deliveryDelay })).toMatchObject([{ what: 'put-off', detail: '452 full' }]);
    expect(events('Open', { open: { ipAddress: '192.0.2.1' } })).toMatchObject([{ what: 'opened', detail: '' }]);
    expect(events('Click', { click: { link: 'https://shop.test/' } })).toMatchObject([
      { what: 'clicked', detail: 'https://shop.test/' },
    ]);
  });

  test('names the mail by its tags, whose dot SES does not take, and by its own id', () => {
    expect(events('Send', {})?.[0]).toMatchObject({
      tags: { 'relevo-message': DELIVERY.slice(0, 26), 'relevo-delivery': DELIVERY.replace('.', '_') },
      providerIds: ['0100000-ses'],
      ref: 'sns-1',
    });
  });

  test('of bounces says whose and why, and what may pass', () => {
    const bounce = (bounceType: string, bounceSubType: string, ...bouncedRecipients: object[]) =>
      events('Bounce', {
        bounce: { bounceType, bounceSubType, bouncedRecipients, reportingMTA: 'dsn; mta.amazonses.test' },
      })?.map(({ what, recipients, reply, host }) => ({ what, recipients, reply, host }));
    const host = 'mta.amazonses.test';
    expect(
      bounce(
        'Permanent',
        'General',
        { emailAddress: 'Ann <ann@dest.test>', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 user unknown' },
        { emailAddress: 'bob@dest.test' },
      ),
    ).toEqual([
      {
        what: 'bounced-later',
        recipients: ['ann@dest.test'],
        reply: { code: 550, detail: '1.1', text: 'user unknown' },
        host,
      },
      {
        what: 'bounced-later',
        recipients: ['bob@dest.test'],
        reply: { code: 550, detail: null, text: 'SES: Permanent General' },
        host,
      },
    ]);
    expect(bounce('Transient', 'MailboxFull', { emailAddress: 'ann@dest.test' })?.[0]?.reply?.code).toBe(450);
    expect(bounce('Permanent', 'OnAccountSuppressionList', { emailAddress: 'ann@dest.test' })?.[0]?.reply?.detail).toBe(
      '1.1',
    );
  });

  test('of a complaint counts only where it is one', () => {
    const complaint = (complaintFeedbackType: string) => ({
      complaint: { complaintFeedbackType, complainedRecipients: [{ emailAddress: 'ann@dest.test' }] },
    });
    expect(events('Complaint', complaint('abuse'))).toMatchObject([
      { what: 'complained', recipients: ['ann@dest.test'], detail: 'abuse' },
    ]);
    expect(events('Complaint', complaint('not-spam'))).toBeNull();
  });

  test('of a rejected message is a bounce of all its recipients', () => {
    expect(events('Reject', { reject: { reason: 'Bad content' } }, ['a@x.test', 'b@x.test'])).toMatchObject([
      { what: 'bounced-later', recipients: ['a@x.test', 'b@x.test'], reply: { code: 554, detail: '7.1' } },
    ]);
  });

  test('of an unsubscription counts where it is known whose', () => {
    const out = { subscription: { newTopicPreferences: { unsubscribeAll: true } } };
    expect(events('Subscription', out)).toMatchObject([{ what: 'unsubscribed' }]);
    expect(events('Subscription', out, ['a@x.test', 'b@x.test'])).toBeNull();
    expect(events('Subscription', { subscription: { newTopicPreferences: { unsubscribeAll: false } } })).toBeNull();
  });

  test('as notifications of an identity, without tags, is read by its id', () => {
    const { eventType, mail } = sesEvent('Bounce', { delivery: DELIVERY, to: ['ann@dest.test'] }) as {
      eventType: string;
      mail: object;
    };
    const text = JSON.stringify({
      notificationType: eventType,
      mail: { ...mail, tags: undefined },
      bounce: { bounceType: 'Permanent', bouncedRecipients: [{ emailAddress: 'ann@dest.test' }] },
    });
    expect(readSes(text, 'sns-1')).toMatchObject([{ what: 'bounced-later', tags: {}, providerIds: ['0100000-ses'] }]);
  });

  test('of other kinds, and what SNS says of the subscription, is of no use', () => {
    expect(readSes('Successfully validated SNS topic for Amazon SES event publishing.', 'x')).toBeNull();
    expect(readSes('{"eventType":"constructor","mail":{}}', 'x')).toBeNull();
    expect(events('Rendering Failure', {})).toBeNull();
    expect(readSes('[]', 'x')).toBeNull();
  });
});
