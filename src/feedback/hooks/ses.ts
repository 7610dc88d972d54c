/** What Amazon SES says of mail, in messages of SNS: published events, and notifications of an identity. */
import {
  addressIn,
  detailOf,
  fieldsAt,
  fieldsOf,
  jsonOf,
  listAt,
  type ProviderEvent,
  refOf,
  replyOf,
  tagsOf,
  textAt,
} from './provider-event.ts';

type Fields = ReturnType<typeof fieldsOf>;

/** What all events of one message share. */
type Of = Pick<ProviderEvent, 'recipients' | 'tags' | 'providerIds' | 'ref' | 'atMs' | 'host'>;

/**
 * @param text of the SNS message
 * @param id of the SNS message: the same where it is sent again
 * @returns null: of no use here
 */
export function readSes(text: string, id: string): readonly ProviderEvent[] | null {
  const fields = fieldsOf(jsonOf(text));
  const mail = fieldsAt(fields, 'mail');
  const type = textAt(fields, 'eventType') || textAt(fields, 'notificationType');
  if (mail === null || !Object.hasOwn(READERS, type)) return null;
  const messageId = textAt(mail, 'messageId');
  const of: Of = {
    recipients: addressesOf(listAt(mail, 'destination')),
    tags: tagsOf(fieldsAt(mail, 'tags')),
    providerIds: messageId === '' || messageId.length > 500 ? [] : [messageId],
    ref: refOf(id),
    atMs: timeOf(textAt(mail, 'timestamp')),
    host: null,
  };
  return READERS[type]?.(fields, of) ?? null;
}

type Read = (fields: Fields, of: Of) => readonly ProviderEvent[] | null;

const READERS: Readonly<Record<string, Read>> = {
  Send: (_, of) => [{ ...of, what: 'taken', reply: null, detail: '' }],
  Delivery: delivered,
  DeliveryDelay: delayed,
  Bounce: bounced,
  Complaint: complained,
  Reject: rejected,
  Open: (fields, of) => [{ ...said(fieldsAt(fields, 'open'), of), what: 'opened', reply: null, detail: '' }],
  Click: clicked,
  Subscription: unsubscribed,
};

function delivered(fields: Fields, of: Of): readonly ProviderEvent[] {
  const delivery = fieldsAt(fields, 'delivery');
  const recipients = addressesOf(listAt(delivery, 'recipients'));
  const detail = detailOf(textAt(delivery, 'smtpResponse'));
  return [{ ...said(delivery, of), ...recipientsOr(recipients, of), what: 'confirmed', reply: null, detail }];
}

function delayed(fields: Fields, of: Of): readonly ProviderEvent[] {
  const delay = fieldsAt(fields, 'deliveryDelay');
  return listAt(delay, 'delayedRecipients').map((one): ProviderEvent => {
    const recipient = fieldsOf(one);
    const detail = detailOf(textAt(recipient, 'diagnosticCode') || textAt(delay, 'delayType'));
    const recipients = addressesOf([one]);
    return { ...said(delay, of), recipients, what: 'put-off', reply: null, detail };
  });
}

function bounced(fields: Fields, of: Of): readonly ProviderEvent[] {
  const bounce = fieldsAt(fields, 'bounce');
  const [type, subtype] = [textAt(bounce, 'bounceType'), textAt(bounce, 'bounceSubType')];
  const host = /^dsn;\s*(\S+)/i.exec(textAt(bounce, 'reportingMTA'))?.[1];
  const isListed = /suppress/i.test(subtype);
  return listAt(bounce, 'bouncedRecipients').map((one): ProviderEvent => {
    const recipient = fieldsOf(one);
    const text = textAt(recipient, 'diagnosticCode') || `SES: ${type} ${subtype}`;
    const status = isListed ? '5.1.1' : textAt(recipient, 'status');
    return {
      ...said(bounce, of),
      recipients: addressesOf([one]),
      what: 'bounced-later',
      reply: replyOf({ text, status, isSoft: type !== 'Permanent' }),
      host: host === undefined ? null : detailOf(host),
      detail: '',
    };
  });
}

function complained(fields: Fields, of: Of): readonly ProviderEvent[] | null {
  const complaint = fieldsAt(fields, 'complaint');
  const kind = textAt(complaint, 'complaintFeedbackType');
  if (kind === 'not-spam') return null;
  const recipients = addressesOf(listAt(complaint, 'complainedRecipients'));
  return [{ ...said(complaint, of), recipients, what: 'complained', reply: null, detail: detailOf(kind) }];
}

/** It was taken, and not sent: SES says nothing of single recipients. */
function rejected(fields: Fields, of: Of): readonly ProviderEvent[] {
  const reason = textAt(fieldsAt(fields, 'reject'), 'reason');
  const reply = replyOf({ text: `554 SES rejected it: ${reason}`, status: '5.7.1', isSoft: false });
  return [{ ...of, what: 'bounced-later', reply, detail: '' }];
}

function clicked(fields: Fields, of: Of): readonly ProviderEvent[] {
  const click = fieldsAt(fields, 'click');
  return [{ ...said(click, of), what: 'clicked', reply: null, detail: detailOf(textAt(click, 'link')) }];
}

/** Who it was is not said: of a message to several it might be any. */
function unsubscribed(fields: Fields, of: Of): readonly ProviderEvent[] | null {
  const subscription = fieldsAt(fields, 'subscription');
  const preferences = fieldsAt(subscription, 'newTopicPreferences');
  const isOut =
    preferences?.['unsubscribeAll'] === true ||
    listAt(preferences, 'topicSubscriptionStatus').some(
      (one) => textAt(fieldsOf(one), 'subscriptionStatus') === 'OptOut',
    );
  if (!isOut || of.recipients.length !== 1) return null;
  return [{ ...said(subscription, of), what: 'unsubscribed', reply: null, detail: '' }];
}

/** With the time of this very event. */
function said(fields: Fields, of: Of): Of {
  return { ...of, atMs: timeOf(textAt(fields, 'timestamp')) ?? of.atMs };
}

function recipientsOr(recipients: readonly string[], of: Of): Pick<Of, 'recipients'> {
  return { recipients: recipients.length > 0 ? recipients : of.recipients };
}

/** Of texts, or of what has an `emailAddress`. */
function addressesOf(list: readonly unknown[]): string[] {
  return list.flatMap((one) => {
    const text = typeof one === 'string' ? one : textAt(fieldsOf(one), 'emailAddress');
    return text === '' ? [] : [addressIn(text)];
  });
}

function timeOf(text: string): number | null {
  const atMs = Date.parse(text);
  return Number.isFinite(atMs) ? atMs : null;
}
