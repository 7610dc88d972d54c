import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import {
  CERTIFICATE_URL,
  FakeSns,
  type ProviderPost,
  type SnsPost,
  TOPIC,
} from '../../../tests/fakes/provider-posts.ts';
import { SnsCertificates } from './sns-certificates.ts';
import { amazonUrl, confirmSubscription, readSns, type SnsReading } from './sns.ts';

const MINUTE_MS = 60_000;
let sns: FakeSns;
let clock: FakeClock;
let certificates: SnsCertificates;
beforeAll(async () => {
  sns = await FakeSns.start();
});
afterAll(() => sns[Symbol.asyncDispose]());
beforeEach(() => {
  clock = new FakeClock();
  sns.asked.length = 0;
  certificates = new SnsCertificates({ fetch: sns.fetch, clock });
});

const read = (post: ProviderPost, topicArns = [TOPIC]): Promise<SnsReading> =>
  readSns({ ...post, nowMs: clock.nowMs() }, { topicArns, certificates });
const post = (of: Partial<SnsPost> = {}, text = 'hello\nworld'): ProviderPost =>
  sns.post(text, { atMs: clock.nowMs(), ...of });
const changed = ({ headers, body }: ProviderPost, change: object): ProviderPost => ({
  headers,
  body: Buffer.from(JSON.stringify({ ...(JSON.parse(body.toString()) as object), ...change })),
});

describe('a message of SNS', () => {
  test('is believed, by either version of the signature, with a subject and without', async () => {
    for (const of of [{}, { version: '1' }, { subject: 'Amazon SES Email Event Notification' }] as const)
      expect(await read(post(of))).toMatchObject({
        kind: 'believed',
        message: { text: 'hello\nworld', topicArn: TOPIC },
      });
    for (const type of ['SubscriptionConfirmation', 'UnsubscribeConfirmation'])
      expect(await read(post({ type }))).toMatchObject({ kind: 'believed', message: { type, token: 'a-token' } });
    expect(sns.asked.map(({ url }) => url)).toEqual([CERTIFICATE_URL]);
  });

  const FOREIGN = 'arn:aws:sns:eu-west-1:210987654321:mail-events';
  const wrong: readonly (readonly [string, () => ProviderPost, string])[] = [
    ['without a signature', () => changed(post(), { Signature: undefined }), 'unsigned'],
    ['of an unknown version', () => changed(post(), { SignatureVersion: '3' }), 'unsigned'],
    ['of an unknown type', () => post({ type: 'Hello' }), 'unsigned'],
    ['whose text was changed', () => changed(post(), { Message: '{}' }), 'signature'],
    ['whose id was changed', () => changed(post(), { MessageId: 'another' }), 'signature'],
    ['that was given a subject', () => changed(post(), { Subject: 'x' }), 'signature'],
    [
      'whose confirmation address was changed',
      () =>
        changed(post({ type: 'SubscriptionConfirmation' }), { SubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?x' }),
      'signature',
    ],
    ['of two days ago', () => post({ atMs: clock.nowMs() - 2_880 * MINUTE_MS }), 'old'],
    ['of the future', () => post({ atMs: clock.nowMs() + 60 * MINUTE_MS }), 'old'],
    ['of a topic of somebody else', () => post({ topicArn: FOREIGN }), 'topic'],
    ['that is no JSON', () => ({ headers: {}, body: Buffer.from('Type=x') }), 'malformed'],
    ['of 700 KB', () => post({}, 'x'.repeat(700_000)), 'too-large'],
  ];
  test.each(wrong)('%s is refused', async (_, made, reason) => {
    expect(await read(made())).toEqual({ kind: 'refused', reason });
  });

  test('with a certificate from elsewhere is refused, and nobody is asked for it', async () => {
    const elsewhere = [
      'https://sns.eu-west-1.amazonaws.com.evil.test/SimpleNotificationService-1.pem',
      'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
      'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem',
      'https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
      'https://evil@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
      'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem',
      'https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-1.pem',
      'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x=1',
      'file:///etc/passwd',
      '',
    ];
    for (const certificateUrl of elsewhere)
      expect(await read(post({ certificateUrl }))).toEqual({ kind: 'refused', reason: 'certificate' });
    expect(sns.asked).toEqual([]);
  });

  test('in China comes from its hosts', () => {
    const arn = 'arn:aws-cn:sns:cn-north-1:123456789012:mail';
    expect(amazonUrl('https://sns.cn-north-1.amazonaws.com.cn/x', arn)).not.toBeNull();
    expect(amazonUrl('https://sns.cn-north-1.amazonaws.com/x', arn)).toBeNull();
  });

  test('is not confirmed at an address elsewhere, whoever signed it', async () => {
    const reading = await read(
      post({ type: 'SubscriptionConfirmation', subscribeUrl: 'https://intranet.test/delete' }),
    );
    if (reading.kind !== 'believed') throw new Error('it is signed');
    sns.asked.length = 0;
    expect(await confirmSubscription(sns.fetch, reading.message)).toBe('the address for confirming is not at Amazon');
    expect(sns.asked).toEqual([]);
  });
});

describe('a certificate', () => {
  const good = () => read(post());

  test('of another name, or one that ran out, is refused', async () => {
    try {
      for (const [name, options] of [
        ['mail.example.com', {}],
        ['sns.amazonaws.com', { expired: true }],
      ] as const) {
        await sns.become(name, options);
        certificates = new SnsCertificates({ fetch: sns.fetch, clock });
        expect(await good()).toEqual({ kind: 'refused', reason: 'certificate' });
      }
    } finally {
      await sns.become('sns-signing.eu-south-1.amazonaws.com');
    }
    certificates = new SnsCertificates({ fetch: sns.fetch, clock });
    expect(await good()).toMatchObject({ kind: 'believed' });
  });

  test('that cannot be had now is asked for again a minute later', async () => {
    let isAway = true;
    const fetch: FakeSns['fetch'] = (ask) => (isAway ? Promise.reject(new Error('ECONNRESET')) : sns.fetch(ask));
    certificates = new SnsCertificates({ fetch, clock });
    expect(await good()).toEqual({ kind: 'later', why: `the certificate at ${CERTIFICATE_URL}: ECONNRESET` });
    isAway = false;
    expect(await good()).toMatchObject({ kind: 'later' });
    await clock.advance(MINUTE_MS);
    expect(await good()).toMatchObject({ kind: 'believed' });
  });

  test('is asked for 60 times an hour at most, and those that do not exist drive none out', async () => {
    expect(await good()).toMatchObject({ kind: 'believed' });
    const other = (n: number) =>
      read(post({ certificateUrl: `${CERTIFICATE_URL.replace(/-\w+\.pem$/, '')}-${n}.pem` }));
    for (let n = 0; n < 59; n++) expect(await other(n)).toEqual({ kind: 'refused', reason: 'certificate' });
    expect(await other(100)).toMatchObject({ kind: 'later' });
    expect(sns.asked).toHaveLength(60);
    expect(await good()).toMatchObject({ kind: 'believed' });
    await clock.advance(60 * MINUTE_MS);
    expect(await other(100)).toMatchObject({ kind: 'refused' });
  });
});
