import { mkdtemp, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTestAuthority } from '../../tests/fakes/certificates.ts';
import { DnsZone, fakeDns } from '../../tests/fakes/dns.ts';
import { mxPolicy, NEVER, smtpPolicy, testPolicy } from '../../tests/fakes/exits.ts';
import type { SinkOptions } from '../../tests/fakes/sink-books.ts';
import { startSmtpSink } from '../../tests/fakes/smtp-sink.ts';
import type { EgressPolicy } from '../policy/schema.ts';
import { canSendFrom, systemClock, systemDial } from '../system.ts';
import { probe, type ProbeResult } from './probe.ts';
import type { ProbeNeeds } from './probe-run.ts';

const zone = new DnsZone({ 'smtp.example': { a: ['127.0.0.1'] }, 'broken.example': { fault: 'servfail' } });
const needs: ProbeNeeds = {
  clock: systemClock,
  dial: systemDial,
  dns: fakeDns(zone),
  hostname: 'relay.example.com',
  timeoutMs: 10_000,
  canSendFrom,
};
const check = (egress: EgressPolicy, more: Partial<ProbeNeeds> = {}): Promise<ProbeResult> =>
  probe(egress, { ...needs, ...more }, NEVER);
const found = ({ steps }: ProbeResult): string[] => steps.map(({ stage, found }) => `${stage} ${found}`.trim());
const AUTH: SinkOptions = { auth: { users: { app: 'secret' }, mechanisms: ['PLAIN'] } };
const signedIn = { username: 'app', password: 'secret' };

describe('a server', () => {
  test('that would take mail is spoken to up to AUTH, and left in order', async () => {
    await using sink = await startSmtpSink(AUTH);
    const result = await check(smtpPolicy(sink.port, { host: 'smtp.example', ...signedIn }));
    expect(result.kind).toBe('ok');
    expect(found(result)).toEqual([
      'resolve 127.0.0.1',
      `connect 127.0.0.1:${sink.port} from 127.0.0.1`,
      'greeting',
      'ehlo',
      'auth as app',
    ]);
    expect(sink.commands.map((command) => command.split(' ')[1])).toEqual(['EHLO', 'AUTH', 'QUIT']);
    expect(sink.messages).toEqual([]);
  });

  test('that refuses the password is down, and says why', async () => {
    await using sink = await startSmtpSink(AUTH);
    const result = await check(smtpPolicy(sink.port, { username: 'app', password: 'wrong' }));
    expect(result).toMatchObject({
      kind: 'failed',
      stage: 'auth',
      cause: expect.stringMatching(/^127\.0\.0\.1 said: 535/),
    });
    expect(result).not.toMatchObject({ cause: expect.stringContaining('wrong') });
  });

  test('that offers no AUTH where there is a password is down', async () => {
    await using sink = await startSmtpSink();
    expect(await check(smtpPolicy(sink.port, signedIn))).toMatchObject({ kind: 'failed', stage: 'auth' });
  });

  test('with a certificate that nobody trusts is down, and with a trusted one is not', async () => {
    await using authority = await createTestAuthority();
    const pair = await authority.issue('smtp.example');
    await using sink = await startSmtpSink({ tls: { mode: 'starttls', ...pair } });
    const strict = { host: 'smtp.example', tls: 'starttls' };
    const untrusted = await check(smtpPolicy(sink.port, strict));
    expect(untrusted).toMatchObject({ kind: 'failed', stage: 'tls', cause: expect.stringContaining('TLS with') });
    const trusted = await check(smtpPolicy(sink.port, { ...strict, ca: authority.caPath }));
    expect(found(trusted)).toContain('tls TLSv1.3');
  });

  test.each(['connect', 'greeting', 'ehlo', 'auth'] as const)(
    'that hangs at %s is as down as one that refuses',
    async (stage) => {
      await using sink = await startSmtpSink(AUTH);
      sink.fault(stage, 'hang');
      const result = await check(smtpPolicy(sink.port, signedIn), { timeoutMs: 150 });
      expect(result).toMatchObject({ kind: 'failed' });
      expect(result.tookMs).toBeLessThan(5_000);
    },
  );

  test('that drips its greeting has no longer than one that is silent', async () => {
    await using sink = await startSmtpSink({ slowMs: 500 });
    sink.fault('greeting', 'drip');
    const result = await check(smtpPolicy(sink.port), { timeoutMs: 200 });
    expect(result).toMatchObject({ kind: 'failed', stage: 'greeting' });
  });

  test.each([
    ['greeting', 554, 'greeting', /554/],
    ['ehlo', 'close', 'ehlo', /closed/],
    ['ehlo', 'garbage', 'ehlo', /SMTP/],
    ['connect', 'reset', expect.stringMatching(/connect|greeting/), /reset|closed/],
  ] as const)('that goes wrong at %s by %s is down', async (at, action, stage, cause) => {
    await using sink = await startSmtpSink();
    sink.fault(at, action);
    expect(await check(smtpPolicy(sink.port))).toMatchObject({
      kind: 'failed',
      stage,
      cause: expect.stringMatching(cause),
    });
  });

  test('that nobody runs is down', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const result = await check(smtpPolicy(port));
    expect(result).toMatchObject({ kind: 'failed', stage: 'connect', cause: expect.stringContaining('refused') });
    expect(found(result)).toEqual(['resolve 127.0.0.1']);
  });

  test.each(['broken.example', 'nowhere.example'])('without an address (%s) is down', async (host) => {
    expect(await check(smtpPolicy(25, { host }))).toMatchObject({ kind: 'failed', stage: 'resolve' });
  });

  test('whose name is never looked up in time is down', async () => {
    const dns = { ...needs.dns, a: () => new Promise<never>(() => {}) };
    const result = await check(smtpPolicy(25, { host: 'smtp.example' }), { dns, timeoutMs: 50 });
    expect(result).toMatchObject({ kind: 'failed', stage: 'resolve', cause: 'no end within 0.05 s (resolve)' });
  });

  test('what it says is one plain line', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).write('554 \u001b[31mgo\u0007 away\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const result = await check(smtpPolicy(typeof bound === 'object' && bound !== null ? bound.port : 0));
    server.close();
    expect(result).toMatchObject({ cause: expect.stringMatching(/^[\x20-\x7e…]+$/) });
  });
});

