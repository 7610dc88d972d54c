/** Dead addresses, and those who unsubscribe, on a relay with two workers as a user runs it. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { expect, test } from 'vitest';
import { makeDkimDomain } from '../fakes/dkim-domain.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

/** A server that knows everybody but `gone@…`. */
async function startServer(stack: AsyncDisposableStack): Promise<{ readonly port: number; readonly mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('gone@') ? Object.assign(new Error('no such user'), { responseCode: 550 }) : null),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address).join(' ');
        mails.push(`To ${to}\r\n${Buffer.concat(chunks).toString('latin1')}`);
        done();
      });
    },
  });
  const listening = once(server.server, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

test('who is gone, or unsubscribed, is written to no more, and the history says why', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startServer(stack);
  const [port, httpPort] = [await freePort(), await freePort()];
  const relay = stack.use(new RelayProcess('', { args: ['--workers', '2'] }));
  const dkim = await makeDkimDomain('app.test', relay.folder);
  const text = (more: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@app.test"] } }
domains:
  ${dkim.entry}
streams: { transactional: {}, marketing: { unsubscribe: add } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${server.port}, tls: none } }
http: { listen: 127.0.0.1:${httpPort}, publicUrl: "https://mail.app.test" }
${more}`;
  relay.writePolicy(text(''));
  await relay.start();

  const submit = async (to: readonly string[], stream: string, from = 'shop@app.test'): Promise<string> => {
    await using dialogue = await SmtpDialogue.greeted(port);
    await dialogue.all('EHLO app.test', `MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), 'DATA');
    return await dialogue.say(
      `X-Relevo-Stream: ${stream}\r\nFrom: shop@app.test\r\nSubject: ${stream}\r\n\r\nhello\r\n.`,
    );
  };
  const idIn = (reply: string): string => /[0-9A-Z]{26}/.exec(reply)?.[0] ?? reply;
  const ended = async (event: string, id: string) =>
    relay.waitFor((line) => line.event === event && line['messageId'] === id, 0, 10_000);

  // A server says that the address is gone.
  const first = idIn(await submit(['gone@dest.test'], 'transactional'));
  await ended('bounced', first);
  const listed = async () =>
    JSON.parse((await relay.cli(['suppress', 'list', '--json'])).stdout).suppressions as unknown[];
  await expect.poll(listed, { timeout: 10_000, interval: 50 }).toMatchObject([
    {
      address: 'gone@dest.test',
      client: null,
      reason: 'hard-bounce',
      evidence: expect.stringContaining('no such user'),
    },
  ]);
  const explained = async () =>
    (await relay.cli(['explain', '--to', 'gone@dest.test', '--from', 'shop@app.test'])).stdout;
  await expect
    .poll(explained, { timeout: 10_000 })
    .toMatch(/^gone@dest\.test is suppressed, and gets no mail: 5\d\d /m);
  // Both workers know within two seconds or so, whichever of them takes it: no attempt is made, and the sender is told.
  await expect
    .poll(
      async () => {
        const id = idIn(await submit(['gone@dest.test', 'ann@dest.test'], 'transactional'));
        await ended('delivered', id);
        return relay.lines.some((line) => line.event === 'suppressed' && line['messageId'] === id) ? id : null;
      },
      { timeout: 10_000, interval: 300 },
    )
    .not.toBeNull();
  const suppressed = relay.lines.findLast((line) => line.event === 'suppressed');
  const story = (await relay.cli(['message', String(suppressed?.['messageId'])])).stdout;
  expect(story).toMatch(/suppressed: hard bounce on \d{4}-\d\d-\d\d: 550 .*no such user/);
  await expect
    .poll(() => server.mails.some((mail) => mail.startsWith('To shop@app.test') && /Status: 5\.7\.1/.test(mail)), {
      timeout: 10_000,
    })
    .toBe(true);

  // One click.
  await ended('delivered', idIn(await submit(['ann@dest.test'], 'marketing')));
  const letter = server.mails.findLast((mail) => mail.includes('Subject: marketing')) ?? '';
  const token = /List-Unsubscribe:\s+<https:\/\/mail\.app\.test(\/unsubscribe\/[^>]+)>/.exec(letter)?.[1] ?? '';
  const covered = /DKIM-Signature:[^]*?[\s;]h=([^;]+);/
    .exec(letter)?.[1]
    ?.replaceAll(/\s/g, '')
    .toLowerCase()
    .split(':');
  expect(covered).toEqual(expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post']));
  const click = (): Promise<Response> =>
    fetch(`http://127.0.0.1:${httpPort}${token}`, {
      method: 'POST',
      body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
    });
  expect([(await click()).status, (await click()).status]).toEqual([200, 200]);
  expect(relay.lines.filter((line) => line.event === 'unsubscribed')).toHaveLength(1);

  // By another policy a client hears of it at once; other streams go on.
  relay.writePolicy(text('suppression: { onSubmit: reject }\n'));
  relay.signal('SIGHUP');
  await expect
    .poll(() => submit(['ann@dest.test'], 'marketing'), { timeout: 10_000, interval: 200 })
    .toMatch(/^550 5\.7\.1 suppressed: unsubscribed/);
  expect(await submit(['ann@dest.test'], 'transactional')).toMatch(/^250 /);
  const rcpt = async (): Promise<string> => {
    await using dialogue = await SmtpDialogue.greeted(port);
    await dialogue.all('EHLO app.test', 'MAIL FROM:<shop@app.test>');
    return await dialogue.say('RCPT TO:<Gone@dest.test>');
  };
  expect(await rcpt()).toMatch(/^550 5\.7\.1 suppressed: hard bounce on /);
  // What an operator takes back holds at once.
  expect(await relay.cli(['suppress', 'remove', 'gone@dest.test'])).toMatchObject({ code: 0 });
  expect(await rcpt()).toMatch(/^250 /);

  await expect.poll(() => relay.audit(), { timeout: 10_000 }).toMatchObject({ queued: 0, violations: [] });
}, 60_000);
