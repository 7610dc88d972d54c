import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import { expect, test } from 'vitest';
import { hashPassword } from '../../src/policy/password.ts';
import { awkwardBodies, bodyOf, messageWith, withCrLf } from '../fakes/mail.ts';
import { freePort, type Postfix, startPostfix } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const PASSWORD = 'correct horse battery';

async function policy(port: number, egress: string): Promise<string> {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: starttls, auth: required }]
tls: { cert: ../certs/relay.crt, key: ../certs/relay.key }
clients:
  app: { password: "${await hashPassword(PASSWORD, Buffer.alloc(16, 7))}", senders: ["*@app.test"] }
${egress}
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${await freePort()} }
`;
}

/** Polls the Maildir of a Postfix until `count` messages are there. */
async function mailIn(postfix: Postfix, count: number): Promise<Buffer[]> {
  await expect.poll(() => postfix.maildir().length, { timeout: 30_000, interval: 50 }).toBe(count);
  return postfix.maildir();
}

type Sent = { readonly from: string; readonly to: readonly string[]; readonly content: Buffer };

async function submit(port: number, { from, to, content }: Sent): Promise<string> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
  });
  await new Promise<void>((resolve, reject) => {
    connection.once('error', reject);
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  await new Promise<void>((resolve, reject) => {
    connection.login({ credentials: { user: 'app', pass: PASSWORD } }, (error) => (error ? reject(error) : resolve()));
  });
  const response = await new Promise<string>((resolve, reject) => {
    connection.send({ from, to: [...to], use8BitMime: true }, content, (error, info) =>
      error ? reject(error) : resolve(info.response),
    );
  });
  connection.quit();
  return response;
}

test('a Postfix host relays through us with AUTH over STARTTLS, and we relay through another Postfix by its trusted network', async () => {
  await using upstream = await startPostfix({ destinations: ['dest.test'] });
  const port = await freePort();
  await using relay = new RelayProcess(
    await policy(port, `egress: { up: { type: smtp, host: 127.0.0.1, port: ${upstream.port}, tls: none } }`),
  );
  await relay.start();
  await using client = await startPostfix({
    main: [
      `relayhost = [127.0.0.1]:${port}`,
      'smtp_sasl_auth_enable = yes',
      'smtp_sasl_password_maps = texthash:$DIR/etc/sasl_passwd',
      'smtp_sasl_security_options = noanonymous',
      'smtp_tls_security_level = encrypt',
    ],
  });
  const passwords = join(client.folder, 'etc/sasl_passwd');
  writeFileSync(passwords, `[127.0.0.1]:${port} app:${PASSWORD}\n`);
  chmodSync(passwords, 0o600);
  execFileSync('postfix', ['-c', join(client.folder, 'etc'), 'reload'], { stdio: 'ignore' });

  await client.sendmail(
    ['-f', 'cron@app.test', 'ana@dest.test', 'luis@dest.test'],
    Buffer.from('From: cron@app.test\nTo: ana@dest.test\nSubject: nightly\n\n.done\n'),
  );

  const [first, second] = await mailIn(upstream, 2);
  expect(String(first)).toContain('Subject: nightly');
  expect(String(first)).toContain('by relay.test');
  expect([first, second].map((mail) => /^Delivered-To: (.*)$/m.exec(String(mail))?.[1]).toSorted()).toEqual([
    'ana@dest.test',
    'luis@dest.test',
  ]);
  expect(bodyOf(withCrLf(first ?? Buffer.alloc(0))).toString()).toBe('.done\r\n');
  await relay.audit();
});

test('an upstream Postfix that asks for AUTH gets it, and every awkward body arrives byte for byte', async () => {
  await using upstream = await startPostfix({ destinations: ['dest.test'], users: { relevo: 'upstream secret' } });
  const port = await freePort();
  await using relay = new RelayProcess(
    await policy(
      port,
      `egress: { up: { type: smtp, host: 127.0.0.1, port: ${upstream.port}, tls: none, username: relevo@postfix.test, password: upstream secret } }`,
    ),
  );
  await relay.start();
  let count = 0;
  for (const [what, body] of awkwardBodies()) {
    await submit(port, { from: 'app@app.test', to: ['ana@dest.test'], content: messageWith(body, { 'X-What': what }) });
    const mails = await mailIn(upstream, ++count);
    const mail = mails.map(withCrLf).find((candidate) => candidate.includes(`X-What: ${what}\r\n`));
    expect(bodyOf(mail ?? Buffer.alloc(0)), what).toEqual(body);
  }
  expect(upstream.log()).toContain('sasl_username=relevo@postfix.test');
  await relay.audit();
});

test('a Postfix in the place of SendGrid’s SMTP endpoint takes every awkward body as it is, by the user and the key of an exit', async () => {
  await using upstream = await startPostfix({
    destinations: ['dest.test'],
    users: { apikey: 'SG.one' },
  });
  const port = await freePort();
  const endpoint = `smtp://127.0.0.1:${upstream.port}`;
  await using relay = new RelayProcess(
    await policy(port, `egress: { grid: { type: sendgrid, apiKeys: [SG.refused, SG.one], endpoint: "${endpoint}" } }`),
  );
  await relay.start();
  let count = 0;
  for (const [what, body] of awkwardBodies()) {
    await submit(port, { from: 'app@app.test', to: ['ana@dest.test'], content: messageWith(body, { 'X-What': what }) });
    const mails = await mailIn(upstream, ++count);
    const mail = mails.map(withCrLf).find((candidate) => candidate.includes(`X-What: ${what}\r\n`));
    expect(bodyOf(mail ?? Buffer.alloc(0)), what).toEqual(body);
    expect(String(mail)).toContain('\r\nX-SMTPAPI: {');
  }
  expect(upstream.log()).toMatch(/sasl_username=apikey/);
  expect(relay.lines.filter(({ event, name }) => event === 'alert' && name === 'exit-key:grid')).toHaveLength(1);
  await relay.audit();
});
