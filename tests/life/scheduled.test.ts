import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type Mail = { readonly to: string; readonly parameters?: string; readonly fields?: string };

/** The id that the relay gave it. */
async function send(port: number, { to, parameters = '', fields = '' }: Mail): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO app.test', `MAIL FROM:<app@shop.test>${parameters}`, `RCPT TO:<${to}>`, 'DATA');
  const reply = await dialogue.say(`From: app@shop.test\r\nMessage-ID: <${to}>\r\n${fields}\r\nhello\r\n.`);
  return /^250 2\.6\.0 (\w{26}) queued/.exec(reply)?.[1] ?? `refused: ${reply}`;
}

test(
  'scheduled mail outlives kill -9, is moved and cancelled, and leaves at its time',
  { timeout: 60_000 },
  async () => {
    await using sink = await startSmtpSink();
    const port = await freePort();
    await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${await freePort()} }
`);
    await relay.start();
    const sentAtMs = Date.now();
    const soon = await send(port, { to: 'soon@dest.test', parameters: ' HOLDFOR=8' });
    const later = await send(port, {
      to: 'later@dest.test',
      fields: `X-Relevo-Send-At: ${new Date(sentAtMs + 86_400_000).toISOString()}\r\n`,
    });
    const never = await send(port, { to: 'never@dest.test', parameters: ' HOLDFOR=86400' });
    await relay.kill();
    await relay.start();
    const listed = JSON.parse((await relay.cli(['queue', 'list', '--scheduled', '--json'])).stdout);
    expect(listed.deliveries.map(({ messageId }: { messageId: string }) => messageId)).toEqual([never, later, soon]);
    expect((await relay.cli(['queue', 'cancel', '--id', never])).stdout).toBe('1 delivery cancelled.\n');
    expect((await relay.cli(['queue', 'reschedule', '--id', later, '--at', 'now'])).code).toBe(0);
    await expect.poll(() => sink.copies().get('<later@dest.test>'), { timeout: 10_000 }).toBe(1);
    await expect.poll(() => sink.copies().get('<soon@dest.test>'), { timeout: 15_000, interval: 50 }).toBe(1);
    expect(Date.now() - sentAtMs).toBeGreaterThanOrEqual(8_000);
    // Nothing of it went on: the relay itself held it.
    expect(sink.accepted.flatMap(({ parameters }) => parameters).join(' ')).not.toMatch(/HOLD/);
    expect(sink.copies().has('<never@dest.test>')).toBe(false);

    // What is too late comes back, and is not sent when the server takes mail again.
    sink.fault('rcpt', 451, 1_000);
    await send(port, { to: 'late@dest.test', fields: 'X-Relevo-Expires: 3s\r\n' });
    await relay.waitFor((line) => line.event === 'expired');
    sink.heal();
    await expect.poll(() => sink.accepted.length, { timeout: 20_000 }).toBe(3);
    const report = sink.accepted.at(-1);
    expect(report?.recipients[0]?.address).toBe('app@shop.test');
    expect(String(report?.content)).toMatch(/Status: 5\.4\.7/);
    expect(sink.copies().has('<late@dest.test>')).toBe(false);
    await relay.audit();
  },
);
