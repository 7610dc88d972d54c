import { afterAll, describe, expect, test } from 'vitest';
import { mailTo, NEVER, type MailOptions } from '../../../tests/fakes/exits.ts';
import { recipientsOf } from '../../../tests/fakes/sendgrid-checks.ts';
import { type Scripted, type SendGridServer, startSendGrid } from '../../../tests/fakes/sendgrid-server.ts';
import type { Event } from '../../message/event.ts';
import { systemClock, systemDial, systemDns } from '../../system.ts';
import { openCloudEgress } from '../cloud/cloud-egress.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import type { Egress } from '../egress.ts';
import { Reader } from './reader.ts';
import { SendGridApi } from './sendgrid-api.ts';

const CONTENT = 'From: a@example.com\r\nTo: b@example.net\r\nSubject: hello\r\n\r\nHello.\r\n';

/** Threads take a moment to start. */
const shared = new Reader(systemClock);
afterAll(() => shared[Symbol.asyncDispose]());
const READER = { read: shared.read.bind(shared), [Symbol.asyncDispose]: async () => {} };

type Rig = AsyncDisposable & { readonly egress: Egress; readonly server: SendGridServer; readonly events: Event[] };

async function rigged({ keys = ['SG.one'], timeoutMs = 10_000, keepsDkim = false } = {}): Promise<Rig> {
  const server = await startSendGrid();
  const events: Event[] = [];
  const clock = systemClock;
  const http = new HttpClient({ clock, dns: systemDns(() => null), dial: systemDial, timeoutMs, connections: 5 });
  const provider = new SendGridApi({
    http,
    endpoint: new URL(server.endpoint),
    reader: READER,
    clock,
    keepsDkim,
    strip: [],
  });
  const ports = { clock, emit: (event: Event) => void events.push(event) };
  const egress = openCloudEgress({ name: 'sg', provider, keys: plainKeys(keys), concurrency: 5, ports });
  return {
    egress,
    server,
    events,
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function mail(more: MailOptions = {}): ReturnType<typeof mailTo> {
  return { ...mailTo({ content: CONTENT, ...more }), deliveryId: '01J0000000000000000000000.1' as never };
}

describe('mail by SendGrid’s API', () => {
  test('is taken under an id, once, by a request of its own', async () => {
    await using rig = await rigged();
    const result = await rig.egress.attempt(mail({ to: ['b@example.net', 'hidden@example.net'] }), NEVER);
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'delivered']);
    expect(result.peers?.map(({ providerId }) => providerId)).toEqual(['id-1_gwKPCg', 'id-1_gwKPCg']);
    expect(rig.server.asked).toEqual(['POST /v3/mail/send SG.one']);
    expect(rig.server.accepted[0]?.body.personalizations).toEqual([
      { to: [{ email: 'b@example.net' }], bcc: [{ email: 'hidden@example.net' }] },
    ]);
  });

  test('that would lose something is for another exit, and SendGrid hears nothing of it', async () => {
    await using rig = await rigged({ keepsDkim: true });
    const signed = mail({ content: `DKIM-Signature: v=1\r\n${CONTENT}` });
    const result = await rig.egress.attempt(signed, NEVER);
    expect(result).toMatchObject({
      mailed: false,
      outcomes: [
        {
          kind: 'deferred',
          scope: 'egress',
          unfit: true,
          reply: { text: 'it would lose something by sg: it has a DKIM signature that is to be kept' },
        },
      ],
    });
    expect((await rig.egress.attempt(mail({ sender: '' }), NEVER)).outcomes[0]).toMatchObject({ unfit: true });
    expect((await rig.egress.attempt(mail({ to: ['x@example.net'] }), NEVER)).outcomes[0]).toMatchObject({
      unfit: true,
    });
    expect(rig.server.asked).toEqual([]);
  });

  test('bounces to addresses that are none, and reaches the others with one request more', async () => {
    await using rig = await rigged();
    const to = ['b@example.net', 'bad@nodots', 'hidden@example.net'];
    const content = CONTENT.replace('To: b@example.net', 'To: b@example.net\r\nCc: bad@nodots');
    const result = await rig.egress.attempt(mail({ to, content }), NEVER);
    expect(result.outcomes).toMatchObject([
      { kind: 'delivered' },
      { kind: 'bounced', scope: 'recipient', reply: { code: 550, detail: '1.3' } },
      { kind: 'delivered' },
    ]);
    expect(rig.server.accepted.map(({ body }) => recipientsOf(body).map(({ email }) => email))).toEqual([
      ['b@example.net', 'hidden@example.net'],
    ]);
    expect(rig.server.asked).toHaveLength(2);
  });

  test('goes with the next key at once where one is refused, and that is told', async () => {
    await using rig = await rigged({ keys: ['SG.gone-aaaaaaaaaaaa', 'SG.one'] });
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes[0]?.kind).toBe('delivered');
    expect(rig.events).toMatchObject([
      {
        event: 'alert',
        name: 'exit-key:sg',
        raised: true,
        text: expect.stringContaining('authorization grant is invalid') as string,
      },
    ]);
    expect(JSON.stringify(rig.events)).not.toContain('SG.gone');
  });

  const sayingNo = (status: number, message: string, field: string | null = null): Scripted => ({
    status,
    errors: [{ message, field }],
  });
  test.each<[string, Scripted, object]>([
    [
      'a key without the right to send',
      sayingNo(403, 'access forbidden'),
      { kind: 'deferred', scope: 'egress', reply: { detail: '7.8' } },
    ],
    [
      'a sender that is not verified',
      sayingNo(
        403,
        'The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.',
        'from',
      ),
      { kind: 'deferred', scope: 'egress', reply: { detail: '7.1' } },
    ],
    [
      'credits that are used up',
      sayingNo(401, 'Maximum credits exceeded'),
      { kind: 'deferred', scope: 'egress', restMs: expect.closeTo(5_000) as number },
    ],
    [
      'an account under review',
      sayingNo(403, 'Your account is under review'),
      { kind: 'deferred', scope: 'egress', reply: { detail: '7.1' } },
    ],
    [
      'too many requests',
      { status: 429, headers: { 'Retry-After': '7' }, errors: [{ message: 'too many requests', field: null }] },
      { kind: 'deferred', scope: 'egress', restMs: expect.closeTo(7_000) as number },
    ],
    [
      'a content that it refuses',
      sayingNo(400, 'The content value must be a string at least one character in length.', 'content.0.value'),
      { kind: 'bounced', scope: 'message', reply: { code: 550 } },
    ],
    [
      'a form that it refuses',
      sayingNo(400, 'Header values must be strings.', 'headers'),
      { kind: 'deferred', unfit: true },
    ],
    ['400 without a word', { status: 400, text: '<html>' }, { kind: 'deferred', scope: 'egress' }],
    ['413', sayingNo(413, 'content too large'), { kind: 'deferred', unfit: true }],
    ['another server', { status: 404, text: 'nginx' }, { kind: 'deferred', scope: 'egress', reply: { detail: '7.1' } }],
    [
      'a redirect',
      { status: 302, headers: { Location: 'http://127.0.0.1:1/' }, text: '' },
      { kind: 'deferred', scope: 'egress' },
    ],
    ['500', sayingNo(500, 'internal server error'), { kind: 'deferred', scope: 'egress' }],
    ['503', { status: 503, text: '' }, { kind: 'deferred', scope: 'egress' }],
    ['200, which takes nothing', { status: 200, text: '{}' }, { kind: 'in-doubt' }],
    ['a gateway that gave up', { status: 504, text: '' }, { kind: 'in-doubt' }],
    ['a reset after the message was sent', 'reset', { kind: 'in-doubt' }],
  ])('meets %s', async (_, scripted, outcome) => {
    await using rig = await rigged();
    rig.server.script.push(scripted);
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes).toMatchObject([outcome]);
    // And goes on by itself.
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes[0]?.kind).toBe('delivered');
  });

  test('rests until the limit is over where SendGrid says when', async () => {
    await using rig = await rigged();
    const resetS = Math.ceil(systemClock.nowMs() / 1_000) + 40;
    rig.server.script.push({ status: 429, headers: { 'X-RateLimit-Reset': String(resetS) }, errors: [] });
    const [outcome] = (await rig.egress.attempt(mail(), NEVER)).outcomes;
    const restMs = outcome?.kind === 'deferred' ? outcome.restMs : 0;
    expect(restMs).toBeGreaterThan(20_000);
    expect(restMs).toBeLessThanOrEqual(41_000);
  });

  test('is deferred where nothing listens', async () => {
    await using rig = await rigged();
    await rig.server[Symbol.asyncDispose]();
    expect((await rig.egress.attempt(mail(), NEVER)).outcomes).toMatchObject([{ kind: 'deferred', scope: 'egress' }]);
  });

  test('is in doubt where no answer came, and is found by its custom argument', async () => {
    await using rig = await rigged({ timeoutMs: 300 });
    rig.server.script.push('silence');
    const sent = mail({ to: ['b@example.net', 'c@example.net'] });
    expect((await rig.egress.attempt(sent, NEVER)).outcomes).toMatchObject([
      { kind: 'in-doubt' },
      { kind: 'in-doubt' },
    ]);
    const taken = { kind: 'taken', providerId: 'id-1_gwKPCg', others: 'unknown' };
    expect(await rig.egress.whether?.(sent, NEVER)).toEqual({
      ...taken,
      addresses: ['b@example.net', 'c@example.net'],
    });
    // Not for one who was not in the request.
    const more = mail({ to: ['z@example.net', 'B@example.net'] });
    expect(await rig.egress.whether?.(more, NEVER)).toEqual({ ...taken, addresses: ['B@example.net'] });
    const other = { ...sent, deliveryId: '01J0000000000000000000000.2' as never };
    expect(await rig.egress.whether?.(other, NEVER)).toEqual({ kind: 'unknown' });
    rig.server.hasActivity = false;
    expect(await rig.egress.whether?.(sent, NEVER)).toEqual({ kind: 'unknown' });
  });
});
