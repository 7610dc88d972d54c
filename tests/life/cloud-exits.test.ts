/** Mail by providers' APIs: with another key where one is refused, by another exit where one fails, and found by their names for it. */
import { expect, test, vi } from 'vitest';
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

function policyFor(
  port: number,
  urls: { readonly mailgun: string; readonly ses: string },
  keys: readonly string[] = KEYS,
): string {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  mailgun: { type: mailgun, domain: ${MAILGUN_DOMAIN}, apiKeys: [${keys.join(', ')}], endpoint: "${urls.mailgun}" }
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

const WAIT = { timeout: 20_000, interval: 20 };

/** One message after the other in one session, until told to stop. @returns how many were taken */
async function stream(port: number, isOver: () => boolean): Promise<number> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO client.test');
  let taken = 0;
  while (!isOver()) {
    await dialogue.all('MAIL FROM:<a@shop.test>', 'RCPT TO:<b@dest.test>', 'DATA');
    dialogue.write(`From: a@shop.test\r\nTo: b@dest.test\r\nSubject: ${taken}\r\n\r\ntext\r\n.\r\n`);
    expect(await dialogue.reply()).toMatch(/^250/);
    taken += 1;
  }
  return taken;
}

test('while mail flows a new key comes in and the old one is drained, and nothing is lost, refused or doubled', async () => {
  const [first = '', second = ''] = KEYS;
  const port = await freePort();
  await using mailgun = await startMailgun();
  await using ses = await startSes();
  const urls = { mailgun: mailgun.url, ses: ses.url };
  await using relay = new RelayProcess(policyFor(port, urls, [first]));
  await relay.start();
  const applied = async (keys: readonly string[]): Promise<void> => {
    const since = relay.lines.length;
    relay.writePolicy(policyFor(port, urls, keys));
    await relay.waitFor(({ event }) => event === 'policy-applied', since);
  };
  const sends = (): readonly string[] => mailgunSends(mailgun).map(mailgunKeyOf);
  const usesOf = (key: string): number => sends().filter((used) => used === key).length;

  let isOver = false;
  const streams = [1, 2, 3].map(() => stream(port, () => isOver));
  await vi.waitFor(() => expect(usesOf(first)).toBeGreaterThan(20), WAIT);

  // Both, in turn; then requests, one with the old key at least, that take until that key is gone.
  await applied([first, second]);
  await vi.waitFor(() => expect(usesOf(second)).toBeGreaterThan(20), WAIT);
  const held = Promise.withResolvers<void>();
  const usual = {
    kind: 'answer',
    status: 200,
    body: JSON.stringify({ id: '<late@m.test>', message: 'Queued.' }),
  } as const;
  const late = [1, 2, 3, 4].map(() => ({ ...usual, after: held.promise }));
  const heldFrom = sends().length;
  mailgun.act(...late, { kind: 'usual' });
  await vi.waitFor(() => expect(sends().length).toBeGreaterThan(heldFrom + 4), WAIT);
  expect(sends().slice(heldFrom, heldFrom + 4)).toContain(first);
  await applied([second]);

  // What was under way with the old key as the policy was applied has come to the provider by now.
  const before = usesOf(second);
  await vi.waitFor(() => expect(usesOf(second)).toBeGreaterThan(before + 20), WAIT);
  const drained = usesOf(first);
  await vi.waitFor(() => expect(usesOf(second)).toBeGreaterThan(before + 60), WAIT);
  expect(usesOf(first)).toBe(drained);
  held.resolve();
  isOver = true;
  const taken = (await Promise.all(streams)).reduce((sum, count) => sum + count, 0);
  const delivered = (): number => relay.lines.filter(({ event }) => event === 'delivered').length;
  await vi.waitFor(() => expect(delivered()).toBe(taken), WAIT);

  expect(sends()).toHaveLength(taken);
  expect(usesOf(first)).toBe(drained);
  expect(sesSends(ses)).toEqual([]);
  const told = new Set(relay.lines.map(({ event }) => event));
  for (const event of ['deferred', 'bounced', 'in-doubt', 'refused', 'policy-refused', 'failed'])
    expect([...told]).not.toContain(event);
  expect(relay.lines.filter(({ event, name }) => event === 'alert' && String(name).startsWith('exit-'))).toEqual([]);
  expect(await relay.audit()).toMatchObject({ possibleDuplicates: 0 });
});
