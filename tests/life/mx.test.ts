import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type DkimDomain, makeDkimDomain } from '../fakes/dkim-domain.ts';
import { DnsZone } from '../fakes/dns.ts';
import { startDnsServer } from '../fakes/dns-server.ts';
import { awkwardBodies, bodyOf, messageWith, withCrLf } from '../fakes/mail.ts';
import { opendkimVerdicts } from '../fakes/opendkim.ts';
import { freePort, type Postfix, startPostfix } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const run = promisify(execFile);

/** A Postfix that is the MX of dest.test and app.test, found through a DNS server; `gone@dest.test` is unknown to it. */
async function world(): Promise<
  AsyncDisposable & { postfix: Postfix; relay: RelayProcess; port: number; dkim: DkimDomain }
> {
  await using stack = new AsyncDisposableStack();
  const postfix = stack.use(
    await startPostfix({
      destinations: ['dest.test', 'app.test'],
      main: [
        'smtpd_recipient_restrictions = check_recipient_access inline:{ {gone@dest.test = 550 5.1.1 Nobody here} }, permit',
      ],
    }),
  );
  const mx = {
    mx: [
      [10, 'mx1.dest.test'],
      [20, 'mx2.dest.test'],
    ],
  } as const;
  const zone = new DnsZone({
    'dest.test': mx,
    'app.test': mx,
    // The first MX refuses connections; the second is the Postfix.
    'mx1.dest.test': { a: ['127.0.0.77'] },
    'mx2.dest.test': { a: ['127.0.0.1'] },
  });
  const dns = stack.use(await startDnsServer(zone));
  const port = await freePort();
  const relay = stack.use(new RelayProcess(''));
  const dkim = await makeDkimDomain('app.test', relay.folder);
  relay.writePolicy(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
limits: { lineLength: 200000 }
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@app.test"] } }
domains:
  ${dkim.entry}
egress: { direct: { type: mx, port: ${postfix.port}, privateAddresses: true } }
dns: { servers: ["${dns.address}"] }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  await relay.start();
  const kept = stack.move();
  return { postfix, relay, port, dkim, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function send(port: number, to: string, content: Buffer): Promise<string> {
  const args = [
    '--server',
    '127.0.0.1',
    '--port',
    String(port),
    '--from',
    'app@app.test',
    '--to',
    to,
    '--data',
    '-',
    '--silent',
    '2',
  ];
  const sent = run('swaks', args);
  sent.child.stdin?.end(content);
  return (await sent).stdout;
}

/** Byte for byte, where swaks would add a line end. */
async function submitExactly(port: number, to: string, content: Buffer): Promise<void> {
  const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true });
  await new Promise<void>((resolve, reject) => {
    connection.once('error', reject);
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  await new Promise<void>((resolve, reject) => {
    connection.send({ from: 'app@app.test', to: [to], use8BitMime: true }, content, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  connection.quit();
}

async function arrived(postfix: Postfix, wanted: string): Promise<Buffer> {
  await expect
    .poll(() => postfix.maildir().some((mail) => mail.includes(wanted)), { timeout: 30_000, interval: 50 })
    .toBe(true);
  return withCrLf(postfix.maildir().find((mail) => mail.includes(wanted)) ?? Buffer.alloc(0));
}

test('mail goes to the MX that answers, and both signatures verify there with what others wrote', async () => {
  await using place = await world();
  const { records, resolver } = place.dkim;
  for (const [what, body] of awkwardBodies()) {
    await send(place.port, 'ana@dest.test', messageWith(body, { 'X-What': what }));
    const mail = await arrived(place.postfix, `X-What: ${what}`);
    // swaks ends what it is given with CR LF, and takes a final one for its own.
    expect(bodyOf(mail).toString('latin1').trimEnd(), what).toBe(body.toString('latin1').trimEnd());
    const { results } = await dkimVerify(mail, { resolver });
    expect(results.map(({ status, selector }) => [selector, status.result]).toSorted(), what).toEqual([
      ['ed2026', 'pass'],
      ['rsa2026', 'pass'],
    ]);
    expect(
      (await opendkimVerdicts(mail, records)).some((verdict) => verdict.startsWith('pass rsa-sha256')),
      what,
    ).toBe(true);
  }
  await place.relay.audit();
});

test('mail to a mailbox that does not exist comes back to its sender as a delivery report', async () => {
  await using place = await world();
  const content = messageWith(Buffer.from('hello\r\n'), { Subject: 'to nobody', 'Content-Type': 'text/plain' });
  await send(place.port, 'gone@dest.test', content);
  const bounce = await arrived(place.postfix, 'multipart/report');
  expect(String(bounce)).toMatch(/^Return-Path: <>\r$/m);
  const parsed = await simpleParser(bounce);
  expect(parsed.from?.text).toContain('MAILER-DAEMON@relay.test');
  expect(parsed.to).toMatchObject({ text: 'app@app.test' });
  const status =
    parsed.attachments.find(({ contentType }) => contentType === 'message/delivery-status')?.content.toString() ??
    String(bounce);
  expect(status).toMatch(/^Final-Recipient: rfc822; ?gone@dest\.test\r?$/m);
  expect(status).toMatch(/^Action: failed\r?$/m);
  expect(status).toMatch(/^Status: 5\.1\.1\r?$/m);
  const report = await place.relay.audit();
  expect(report).toMatchObject({ accepted: 2, finished: { bounced: 1, delivered: 1 }, queued: 0 });
});

test('UTF-8 addresses and very long lines arrive at the MX byte for byte', async () => {
  await using place = await world();
  const bodies = new Map([
    ...awkwardBodies(),
    ['a line of 20 KB', Buffer.from(`${'w'.repeat(20_000)}\r\n.\r\nend\r\n`)],
  ]);
  for (const [what, body] of bodies) {
    await submitExactly(place.port, 'jiříčerný@dest.test', messageWith(body, { 'X-What': what }));
    const mail = await arrived(place.postfix, `X-What: ${what}`);
    expect(bodyOf(mail), what).toEqual(body);
    expect(mail.toString('utf8'), what).toContain('Delivered-To: jiříčerný@dest.test');
  }
  await place.relay.audit();
});
