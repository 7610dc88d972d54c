/** SendGrid as an exit of a running relay: what its JSON can say goes by its API, the rest by the next exit, and nothing is lost. */
import { expect, test } from 'vitest';
import { HTML, INVITE, message, multi, ODD_NAME, PLAIN } from '../fakes/mime-samples.ts';
import { freePort } from '../fakes/postfix.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { startSendGrid } from '../fakes/sendgrid-server.ts';
import { startSendGridSmtp } from '../fakes/sendgrid-smtp.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

const HEAD = [
  'From: App <app@shop.test>',
  'To: Ana <b@dest.test>',
  'Subject: Hello',
  'List-Unsubscribe: <https://shop.test/u>',
];
const SIGNED = multi(
  'signed; protocol="application/pkcs7-signature"',
  PLAIN,
  'Content-Type: application/pkcs7-signature\r\n\r\nAAAA',
);

/** @returns the line that says what became of it */
async function sent(relay: RelayProcess, port: number, content: Buffer, event = 'delivered'): Promise<LogLine> {
  const since = relay.lines.length;
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO client.test', 'MAIL FROM:<app@shop.test>', 'RCPT TO:<b@dest.test>', 'DATA');
  dialogue.write(`${content.toString('latin1').replace(/^\./gm, '..')}.\r\n`);
  expect(await dialogue.reply()).toMatch(/^250/);
  return await relay.waitFor((line) => line.event === event, since);
}

test('mail goes by the API where it survives that, by SMTP where not, and is held where nothing can carry it', async () => {
  await using api = await startSendGrid();
  await using smtp = await startSendGridSmtp();
  const [port, httpPort] = [await freePort(), await freePort()];
  const policy = (use: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
http: { listen: 127.0.0.1:${httpPort} }
egress:
  grid-api: { type: sendgrid, transport: api, apiKeys: [SG.gone-aaaaaaaaaaaa, SG.one], endpoint: "${api.endpoint}" }
  grid-smtp: { type: sendgrid, apiKeys: [SG.one], endpoint: "${smtp.endpoint}" }
routes: [{ name: all, use: [${use}] }]
`;
  await using relay = new RelayProcess(policy('grid-api, grid-smtp'));
  await relay.start();

  const invitation = message(multi('mixed', multi('alternative', PLAIN, HTML, INVITE), ODD_NAME), HEAD);
  const first = await sent(relay, port, invitation);
  expect(first).toMatchObject({ egress: 'grid-api' });
  const [taken] = api.accepted;
  expect(taken?.body.custom_args).toMatchObject({ 'relevo-message': first['messageId'], 'relevo-client': 'apps' });
  expect(taken?.body.content.map(({ type }) => type)).toEqual([
    'text/plain',
    'text/html',
    'text/calendar; method=REQUEST',
  ]);
  expect(taken?.body.headers).toMatchObject({ 'List-Unsubscribe': '<https://shop.test/u>' });
  expect(relay.lines.filter(({ event, name }) => event === 'alert' && name === 'exit-key:grid-api')).toHaveLength(1);

  const signed = message(SIGNED, HEAD);
  const second = await sent(relay, port, signed);
  expect(second).toMatchObject({ egress: 'grid-smtp' });
  expect(smtp.taken[0]?.content.toString()).toContain(SIGNED.slice(SIGNED.indexOf('\r\n\r\n')));
  const story = await relay.cli(['message', String(second['messageId'])]);
  expect(story.stdout).toContain('would lose something by grid-api: it is signed or encrypted (S/MIME or PGP)');
  const explained = await relay.cli(['explain', String(second['messageId'])]);
  expect(explained.stdout).toContain('not by grid-api: it would lose something by grid-api: it is signed or encrypted');
  const byId = await relay.cli(['message', 'id-1_c5cVN9Xw']);
  expect(byId.stdout).toContain(String(second['messageId']));

  const since = relay.lines.length;
  relay.writePolicy(policy('grid-api'));
  await relay.waitFor(({ event }) => event === 'policy-applied', since);
  const held = await sent(relay, port, signed, 'held');
  expect(String(held['reason'])).toContain('no exit of its route can carry it as it is');
  await relay.waitFor(({ event, name }) => event === 'alert' && name === 'unfit:all', since);
  const why = await relay.cli(['explain', String(held['messageId'])]);
  expect(why.stdout).toContain('S/MIME');
  relay.writePolicy(policy('grid-api, grid-smtp'));
  await relay.waitFor(
    ({ event, name, raised }) => event === 'alert' && name === 'unfit:all' && raised === false,
    since,
  );
  expect((await relay.cli(['queue', 'release', '--all'])).code).toBe(0);
  await relay.waitFor(({ event, messageId }) => event === 'delivered' && messageId === held['messageId'], since);
  expect(JSON.stringify(relay.lines)).not.toMatch(/SG\.(?:gone|one)/);
  expect(await relay.audit()).toBeDefined();
});
