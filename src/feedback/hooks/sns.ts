/**
 * Messages of Amazon SNS, which carries what SES reports: signed with RSA by a certificate that the message names. Only
 * certificates and confirmations of Amazon's own hosts, in the topic's own region, are asked for.
 */
import { verify } from 'node:crypto';
import type { Fetch } from '../../ports.ts';
import { fieldsOf, type HookPost, type HookRefusal, jsonOf, textAt } from './provider-event.ts';
import type { SnsCertificates } from './sns-certificates.ts';
import { isInWindow } from './window.ts';

/** An SNS message has at most 256 KB; escaped once more it may double. */
const BODY_MOST = 600 * 1024;
const TYPES = ['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'] as const;
type SnsType = (typeof TYPES)[number];

export type SnsMessage = {
  readonly type: SnsType;
  readonly id: string;
  readonly topicArn: string;
  readonly text: string;
  /** Of confirmations; '' of others. */
  readonly token: string;
  readonly subscribeUrl: string;
};

export type SnsReading =
  | { readonly kind: 'believed'; readonly message: SnsMessage }
  | { readonly kind: 'refused'; readonly reason: HookRefusal }
  | { readonly kind: 'later'; readonly why: string };

export type SnsNeeds = { readonly topicArns: readonly string[]; readonly certificates: SnsCertificates };

/** Believes a message only of these topics. What costs little is looked at first: anybody may post. */
export async function readSns({ body, nowMs }: HookPost, { topicArns, certificates }: SnsNeeds): Promise<SnsReading> {
  if (body.length > BODY_MOST) return refused('too-large');
  const fields = fieldsOf(jsonOf(body));
  if (fields === null) return refused('malformed');
  const text = (name: string): string => textAt(fields, name);
  const type = TYPES.find((one) => one === text('Type'));
  const signature = text('Signature');
  if (type === undefined || !/^[A-Za-z0-9+/]{64,1400}={0,2}$/.test(signature)) return refused('unsigned');
  const topicArn = text('TopicArn');
  if (!topicArns.includes(topicArn)) return refused('topic');
  const signedAtMs = Date.parse(text('Timestamp'));
  if (!Number.isFinite(signedAtMs) || !isInWindow(signedAtMs, nowMs)) return refused('old');
  const hash = HASHES.get(text('SignatureVersion'));
  if (hash === undefined) return refused('unsigned');
  const url = amazonUrl(text('SigningCertURL'), topicArn);
  if (url === null || !/^\/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem$/.test(url.pathname) || url.search !== '')
    return refused('certificate');
  const certificate = await certificates.at(url.href);
  if (certificate.kind === 'later') return certificate;
  if (certificate.kind === 'refused') return refused('certificate');
  const signed = Buffer.from(canonical(type, { text, has: (name) => Object.hasOwn(fields, name) }));
  if (!verify(hash, signed, certificate.key, Buffer.from(signature, 'base64'))) return refused('signature');
  const message = { type, id: text('MessageId'), topicArn, text: text('Message'), token: text('Token') };
  return { kind: 'believed', message: { ...message, subscribeUrl: text('SubscribeURL') } };
}

const HASHES: ReadonlyMap<string, string> = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
]);

function refused(reason: HookRefusal): SnsReading {
  return { kind: 'refused', reason };
}

/** What is signed: names and values in turn, each on a line of its own, in the order of their names. */
function canonical(
  type: SnsType,
  { text, has }: { readonly text: (name: string) => string; readonly has: (name: string) => boolean },
): string {
  const names =
    type === 'Notification'
      ? ['Message', 'MessageId', ...(has('Subject') ? ['Subject'] : []), 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  return names.map((name) => `${name}\n${text(name)}\n`).join('');
}

/** null: it is not at Amazon SNS in the region of the topic. */
export function amazonUrl(text: string, topicArn: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const [, partition = '', , region = ''] = topicArn.split(':');
  const host = `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
  const isTheirs = url.protocol === 'https:' && url.host === host && url.username === '' && url.password === '';
  return isTheirs ? url : null;
}

/** Asks the address that ends a subscription's probation. @returns why it did not work; null: it did */
export async function confirmSubscription(
  fetch: Fetch,
  { topicArn, subscribeUrl }: SnsMessage,
): Promise<string | null> {
  const url = amazonUrl(subscribeUrl, topicArn);
  if (url === null) return 'the address for confirming is not at Amazon';
  try {
    const { status } = await fetch({ url: url.href, timeoutMs: 10_000, mostBytes: 64 * 1024 });
    return status === 200 ? null : `Amazon answered ${status}`;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
