import {
  AccountSuspendedException,
  BadRequestException,
  GetAccountCommand,
  LimitExceededException,
  MessageRejected,
  SendEmailCommand,
  type SendEmailCommandInput,
  SESv2Client,
  type SESv2ClientConfig,
} from '@aws-sdk/client-sesv2';
import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { openSubmitRig } from '../../../tests/fakes/submit-rig.ts';
import type { MessageId } from '../../message/ids.ts';
import { systemClock } from '../../system.ts';

type Rig = Awaited<ReturnType<typeof openSubmitRig>>;

/** By the wall clock, which the SDK signs by. */
const opened = (policy: object = {}) => openSubmitRig({ clock: systemClock, policy });

/** The real SDK, by its endpoint alone. */
async function sdk(rig: Rig, config: Partial<SESv2ClientConfig> = {}, ask: Parameters<Rig['issue']>[0] = {}) {
  const { accessKeyId = '', secretAccessKey = '' } = await rig.issue({ client: 'shop', withAccessKey: true, ...ask });
  const credentials = { accessKeyId, secretAccessKey };
  return new SESv2Client({ region: 'eu-west-1', endpoint: rig.base, credentials, ...config });
}

const SIMPLE: SendEmailCommandInput = {
  FromEmailAddress: '=?utf-8?Q?=C3=81na?= <ana@shop.example>',
  Destination: {
    ToAddresses: ['Bob <bob@dest.example>'],
    CcAddresses: ['cid@dest.example'],
    BccAddresses: ['eve@hidden.example'],
  },
  ReplyToAddresses: ['desk@shop.example'],
  FeedbackForwardingEmailAddress: 'bounce@shop.example',
  ConfigurationSetName: 'marketing',
  EmailTags: [
    { Name: 'relevo-priority', Value: 'high' },
    { Name: 'campaign', Value: 'may' },
  ],
  Content: {
    Simple: {
      Subject: { Data: 'Grüße' },
      Body: { Text: { Data: 'text' }, Html: { Data: '<p>html</p>' } },
      Headers: [{ Name: 'X-Order', Value: '17' }],
      Attachments: [{ RawContent: Buffer.from('bill'), FileName: 'bill.pdf', ContentType: 'application/pdf' }],
    },
  },
};

test('the AWS SDK sends by another endpoint and a key of ours: a simple message, and a raw one byte for byte', async () => {
  await using rig = await opened();
  const ses = await sdk(rig);
  expect(await ses.send(new GetAccountCommand({}))).toMatchObject({
    SendingEnabled: true,
    ProductionAccessEnabled: true,
  });
  const { MessageId: simple = '' } = await ses.send(new SendEmailCommand(SIMPLE));
  const story = await rig.spool.story(simple as MessageId);
  expect(story?.message).toMatchObject({ client: 'shop', stream: 'marketing', priority: 'high', tag: 'campaign=may' });
  expect(story?.events[0]).toMatchObject({
    sender: 'bounce@shop.example',
    recipients: ['bob@dest.example', 'cid@dest.example', 'eve@hidden.example'],
  });
  const text = await rig.textOf(simple);
  expect(text).not.toMatch(/hidden|relevo-/i);
  const mail = await simpleParser(text);
  expect(mail.from?.value).toEqual([{ address: 'ana@shop.example', name: 'Ána' }]);
  expect([mail.subject, mail.text, mail.html, mail.headers.get('x-order')]).toEqual([
    'Grüße',
    'text',
    '<p>html</p>',
    '17',
  ]);
  expect(mail.attachments.map(({ filename, content }) => [filename, content.toString()])).toEqual([
    ['bill.pdf', 'bill'],
  ]);

  const raw =
    'From: ana@shop.example\r\nTo: x@dest.example\r\nBcc: y@dest.example\r\nSubject: raw\r\n\r\n.body \u00e9\r\n';
  const Content = { Raw: { Data: Buffer.from(raw) } };
  const named = await ses.send(new SendEmailCommand({ Content, Destination: { ToAddresses: ['bob@dest.example'] } }));
  const told = (await rig.spool.story(named.MessageId as MessageId))?.events[0];
  expect(told).toMatchObject({ sender: 'ana@shop.example', recipients: ['bob@dest.example'] });
  expect(await rig.textOf(named.MessageId ?? '')).toMatch(/\r\n\r\n\.body é\r\n$/);
  const unnamed = await ses.send(new SendEmailCommand({ Content }));
  expect((await rig.spool.story(unnamed.MessageId as MessageId))?.events[0]).toMatchObject({
    recipients: ['x@dest.example', 'y@dest.example'],
  });
});

