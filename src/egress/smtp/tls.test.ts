import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuthority, type KeyPair, type TestAuthority } from '../../../tests/fakes/certificates.ts';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { exitPorts, LARGE_CONTENT, mailTo, NEVER, smtpPolicy } from '../../../tests/fakes/exits.ts';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import type { SinkOptions } from '../../../tests/fakes/sink-books.ts';
import type { AttemptResult } from '../egress.ts';
import { openSmtpEgress } from './smtp-egress.ts';

const HOST = 'mail.example.org';

let authority: TestAuthority;
let good: KeyPair;
let expired: KeyPair;
let otherName: KeyPair;
let selfSigned: KeyPair;

beforeAll(async () => {
  authority = await createTestAuthority();
  [good, expired, otherName, selfSigned] = [
    await authority.issue(HOST),
    await authority.issue(HOST, { expired: true }),
    await authority.issue('other.example.org'),
    await authority.selfSigned(HOST),
  ];
});

afterAll(() => authority[Symbol.asyncDispose]());

const offering = ({ key, cert }: KeyPair, mode: 'starttls' | 'implicit' = 'starttls'): SinkOptions => ({
  tls: { mode, key, cert },
});

describe('to MX hosts', () => {
  test('any certificate is better than clear text', async () => {
    for (const pair of [good, expired, otherName, selfSigned]) {
      await using rig = await startMxRig({ sinks: [offering(pair)] });
      const result = await rig.send();
      expect(kinds(result)).toEqual(['delivered']);
      expect(result.tls).toBe('TLSv1.3');
      expect(rig.sink.messages[0]?.tls).toBe('TLSv1.3');
    }
  });

  test('what was offered before TLS counts for nothing: EHLO is said again', async () => {
    await using rig = await startMxRig({ sinks: [offering(good)] });
    await rig.send();
    expect(rig.sink.commands.slice(0, 4)).toEqual([
      '1 EHLO relay.example.com',
      '1 STARTTLS',
      '1 EHLO relay.example.com',
      '1 MAIL FROM:<a@example.com> SIZE=66',
    ]);
  });

  test.each(['garbage', 'close', 'reset'] as const)(
    'a handshake that ends in %s: clear text over a new connection, and for some hours at once',
    async (action) => {
      await using rig = await startMxRig({ sinks: [offering(good)] });
      rig.sink.fault('handshake', action);
      const first = await rig.send();
      expect(kinds(first)).toEqual(['delivered']);
      expect(first.tls).toBeNull();
      expect(rig.sink.sessions).toBe(2);
      rig.sink.commands.length = 0;
      await rig.sink.stop();
      await rig.sink.listen();
      expect(kinds(await rig.send())).toEqual(['delivered']);
      expect(rig.sink.sessions).toBe(3);
      expect(rig.sink.commands.some((command) => command.includes('STARTTLS'))).toBe(false);
    },
  );

  test('a handshake that hangs is given up in its time', async () => {
    const timeouts = { connect: '150ms', reply: '20s', data: '20s' };
    await using rig = await startMxRig({ sinks: [offering(good)], exit: { timeouts } });
    rig.sink.fault('handshake', 'hang');
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(2);
  });

  test('STARTTLS refused: the conversation goes on in clear text', async () => {
    await using rig = await startMxRig({ sinks: [offering(good)] });
    rig.sink.fault('starttls', 454);
    const result = await rig.send();
    expect(kinds(result)).toEqual(['delivered']);
    expect(result.tls).toBeNull();
    expect(rig.sink.sessions).toBe(1);
  });

  test('a handshake that the server breaks off when we think it done: clear text as well', async () => {
    const { key, cert } = good;
    await using rig = await startMxRig({ sinks: [{ tls: { mode: 'starttls', key, cert, clientCert: true } }] });
    expect(await rig.send()).toMatchObject({ tls: null, outcomes: [{ kind: 'delivered' }] });
    expect(rig.sink.sessions).toBe(2);
  });

  test('a second reply to STARTTLS is not taken for an encrypted one', async () => {
    await using rig = await startMxRig({ sinks: [offering(good)] });
    rig.sink.fault('starttls', 'twice');
    expect(await rig.send()).toMatchObject({ tls: null, outcomes: [{ kind: 'delivered' }] });
    expect(rig.sink.sessions).toBe(2);
    const exit = { tls: 'starttls', ca: authority.caPath };
    const strict = await sendThrough(offering(good), exit, (sink) => {
      sink.fault('starttls', 'twice');
    });
    expect(kinds(strict)).toEqual(['deferred egress']);
    expect(strict).toMatchObject({ messages: 0, sessions: 1 });
  });

  test('a large message arrives whole under TLS, and one cut off before the dot is not in doubt', async () => {
    await using rig = await startMxRig({ sinks: [offering(good)] });
    expect(kinds(await rig.send({ content: LARGE_CONTENT }))).toEqual(['delivered']);
    expect(rig.sink.messages[0]?.content.equals(LARGE_CONTENT)).toBe(true);
    rig.sink.fault('content', 'reset');
    expect(kinds(await rig.send({ content: LARGE_CONTENT }))).toEqual(['deferred host']);
    rig.sink.heal();
    rig.sink.fault('dot', 'reset');
    expect(kinds(await rig.send())).toEqual(['in-doubt']);
  });
});

