import { simpleParser } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { createTestAuthority } from '../../../tests/fakes/certificates.ts';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { exitPorts, mailTo, NEVER, testPolicy } from '../../../tests/fakes/exits.ts';
import { HTML, IMAGE, INVITE, message, multi, ODD_NAME, PLAIN } from '../../../tests/fakes/mime-samples.ts';
import { type SendGridSmtpServer, startSendGridSmtp } from '../../../tests/fakes/sendgrid-smtp.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../../message/header.ts';
import type { Event } from '../../message/event.ts';
import type { DeliveryId } from '../../message/ids.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Dns } from '../../ports.ts';
import type { ExitSign } from '../cloud/headers.ts';
import { testEgress, type EgressUnderTest } from '../egress.contract.ts';
import type { Egress } from '../egress.ts';
import { apiBesideOf, smtpEndpointOf } from './endpoint.ts';
import { openSendGridEgress } from './sendgrid-egress.ts';

function exitTo(
  endpoint: string,
  more: Record<string, unknown> = {},
  { events = [], ...ports }: { readonly events?: Event[]; readonly dns?: Dns; readonly sign?: ExitSign } = {},
): Egress {
  const settings = { type: 'sendgrid' as const, apiKeys: ['SG.one'], endpoint, timeout: '5s', ...more };
  const it = testPolicy({ egress: { it: settings } }).egress['it'];
  if (it?.type !== 'sendgrid') throw new Error('not a sendgrid exit');
  return openSendGridEgress('sg', it, { ...exitPorts(), ...ports, emit: (event) => void events.push(event) });
}

/** The message below the field that was put on top of it. */
function below(content: Buffer): Buffer {
  const [first] = parseHeaderBlock(content.subarray(0, bodyOffsetOf(content))).fields;
  return first?.name === 'x-smtpapi' ? content.subarray(first.raw.length) : Buffer.from('no X-SMTPAPI');
}

async function open(): Promise<EgressUnderTest> {
  const users = { apikey: 'SG.one' };
  const sink = await startSmtpSink({ auth: { users, mechanisms: ['PLAIN'] } });
  const egress = exitTo(`smtp://127.0.0.1:${sink.port}`);
  return {
    egress,
    arrived: () =>
      Promise.resolve(
        sink.accepted.map(({ sender, recipients, content }) => ({
          sender,
          recipients: recipients.map(({ address }) => address),
          content: below(content),
        })),
      ),
    breakDown: () => sink.stop(),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await sink.stop();
    },
  };
}

testEgress('sendgrid by SMTP, below the field on top,', open);

type Rig = AsyncDisposable & { readonly egress: Egress; readonly server: SendGridSmtpServer; readonly events: Event[] };

