/** Mail by providers' APIs: with another key where one is refused, by another exit where one fails, and found by their names for it. */
import { expect, test } from 'vitest';
import {
  MAILGUN_DOMAIN,
  mailgunArrived,
  mailgunError,
  mailgunKeyOf,
  mailgunSends,
  startMailgun,
} from '../fakes/cloud-mailgun.ts';
import { sesArrived, sesBody, sesSends, startSes } from '../fakes/cloud-ses.ts';
import { freePort } from '../fakes/postfix.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

const KEYS = ['first-key-0000000001', 'second-key-000000002'];

function policyFor(port: number, urls: { readonly mailgun: string; readonly ses: string }): string {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  mailgun: { type: mailgun, domain: ${MAILGUN_DOMAIN}, apiKeys: [${KEYS.join(', ')}], endpoint: "${urls.mailgun}" }
  ses:
    { type: ses, region: eu-west-1, accessKeyId: AKIAEXAMPLE000000001, secretAccessKey: very-secret, endpoint: "${urls.ses}" }
routes: [{ name: all, use: [mailgun, ses] }]
`;
}

/** One message, once it has left. @returns the line that says by which exit */
async function sent(relay: RelayProcess, port: number): Promise<LogLine> {
  const since = relay.lines.length;
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all(
    'EHLO client.test',
    'MAIL FROM:<a@shop.test>',
    'RCPT TO:<b@dest.test>',
    'RCPT TO:<hidden@dest.test>',
    'DATA',
  );
  dialogue.write('From: a@shop.test\r\nTo: b@dest.test\r\nSubject: x\r\nX-Relevo-Tag: order-7\r\n\r\n.. dots\r\n.\r\n');
  expect(await dialogue.reply()).toMatch(/^250/);
  return await relay.waitFor(({ event }) => event === 'delivered', since);
}

test('a refused key gives way to the next, a failing provider to the next exit, and nothing is lost or doubled', async () => {
  const port = await freePort();
  await using mailgun = await startMailgun();
  await using ses = await startSes();
  await using relay = new RelayProcess(policyFor(port, { mailgun: mailgun.url, ses: ses.url }));
  await relay.start();

  expect(await sent(relay, port)).toMatchObject({ egress: 'mailgun' });
  expect(mailgunArrived(mailgun)[0]?.recipients).toEqual(['b@dest.test', 'hidden@dest.test']);
  expect(mailgunArrived(mailgun)[0]?.content.toString()).toMatch(/^To: b@dest\.test\r\n[^]*\r\n\r\n\. dots\r\n$/m);

  mailgun.act({ kind: 'answer', status: 401, body: 'Forbidden' }, { kind: 'usual' });
  expect(await sent(relay, port)).toMatchObject({ egress: 'mailgun' });
  expect(mailgunSends(mailgun).map(mailgunKeyOf)).toEqual([KEYS[0], KEYS[1], KEYS[0]]);
  await relay.waitFor(({ event, name }) => event === 'alert' && name === 'exit-key:mailgun');

  mailgun.act(mailgunError(500, 'Internal Server Error'));
  const bySes = await sent(relay, port);
  expect(bySes).toMatchObject({ egress: 'ses' });
  const [request] = sesSends(ses);
  if (request === undefined) throw new Error('nothing came to SES');
  expect(sesBody(request)).toMatchObject({
    FromEmailAddress: 'a@shop.test',
    EmailTags: expect.arrayContaining([{ Name: 'relevo-message', Value: bySes['messageId'] }]),
  });
  expect(sesArrived(ses)[0]?.recipients).toEqual(['b@dest.test', 'hidden@dest.test']);

  const found = await relay.cli(['message', '0102018f-1']);
  expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining(String(bySes['messageId'])) });
  const tested = await relay.cli(['egress', 'test', 'ses']);
  expect(tested).toMatchObject({ code: 0, stdout: expect.stringContaining('key 1 (...0001) is taken') });
  expect(await relay.audit()).toMatchObject({ possibleDuplicates: 0 });
  const told = JSON.stringify(relay.lines) + relay.stderr;
  for (const secret of [...KEYS, 'very-secret']) expect(told).not.toContain(secret);
});