test('what is refused is thrown as the SDK’s own errors', async () => {
  const shop = { networks: ['127.0.0.2'], senders: ['*@shop.example'], quota: '2/d' };
  await using rig = await opened({ clients: { shop }, limits: { messageSize: '64KB' } });
  const ses = await sdk(rig, { maxAttempts: 1 });
  const refused = (change: Partial<SendEmailCommandInput>) =>
    ses.send(new SendEmailCommand({ ...SIMPLE, EmailTags: [], ...change })).catch((error: unknown) => error);
  expect(
    await refused({ FromEmailAddress: 'x@bank.example', FeedbackForwardingEmailAddress: undefined }),
  ).toBeInstanceOf(MessageRejected);
  expect(await refused({ FromEmailAddress: 'nonsense' })).toBeInstanceOf(BadRequestException);
  expect(await refused({ Destination: { ToAddresses: ['a@b', 'nonsense'] } })).toMatchObject({
    name: 'BadRequestException',
    message: expect.stringContaining('Destination.ToAddresses.1'),
  });
  expect(await refused({ Content: { Template: { TemplateName: 'x', TemplateData: '{}' } } })).toMatchObject({
    name: 'BadRequestException',
    message: expect.stringContaining('Template is not supported'),
  });
  expect(await refused({ ListManagementOptions: { ContactListName: 'x' } })).toBeInstanceOf(BadRequestException);
  expect(await refused({ Content: {} })).toBeInstanceOf(BadRequestException);
  const Headers = [{ Name: 'Bcc', Value: 'x@y.example' }];
  expect(await refused({ Content: { Simple: { ...SIMPLE.Content?.Simple, Headers } as never } })).toBeInstanceOf(
    BadRequestException,
  );
  const Raw = { Data: Buffer.alloc(80_000, 'line\n') };
  expect(await refused({ Content: { Raw } })).toBeInstanceOf(MessageRejected);
  expect(await refused({})).toBeInstanceOf(LimitExceededException);
  const gone = await sdk(rig, { maxAttempts: 1 }, { name: 'gone', client: 'gone' });
  const answer = await gone.send(new SendEmailCommand(SIMPLE)).catch((error: unknown) => error);
  expect(answer).toBeInstanceOf(AccountSuspendedException);
  expect((await rig.spool.overview()).messages).toBe(0);
});

test('a wrong secret, a key that nobody has, a body that was changed and a clock far off open nothing', async () => {
  await using rig = await opened();
  const named = async (ses: SESv2Client) =>
    ses.send(new SendEmailCommand(SIMPLE)).then(
      () => 'sent',
      (error: unknown) => (error as Error).name,
    );
  const { accessKeyId = '', secretAccessKey = '' } = await rig.issue({ client: 'shop', withAccessKey: true });
  const by = (credentials: { accessKeyId: string; secretAccessKey: string }, config: Partial<SESv2ClientConfig> = {}) =>
    new SESv2Client({ region: 'us-east-1', endpoint: rig.base, credentials, maxAttempts: 1, ...config });
  expect(await named(by({ accessKeyId, secretAccessKey: `${secretAccessKey}x` }))).toBe('InvalidSignatureException');
  expect(await named(by({ accessKeyId: 'RLVAAAAAAAAAAAAAAAAA', secretAccessKey }))).toBe('UnrecognizedClientException');
  expect(await named(by({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey }))).toBe('UnrecognizedClientException');
  const good = { accessKeyId, secretAccessKey };
  expect(await named(by(good, { systemClockOffset: 16 * 60_000 }))).toBe('InvalidSignatureException');
  expect(await named(by(good, { systemClockOffset: -16 * 60_000 }))).toBe('InvalidSignatureException');
  expect(await named(by(good, { systemClockOffset: 14 * 60_000 }))).toBe('sent');
  // By the time that the answer tells, the SDK finds the right one itself.
  expect(await named(by(good, { systemClockOffset: -16 * 60_000, maxAttempts: 2 }))).toBe('sent');
  const changed = by(good);
  changed.middlewareStack.add(
    (next) => (args) => {
      (args.request as { body: string }).body = JSON.stringify({ ...SIMPLE, FromEmailAddress: 'other@shop.example' });
      (args.request as { headers: Record<string, string> }).headers['content-length'] = String(
        Buffer.byteLength((args.request as { body: string }).body),
      );
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'changed' },
  );
  expect(await named(changed)).toBe('InvalidSignatureException');
  const failed = rig.events.filter(({ event }) => event === 'auth-failed');
  expect(failed.length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify(rig.events)).not.toContain(secretAccessKey);
  // Who may not submit may not by this either.
  expect(await named(await sdk(rig, { maxAttempts: 1 }, { name: 'reader', scopes: ['read'] }))).toBe(
    'AccessDeniedException',
  );
  expect((await rig.spool.overview()).messages).toBe(2);
});