async function rigged(more: Record<string, unknown> = {}, ports: { readonly sign?: ExitSign } = {}): Promise<Rig> {
  const server = await startSendGridSmtp();
  const events: Event[] = [];
  const egress = exitTo(server.endpoint, more, { events, ...ports });
  return {
    server,
    egress,
    events,
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function mail(content: Buffer | string = message(PLAIN)): ReturnType<typeof mailTo> {
  return { ...mailTo({ content }), deliveryId: '01J.1' as DeliveryId };
}

describe('mail by SendGrid’s SMTP server', () => {
  test.each([
    ['alternatives', multi('alternative', PLAIN, HTML)],
    ['an image inside the HTML', multi('related', multi('alternative', PLAIN, HTML), IMAGE)],
    ['an attachment with an odd name', multi('mixed', PLAIN, ODD_NAME)],
    ['an invitation', multi('alternative', PLAIN, HTML, INVITE)],
    [
      'what its API could not say',
      multi('mixed', multi('mixed', PLAIN), 'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny'),
    ],
  ])('arrives as it was, with %s', async (_, body) => {
    await using rig = await rigged();
    const content = message(body, [
      'DKIM-Signature: v=1; a=rsa-sha256',
      'X-Twice: 1',
      'X-Twice: 2',
      'From: a@example.com',
    ]);
    await rig.egress.attempt(mail(content), NEVER);
    const [taken] = rig.server.taken;
    expect(below(taken?.content ?? Buffer.alloc(0)).equals(content)).toBe(true);
    const { headers } = await simpleParser(taken?.content ?? '');
    expect(JSON.parse(headers.get('x-smtpapi') as string)).toMatchObject({
      category: ['transactional'],
      unique_args: { 'relevo-delivery': '01J.1', 'relevo-client': 'app' },
    });
  });

  test('is known by the id of SendGrid’s reply', async () => {
    await using rig = await rigged();
    const result = await rig.egress.attempt(
      { ...mail(), recipients: mailTo({ to: ['b@example.net', 'c@example.net'] }).recipients },
      NEVER,
    );
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'delivered']);
    expect(result.peers?.map(({ providerId }) => providerId)).toEqual(['id-1_c5cVN9Xw', 'id-1_c5cVN9Xw']);
  });

  test('gives no orders of its own to SendGrid, and loses what the policy takes off', async () => {
    await using rig = await rigged({ dkim: 'strip', stripHeaders: ['x-internal-*'] });
    const orders = 'X-SMTPAPI: {"to":["x@evil.test"]}\r\nDKIM-Signature: v=1\r\nX-Internal-Id: 7\r\n';
    await rig.egress.attempt(mail(Buffer.concat([Buffer.from(orders), message(PLAIN)])), NEVER);
    expect(below(rig.server.taken[0]?.content ?? Buffer.alloc(0)).equals(message(PLAIN))).toBe(true);
  });

  test('is signed anew where the policy says so', async () => {
    const sign: ExitSign = async ({ uncovered, fields }) => {
      expect([uncovered.size, fields.some(({ name }) => name === 'dkim-signature')]).toEqual([0, false]);
      return Buffer.from('DKIM-Signature: v=1; a=rsa-sha256; d=anew\r\n');
    };
    await using rig = await rigged({ dkim: 'sign' }, { sign });
    await rig.egress.attempt(
      mail(Buffer.concat([Buffer.from('DKIM-Signature: v=1; d=old\r\n'), message(PLAIN)])),
      NEVER,
    );
    const sent = below(rig.server.taken[0]?.content ?? Buffer.alloc(0)).toString();
    expect(sent).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256; d=anew\r\n/);
    expect(sent).not.toContain('d=old');
  });

  test('goes to nobody whose certificate is not to be trusted, nor does the key', async () => {
    await using authority = await createTestAuthority();
    const pair = await authority.selfSigned('smtp.grid.test');
    const auth = { users: { apikey: 'SG.one' }, mechanisms: ['PLAIN' as const] };
    const dns = fakeDns(new DnsZone({ 'smtp.grid.test': { a: ['127.0.0.1'] } }));
    await using forged = await startSmtpSink({ auth, tls: { mode: 'starttls', ...pair } });
    await using clear = await startSmtpSink({ auth });
    for (const { port } of [forged, clear]) {
      await using egress = exitTo(`smtp://smtp.grid.test:${port}`, {}, { dns });
      const [outcome] = (await egress.attempt(mail(), NEVER)).outcomes;
      expect(outcome).toMatchObject({
        kind: 'deferred',
        scope: 'egress',
        reply: { detail: expect.stringMatching(/^7\.[45]$/) as string },
      });
    }
    expect([...forged.commands, ...clear.commands].join()).not.toContain('AUTH');
  });

  test('goes with the next key at once where one is refused, and that is told once', async () => {
    await using rig = await rigged({ apiKeys: ['SG.gone-aaaaaaaaaaaa', 'SG.one'] });
    for (let sent = 0; sent < 3; sent++) {
      const result = await rig.egress.attempt(mail(), NEVER);
      expect(result.outcomes.map(({ kind }) => kind)).toEqual(['delivered']);
    }
    expect(rig.server.signIns.filter((one) => one.includes('gone'))).toHaveLength(1);
    expect(rig.events).toMatchObject([{ event: 'alert', name: 'exit-key:sg', raised: true }]);
    expect(JSON.stringify(rig.events)).not.toContain('SG.gone');
  });

  test('goes to nobody twice where the word against a key comes once others have it', async () => {
    await using rig = await rigged({ apiKeys: ['SG.one', 'SG.two'] });
    rig.server.keys.add('SG.two');
    rig.server.refuses = { rcpt: { code: 550, text: 'Unauthenticated senders not allowed' } };
    const recipients = ['a@example.net', 'b@example.net'];
    const { outcomes } = await rig.egress.attempt(mailTo({ content: message(PLAIN), to: recipients }), NEVER);
    expect(outcomes).toMatchObject([{ kind: 'deferred', scope: 'egress' }, { kind: 'delivered' }]);
    expect(rig.server.taken.map((taken) => taken.recipients)).toEqual([['b@example.net']]);
  });

  test('takes keys in turn', async () => {
    await using rig = await rigged({ apiKeys: ['SG.one', 'SG.two'] });
    rig.server.keys.add('SG.two');
    for (let sent = 0; sent < 4; sent++) await rig.egress.attempt(mail(), NEVER);
    expect(rig.server.taken.map(({ key }) => key)).toEqual(['SG.one', 'SG.two', 'SG.one', 'SG.two']);
  });

  test('is the exit’s trouble where every key is refused', async () => {
    await using rig = await rigged({ apiKeys: ['SG.gone'] });
    const { outcomes } = await rig.egress.attempt(mail(), NEVER);
    expect(outcomes).toMatchObject([{ kind: 'deferred', scope: 'egress', reply: { code: 451, detail: '7.8' } }]);
  });

  test.each<[string, 'auth' | 'rcpt' | 'dot', number, string, object]>([
    [
      'credits that are used up, at sign-in',
      'auth',
      451,
      'Authentication failed: Maximum credits exceeded',
      { kind: 'deferred', scope: 'egress', restMs: expect.closeTo(900_000) as number },
    ],
    [
      'credits that are used up, at the end',
      'dot',
      550,
      'Maximum credits exceeded',
      { kind: 'deferred', scope: 'egress', reply: { code: 451 }, restMs: expect.closeTo(900_000) as number },
    ],
    [
      'too much',
      'dot',
      452,
      'Too many recipients received this hour (throttled)',
      { kind: 'deferred', scope: 'egress', restMs: expect.closeTo(5_000) as number },
    ],
    [
      'a sender that is not verified',
      'dot',
      550,
      'The from address does not match a verified Sender Identity.',
      { kind: 'deferred', scope: 'egress', reply: { code: 451 } },
    ],
    ['a content that it refuses', 'dot', 554, 'Message rejected', { kind: 'bounced', scope: 'message' }],
    [
      'a recipient that it refuses',
      'rcpt',
      550,
      'Requested action not taken: mailbox unavailable',
      { kind: 'bounced', scope: 'recipient' },
    ],
    ['its own trouble', 'dot', 451, 'Temporary local problem - please try later', { kind: 'deferred' }],
  ])('meets %s', async (_, stage, code, text, outcome) => {
    await using rig = await rigged();
    rig.server.refuses = { [stage]: { code, text } };
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes).toMatchObject([outcome]);
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes[0]?.kind).toBe('delivered');
  });

  test('from one sender that is not verified stops other mail not, while that is taken', async () => {
    await using rig = await rigged();
    await rig.egress.attempt(mail(), NEVER);
    rig.server.refuses = { dot: { code: 550, text: 'The from address does not match a verified Sender Identity.' } };
    const [outcome] = (await rig.egress.attempt(mail(), NEVER)).outcomes as [Outcome];
    expect(outcome).toMatchObject({ kind: 'deferred', unfit: true });
    expect(rig.events).toMatchObject([
      { name: 'exit-provider:sg', text: expect.stringContaining('Verify the sender’s domain') as string },
    ]);
  });

  test('that it has no way for is for another exit', async () => {
    await using rig = await rigged();
    const international = { ...mailTo({ envelope: { smtpUtf8: true } }) };
    const without = await startSmtpSink({
      extensions: [],
      auth: { users: { apikey: 'SG.one' }, mechanisms: ['PLAIN'] },
    });
    await using egress = exitTo(`smtp://127.0.0.1:${without.port}`);
    expect((await egress.attempt(international, NEVER)).outcomes).toMatchObject([
      { kind: 'deferred', scope: 'egress', unfit: true, own: true },
    ]);
    await without.stop();
    expect(
      (await rig.egress.attempt(mail(Buffer.concat([message(PLAIN), Buffer.alloc(32_000_000, 'x\r\n')])), NEVER))
        .outcomes,
    ).toMatchObject([{ kind: 'deferred', unfit: true }]);
  });
});