describe('an own address', () => {
  test('that this machine has can be sent from', async () => {
    expect(await check(mxPolicy(25, { bind: '127.0.0.1' }))).toMatchObject({ kind: 'ok', steps: [{ stage: 'bind' }] });
  });

  test('that it does not have cannot', async () => {
    const result = await check(mxPolicy(25, { bind: '192.0.2.1' }));
    expect(result).toMatchObject({ kind: 'failed', stage: 'bind', cause: 'this machine does not have 192.0.2.1' });
  });

  test('of which the system does not say in time is down', async () => {
    const silent = { canSendFrom: () => new Promise<never>(() => {}), timeoutMs: 50 };
    const result = await check(mxPolicy(25, { bind: '127.0.0.1' }), silent);
    expect(result).toMatchObject({ kind: 'failed', stage: 'bind', cause: 'no end within 0.05 s (bind)' });
  });

  test('nothing is asked where the system picks it', async () => {
    expect(await check(mxPolicy(25))).toMatchObject({ kind: 'ok', steps: [] });
  });
});

describe('a sandbox', () => {
  const sandbox = (path: string): EgressPolicy => {
    const { it } = testPolicy({ egress: { it: { type: 'sandbox', path } } }).egress;
    if (it === undefined) throw new Error('no sandbox');
    return it;
  };

  test('is made, can be written, and keeps nothing of the check', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'relevo-probe-')), 'kept');
    expect(await check(sandbox(path))).toMatchObject({ kind: 'ok' });
    expect(await readdir(path)).toEqual([]);
  });

  test('that cannot be written is down', async () => {
    expect(await check(sandbox('/proc/relevo/kept'))).toMatchObject({ kind: 'failed', stage: 'folder' });
  });

  test('on a disk that does not answer in time is down', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'relevo-probe-')), 'kept');
    // Time is up before any disk can say something.
    const clock = { ...systemClock, after: (_: number, run: () => void) => (run(), () => {}) };
    const result = await check(sandbox(path), { clock });
    expect(result).toMatchObject({ kind: 'failed', stage: 'folder', cause: 'no end within 10 s (folder)' });
  });
});