test('a request that is recorded and sent again, and one that the SDK tries again, are one message', async () => {
  await using rig = await opened();
  const ses = await sdk(rig);
  const sent: { headers: Record<string, string>; body: string }[] = [];
  ses.middlewareStack.add(
    (next) => async (args) => {
      const { headers, body } = args.request as { headers: Record<string, string>; body: string };
      sent.push({ headers, body });
      const answer = await next(args);
      // The first answer is lost on its way.
      if (sent.length === 1) throw Object.assign(new Error('lost'), { name: 'TimeoutError', $retryable: {} });
      return answer;
    },
    { step: 'finalizeRequest', priority: 'low', name: 'recorded' },
  );
  const { MessageId: id } = await ses.send(new SendEmailCommand(SIMPLE));
  expect(sent).toHaveLength(2);
  for (const { headers, body } of sent) {
    const again = await rig.post('/v2/email/outbound-emails', body, headers);
    expect([again.status, await again.json()]).toEqual([200, { MessageId: id }]);
  }
  expect((await rig.spool.overview()).messages).toBe(1);
  const { MessageId: other } = await ses.send(new SendEmailCommand(SIMPLE));
  expect(other).not.toBe(id);
});

test('a bearer token is as good; a rotated key is for its overlap', async () => {
  await using rig = await opened();
  const { token, accessKeyId = '', secretAccessKey = '' } = await rig.issue({ client: 'shop', withAccessKey: true });
  const bearer = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const answer = await rig.post('/v2/email/outbound-emails', JSON.stringify(SIMPLE, asBase64), bearer);
  expect([answer.status, await answer.json()]).toEqual([200, { MessageId: expect.stringMatching(/^[0-9A-Z]{26}$/) }]);
  const unknown = await rig.post('/v2/email/outbound-emails', '{}', { ...bearer, authorization: 'Bearer rlv_x' });
  expect([unknown.status, unknown.headers.get('x-amzn-errortype')]).toEqual([403, 'UnrecognizedClientException']);
  const by = (accessKey: { accessKeyId: string; secretAccessKey: string }) =>
    new SESv2Client({ region: 'eu-west-1', endpoint: rig.base, credentials: accessKey, maxAttempts: 1 });
  const rotated = await rig.tokens.rotateToken({ name: 'app', overlapMs: 60_000 });
  const next = { accessKeyId: rotated.accessKeyId ?? '', secretAccessKey: rotated.secretAccessKey ?? '' };
  expect(next.accessKeyId).not.toBe(accessKeyId);
  for (const one of [{ accessKeyId, secretAccessKey }, next]) await by(one).send(new SendEmailCommand(SIMPLE));
  await rig.tokens.rotateToken({ name: 'app', overlapMs: 0 });
  await expect(by(next).send(new SendEmailCommand(SIMPLE))).rejects.toThrow(/token/);
  expect((await rig.spool.overview()).messages).toBe(3);
});

function asBase64(_: string, value: unknown): unknown {
  const bytes = value as { type?: unknown; data?: readonly number[] } | null;
  return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString('base64') : value;
}
