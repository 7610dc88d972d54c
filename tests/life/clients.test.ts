/** Clients that others wrote hand their mail in: swaks, curl, Python's smtplib. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { IngressFixture } from '../fakes/ingress.ts';
import { awkwardBodies, bodyOf } from '../fakes/mail.ts';

const run = promisify(execFile);
const HEADER = 'From: Ana <ana@shop.example>\r\nSubject: =?utf-8?q?Hola=2C_se=C3=B1or?=\r\nMIME-Version: 1.0\r\n';

async function fileOf(fixture: IngressFixture, content: Buffer): Promise<string> {
  const path = join(fixture.folder, 'message.eml');
  await writeFile(path, content);
  return path;
}

function swaksArgs(port: number, path: string): string[] {
  const addresses = ['--from', 'ana@shop.example', '--to', 'bob@dest.example,eve@other.example'];
  return ['--server', `127.0.0.1:${port}`, ...addresses, '--data', `@${path}`, '--suppress-data'];
}

test.each([
  ['PLAIN over STARTTLS', { tls: 'starttls' }, ['-tls', '--auth', 'PLAIN']],
  ['LOGIN over STARTTLS', { tls: 'starttls' }, ['-tls', '--auth', 'LOGIN']],
  ['PLAIN over TLS from the first byte', { tls: 'implicit' }, ['-tlsc', '--auth', 'PLAIN']],
  ['PLAIN in clear text from this machine', { tls: 'starttls' }, ['--auth', 'PLAIN']],
  ['LOGIN in clear text, pipelined', { tls: 'starttls' }, ['--auth', 'LOGIN', '--pipeline']],
])('swaks, %s', async (_what, wanted, options) => {
  await using fixture = await IngressFixture.open();
  const path = await fileOf(fixture, Buffer.from(`${HEADER}\r\nHello.\r\n`));
  const signIn = ['--auth-user', 'shop', '--auth-password', 'secret'];
  await run('swaks', [...swaksArgs(fixture.port(wanted), path), ...options, ...signIn]);
  expect(fixture.spool.last.received).toMatchObject({
    client: 'shop',
    protocol: options[0]?.startsWith('-tls') === true ? 'ESMTPSA' : 'ESMTPA',
    recipients: ['bob@dest.example', 'eve@other.example'],
  });
});

test('swaks with a wrong password, or with a sender that is not its own, is told why', async () => {
  await using fixture = await IngressFixture.open();
  const args = swaksArgs(fixture.port(), await fileOf(fixture, Buffer.from(`${HEADER}\r\nHello.\r\n`)));
  const signIn = (password: string) => ['-tls', '--auth', 'PLAIN', '--auth-user', 'shop', '--auth-password', password];
  await expect(run('swaks', [...args, ...signIn('wrong')])).rejects.toHaveProperty(
    'stdout',
    expect.stringContaining('535 5.7.8'),
  );
  await expect(run('swaks', [...args, ...signIn('secret'), '--from', 'x@bank.example'])).rejects.toHaveProperty(
    'stdout',
    expect.stringContaining('550 5.7.1'),
  );
  expect(fixture.spool.accepted).toHaveLength(0);
});

test.each([...awkwardBodies()])('curl hands in %s, which arrive byte for byte', async (_what, body) => {
  await using fixture = await IngressFixture.open();
  const path = await fileOf(fixture, Buffer.concat([Buffer.from(`${HEADER}\r\n`), body]));
  const url = `smtps://127.0.0.1:${fixture.port({ tls: 'implicit' })}/app.example`;
  const envelope = ['--mail-from', 'ana@shop.example', '--mail-rcpt', 'bob@dest.example', '--upload-file', path];
  await run('curl', ['--silent', '--show-error', '--insecure', '--url', url, '--user', 'shop:secret', ...envelope]);
  expect(bodyOf(fixture.spool.last.content).equals(body)).toBe(true);
});

test('Python smtplib hands in several messages over one connection, 8-bit and SMTPUTF8 too', async () => {
  await using fixture = await IngressFixture.open();
  const script = `
import smtplib, ssl, sys
from email.message import EmailMessage
context = ssl._create_unverified_context()
with smtplib.SMTP('127.0.0.1', ${fixture.port()}) as smtp:
    smtp.starttls(context=context)
    smtp.login('shop', 'secret')
    for number in range(3):
        message = EmailMessage()
        message['From'] = 'ana@shop.example'
        message['To'] = 'bob@dest.example'
        message['Bcc'] = 'secret@dest.example'
        message['Subject'] = 'Number %d' % number
        message.set_content('Añoranza\\n.\\n..\\n' + 'x' * 500 + '\\n')
        message.add_attachment(bytes(range(256)), maintype='application', subtype='octet-stream')
        smtp.send_message(message)
    smtp.sendmail('ñandú@shop.example', ['ñu@bücher.example'], 'Subject: ñ\\r\\n\\r\\nñ\\r\\n'.encode(),
                  mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    refused = smtp.sendmail('ana@shop.example', ['bob@dest.example', 'not an address'], 'Subject: x\\r\\n\\r\\n')
    print(sorted(refused), refused['not an address'][0])
`;
  const { stdout } = await run('python3', ['-c', script]);
  expect(stdout.trim()).toBe("['not an address'] 501");
  expect(fixture.spool.accepted).toHaveLength(5);
  const [first, , , international] = fixture.spool.accepted;
  expect(first?.received.recipients).toEqual(['bob@dest.example', 'secret@dest.example']);
  expect(first?.content.toString('latin1')).not.toMatch(/^bcc/im);
  expect(international?.message.envelope).toMatchObject({ smtpUtf8: true, eightBit: true });
  expect(international?.deliveries).toMatchObject([
    { domain: 'xn--bcher-kva.example', recipients: [{ address: 'ñu@xn--bcher-kva.example' }] },
  ]);
  expect(international?.received.protocol).toBe('UTF8SMTPSA');
});