test.each([
  [undefined, { host: 'smtp.sendgrid.net', port: 587, tls: 'starttls' }],
  ['smtps://smtp.sendgrid.net', { host: 'smtp.sendgrid.net', port: 465, tls: 'implicit' }],
  ['smtp://mail.example:2525', { host: 'mail.example', port: 2525, tls: 'starttls' }],
  ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'none' }],
  ['smtp://127.0.0.1', { host: '127.0.0.1', port: 587, tls: 'none' }],
])('the endpoint %s is used with a checked certificate, but on loopback', (endpoint, expected) => {
  expect(smtpEndpointOf(endpoint === undefined ? {} : { endpoint })).toEqual(expected);
});

test('SendGrid is asked about mail in doubt by its API, and nobody else is', async () => {
  expect(apiBesideOf({})?.href).toBe('https://api.sendgrid.com/');
  expect(apiBesideOf({ endpoint: 'smtps://smtp.eu.sendgrid.net' })?.href).toBe('https://api.eu.sendgrid.com/');
  expect(apiBesideOf({ endpoint: 'smtp://smtp.sendgrid.net.evil.test' })).toBeNull();
  await using rig = await rigged();
  expect('whether' in rig.egress).toBe(false);
  await using real = exitTo('smtp://smtp.sendgrid.net:587');
  expect('whether' in real).toBe(true);
});
