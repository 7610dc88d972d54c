/** Posts as providers make them, signed with keys of the test. Their forms are those of the providers' public documents. */
import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Fetch, FetchAsk } from '../../src/ports.ts';
import { createTestAuthority, type TestAuthority } from './certificates.ts';

export type ProviderPost = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** The key pair of a signed event webhook; `publicKey` as SendGrid's dashboard shows it. */
export function sendgridKeys(): { readonly publicKey: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'), privateKey };
}

/** A post of a signed event webhook. */
export function sendgridPost(
  events: readonly unknown[],
  { privateKey, atMs }: { readonly privateKey: KeyObject; readonly atMs: number },
): ProviderPost {
  const body = Buffer.from(JSON.stringify(events));
  const timestamp = String(Math.floor(atMs / 1_000));
  const signature = sign('sha256', Buffer.concat([Buffer.from(timestamp), body]), privateKey).toString('base64');
  return {
    headers: {
      'content-type': 'application/json',
      'x-twilio-email-event-webhook-signature': signature,
      'x-twilio-email-event-webhook-timestamp': timestamp,
    },
    body,
  };
}

/** A post of Mailgun with one event. */
export function mailgunPost(
  event: unknown,
  { signingKey, atMs, token }: { readonly signingKey: string; readonly atMs: number; readonly token: string },
): ProviderPost {
  const timestamp = String(Math.floor(atMs / 1_000));
  const signature = createHmac('sha256', signingKey)
    .update(timestamp + token)
    .digest('hex');
  const post = { signature: { timestamp, token, signature }, 'event-data': event };
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(post)) };
}

export const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:mail-events';
const SNS = 'https://sns.eu-west-1.amazonaws.com';
export const CERTIFICATE_URL = `${SNS}/SimpleNotificationService-0123456789abcdef.pem`;

export type SnsPost = {
  readonly atMs: number;
  readonly id?: string;
  readonly type?: string;
  readonly topicArn?: string;
  readonly certificateUrl?: string;
  readonly version?: '1' | '2';
  readonly subject?: string;
  readonly subscribeUrl?: string;
  readonly token?: string;
};

/** Amazon SNS with a certificate of a test authority, and what it is asked for. */
export class FakeSns implements AsyncDisposable {
  readonly #authority: TestAuthority;
  #pair: { readonly key: string; readonly cert: string };
  readonly asked: FetchAsk[] = [];
  /** What addresses answer; others are 404. */
  readonly answers = new Map<string, { readonly status: number; readonly body: Buffer }>();

  private constructor(authority: TestAuthority, pair: { readonly key: string; readonly cert: string }) {
    this.#authority = authority;
    this.#pair = pair;
    this.answers.set(CERTIFICATE_URL, { status: 200, body: Buffer.from(pair.cert) });
  }

  static async start(): Promise<FakeSns> {
    const authority = await createTestAuthority();
    return new FakeSns(authority, await authority.issue('sns.amazonaws.com', { rsa: true }));
  }

  readonly fetch: Fetch = async (ask) => {
    this.asked.push(ask);
    return this.answers.get(ask.url) ?? { status: 404, body: Buffer.alloc(0) };
  };

  /** Signs with another certificate from now on. */
  async become(name: string, options: { readonly expired?: boolean } = {}): Promise<void> {
    this.#pair = await this.#authority.issue(name, { rsa: true, ...options });
    this.answers.set(CERTIFICATE_URL, { status: 200, body: Buffer.from(this.#pair.cert) });
  }

  post(message: unknown, of: SnsPost): ProviderPost {
    const type = of.type ?? 'Notification';
    const isNotification = type === 'Notification';
    const fields: Record<string, string> = {
      Type: type,
      MessageId: of.id ?? '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
      TopicArn: of.topicArn ?? TOPIC,
      Message: typeof message === 'string' ? message : JSON.stringify(message),
      Timestamp: new Date(of.atMs).toISOString(),
      ...(of.subject === undefined ? {} : { Subject: of.subject }),
      ...(isNotification
        ? {}
        : {
            Token: of.token ?? 'a-token',
            SubscribeURL: of.subscribeUrl ?? `${SNS}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=a-token`,
          }),
    };
    // By name: that is their order for either kind.
    const signed = Object.entries(fields)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => `${name}\n${value}\n`);
    const version = of.version ?? '2';
    const signature = createSign(version === '1' ? 'RSA-SHA1' : 'RSA-SHA256')
      .update(signed.join(''))
      .sign(this.#pair.key, 'base64');
    const more = { SignatureVersion: version, Signature: signature };
    const body = { ...fields, ...more, SigningCertURL: of.certificateUrl ?? CERTIFICATE_URL };
    return { headers: { 'content-type': 'text/plain; charset=UTF-8' }, body: Buffer.from(JSON.stringify(body)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#authority[Symbol.asyncDispose]();
  }
}

/** What SES publishes of a message. */
export function sesEvent(
  type: string,
  of: {
    readonly delivery: string;
    readonly to: readonly string[];
    readonly messageId?: string;
    readonly more?: object;
  },
): unknown {
  const tags = { 'relevo-message': [of.delivery.slice(0, 26)], 'relevo-delivery': [of.delivery.replace('.', '_')] };
  return {
    eventType: type,
    mail: {
      timestamp: '2026-01-01T00:00:00.000Z',
      messageId: of.messageId ?? '0100000-ses',
      destination: of.to,
      tags: { 'ses:configuration-set': ['relevo'], ...tags },
    },
    ...of.more,
  };
}