/** One message through an own server, by name, with this authority trusted or not. */
async function sendThrough(
  sinkOptions: SinkOptions,
  exit: Record<string, unknown>,
  fault?: (sink: Awaited<ReturnType<typeof startSmtpSink>>) => void,
): Promise<AttemptResult & { readonly messages: number; readonly sessions: number }> {
  await using sink = await startSmtpSink(sinkOptions);
  fault?.(sink);
  const dns = fakeDns(new DnsZone({ [HOST]: { a: ['127.0.0.1'] } }));
  await using egress = openSmtpEgress('upstream', smtpPolicy(sink.port, { host: HOST, ...exit }), exitPorts({ dns }));
  const result = await egress.attempt(mailTo(), NEVER);
  return { ...result, messages: sink.messages.length, sessions: sink.sessions };
}

describe('to an own server', () => {
  test.each(['starttls', 'implicit'] as const)('%s: a certificate of a known authority for its name', async (mode) => {
    const result = await sendThrough(offering(good, mode), { tls: mode, ca: authority.caPath });
    expect(kinds(result)).toEqual(['delivered']);
    expect(result).toMatchObject({ tls: 'TLSv1.3', host: HOST, address: '127.0.0.1' });
  });

  test.each(['starttls', 'implicit'] as const)(
    '%s: nothing leaves under a certificate that is not to be trusted',
    async (mode) => {
      const cases = [
        [expired, authority.caPath, 'expired'],
        [otherName, authority.caPath, 'altname'],
        [selfSigned, authority.caPath, 'self'],
        [good, null, 'unable'],
      ] as const;
      for (const [pair, ca, why] of cases) {
        const result = await sendThrough(offering(pair, mode), { tls: mode, ca });
        expect(kinds(result)).toEqual(['deferred egress']);
        expect(result.messages).toBe(0);
        expect(replies(result)[0]?.toLowerCase()).toContain(why);
      }
    },
  );

  test('starttls: a server that does not offer it gets nothing', async () => {
    const result = await sendThrough({}, { tls: 'starttls' });
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(result.messages).toBe(0);
  });

  test.each([
    ['starttls', 454],
    ['handshake', 'garbage'],
    ['handshake', 'close'],
    ['starttls', 'close'],
  ] as const)('starttls: never clear text, whatever goes wrong (%s %s)', async (stage, action) => {
    const exit = { tls: 'starttls', ca: authority.caPath };
    const result = await sendThrough(offering(good), exit, (sink) => {
      sink.fault(stage, action);
    });
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(result).toMatchObject({ messages: 0, sessions: 1 });
  });

  test('opportunistic: any certificate, and clear text where there is none', async () => {
    expect(await sendThrough(offering(selfSigned), { tls: 'opportunistic' })).toMatchObject({
      tls: 'TLSv1.3',
      messages: 1,
    });
    expect(await sendThrough({}, { tls: 'opportunistic' })).toMatchObject({ tls: null, messages: 1 });
  });

  test('none: STARTTLS is passed over', async () => {
    expect(await sendThrough(offering(good), { tls: 'none' })).toMatchObject({ tls: null, messages: 1 });
  });

  test('a file of authorities that is not there stops the exit, not the relay', async () => {
    const result = await sendThrough(offering(good), { tls: 'starttls', ca: '/nowhere/ca.pem' });
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(replies(result)[0]).toContain('ENOENT');
  });

  test('an address as its name must be in the certificate', async () => {
    const exact = await authority.issue('127.0.0.1');
    const exit = { host: '127.0.0.1', tls: 'starttls', ca: authority.caPath };
    expect(kinds(await sendThrough(offering(exact), exit))).toEqual(['delivered']);
    expect(kinds(await sendThrough(offering(good), exit))).toEqual(['deferred egress']);
  });
});
