import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXCHANGE, EXIM, QMAIL } from '../fakes/bounces.ts';
import { complaintOf } from '../fakes/complaint.ts';
import { messageWith } from '../fakes/mail.ts';
import { freePort, type Postfix, startPostfix } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink, type SmtpSink } from '../fakes/smtp-sink.ts';

const VERP = /^b\+[0-9a-z]{26}-1-[0-9a-z]+-[0-9a-f]{24}@bounces\.app\.test$/;

type World = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly port: number;
  readonly postfix: Postfix;
  /** The MX of dest.test, behind the Postfix. */
  readonly sink: SmtpSink;
  readonly text: (domain: string) => string;
};

const servers = new AsyncDisposableStack();
let shared: Pick<World, 'port' | 'postfix' | 'sink'>;

/** One Postfix and one sink for all: a Postfix takes seconds to start and to end. */
beforeAll(async () => {
  const sink = servers.use(await startSmtpSink());
  const port = await freePort();
  const main = `transport_maps = inline:{ {dest.test = smtp:[127.0.0.1]:${sink.port}}, {bounces.app.test = smtp:[127.0.0.1]:${port}} }`;
  const postfix = servers.use(await startPostfix({ destinations: ['app.test'], main: [main] }));
  shared = { port, postfix, sink };
}, 60_000);
afterAll(() => servers.disposeAsync());

/**
 * The relay hands all mail to a Postfix, which keeps what is for app.test, has a sink for dest.test, and sends its bounces
 * to the relay as any server would: from an address that is no client's.
 */
async function world({ args = [], verp = '' }: { args?: readonly string[]; verp?: string } = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const { sink, port, postfix } = shared;
  sink.heal();
  sink.messages.length = 0;
  const box = join(postfix.folder, 'mail/box/new');
  for (const name of postfix.maildir().length > 0 ? readdirSync(box) : []) rmSync(join(box, name));
  const httpPort = await freePort();
  const text = (domain: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.9], senders: ["*@app.test", "*@dest.test"] } }
domains: { app.test: { ${domain} } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${postfix.port}, tls: none } }
http: { listen: 127.0.0.1:${httpPort} }
`;
  const relay = stack.use(new RelayProcess(text(`returnPath: bounces.app.test${verp}`), { args }));
  await relay.start();
  const kept = stack.move();
  return { relay, port, postfix, sink, text, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** @returns the message's id */
async function submit(port: number, to: readonly string[], subject: string, from = 'shop@app.test'): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.9' });
  await dialogue.all('EHLO app.test', `MAIL FROM:<${from}>`, ...to.map((address) => `RCPT TO:<${address}>`), 'DATA');
  const mail = messageWith(Buffer.from('hello\r\n'), { Subject: subject, 'Content-Type': 'text/plain' });
  const reply = await dialogue.say(`${mail.toString()}.`);
  expect(reply).toMatch(/^250 /);
  return /[0-9A-Z]{26}/.exec(reply)?.[0] ?? '';
}

async function arrived({ postfix }: World, wanted: string): Promise<string> {
  await expect
    .poll(() => postfix.maildir().some((mail) => mail.includes(wanted)), { timeout: 30_000, interval: 50 })
    .toBe(true);
  return String(postfix.maildir().find((mail) => mail.includes(wanted)));
}

/** What a stranger is answered to RCPT. */
async function rcpt(port: number, address: string): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO stranger.test', 'MAIL FROM:<>');
  return await dialogue.say(`RCPT TO:<${address}>`);
}

test('what a Postfix took and could not deliver comes back to the sender, and the history shows it', async () => {
  await using place = await world();
  const { relay, port, sink } = place;
  sink.fault('rcpt', 550);
  const id = await submit(port, ['gone@dest.test'], 'to nobody');
  const report = await arrived(place, 'multipart/report');
  expect(report).toMatch(/^Return-Path: <>$/m);
  expect(report).toMatch(/^From: .*<MAILER-DAEMON@relay\.test>$/m);
  expect(report).toMatch(/^Delivered-To: shop@app\.test$/m);
  expect(report).toMatch(/^Final-Recipient: rfc822; gone@dest\.test$/m);
  expect(report).toMatch(/^Status: 5\.0\.0$/m);
  // Postfix's own report, whole.
  expect(report).toContain('This is the mail system at host');
  await relay.waitFor((line) => line.event === 'bounced-later');
  const story = await relay.cli(['message', id]);
  expect(story.stdout).toMatch(
    /bounced-later .*gone@dest\.test: hard, says postfix\.test by mail: 550 5\.0\.0 as asked for; the sender is told by/,
  );
  expect(story.stdout).toContain('bounced later: 1 recipient');
  expect(await relay.audit()).toMatchObject({ finished: { delivered: 2, bounced: 0 }, queued: 0 });
});

test('what Exim, Exchange and qmail write comes back to the sender, from whatever address it is sent', async () => {
  await using place = await world();
  const { port, sink, relay } = place;
  const forms = [
    { to: 'gone', form: EXIM, words: 'hard, says exim.dest.test by mail: 550 5.0.0' },
    { to: 'lost', form: EXCHANGE, words: 'unknown-user, says AM0PR01.prod.dest.test by mail: 550 5.1.10' },
    { to: 'away', form: QMAIL, words: 'unknown-user, says dest.test by mail: 550 5.1.1' },
  ];
  for (const [at, { to, form, words }] of forms.entries()) {
    // Who is not there once is not written to again.
    const bounce = form.replaceAll('gone@dest.test', `${to}@dest.test`).replaceAll('GONE@', `${to.toUpperCase()}@`);
    const id = await submit(port, [`${to}@dest.test`], 'hello');
    await sink.until(() => sink.accepted.length > at);
    await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.77' });
    const path = sink.accepted[at]?.sender;
    await dialogue.all('EHLO far.test', 'MAIL FROM:<mailer@far.test>', `RCPT TO:<${path}>`, 'DATA');
    expect(await dialogue.say(`${bounce}.`)).toBe('250 2.6.0 taken');
    const report = await arrived(place, bounce.replaceAll('\r\n', '\n').trimEnd());
    expect(report).toMatch(/^Delivered-To: shop@app\.test$/m);
    expect(report).toMatch(/^From: .*<MAILER-DAEMON@relay\.test>$/m);
    const story = await relay.cli(['message', id]);
    expect(story.stdout).toMatch(/^.*bounced-later .*$/m);
    expect(story.stdout).toContain(`${to}@dest.test: ${words}`);
  }
  await relay.audit();
});

test('with verp: delivery the recipients of a domain share one transaction from one signed return path, which nobody else can make', async () => {
  await using place = await world({ verp: ', verp: delivery' });
  const { port, sink, relay } = place;
  await submit(port, ['ana@dest.test', 'luis@dest.test'], 'both');
  await sink.until(() => sink.accepted.length > 0);
  const [mail] = sink.accepted;
  const sender = mail?.sender ?? '';
  expect(sender).toMatch(VERP);
  expect(mail?.recipients.map(({ address }) => address)).toEqual(['ana@dest.test', 'luis@dest.test']);
  expect(await rcpt(port, sender)).toBe('250 2.1.5 recipient ok');
  expect(await rcpt(port, sender.toUpperCase())).toBe('250 2.1.5 recipient ok');
  const forged = sender.replace(/-([0-9a-f])/, (_, digit: string) => `-${digit === '0' ? '1' : '0'}`);
  expect(await rcpt(port, forged)).toBe('550 5.1.1 no such address here');
  expect(await rcpt(port, 'shop@bounces.app.test')).toBe('550 5.1.1 no such address here');
  expect(await rcpt(port, 'ana@dest.test')).toBe('550 5.7.1 relaying denied');
  await relay.audit();
});

test('return paths come and go with the policy, in every worker, without a restart', async () => {
  await using place = await world({ args: ['--workers', '2'] });
  const { port, sink, relay, text } = place;
  await submit(port, ['ana@dest.test'], 'on');
  await sink.until(() => sink.accepted.length === 1);
  const changed = async (domain: string): Promise<void> => {
    const since = relay.lines.length;
    relay.writePolicy(text(domain));
    await relay.waitFor((line) => line.event === 'policy-applied', since);
  };
  await changed('');
  await submit(port, ['ana@dest.test'], 'off');
  await sink.until(() => sink.accepted.length === 2);
  expect(await rcpt(port, sink.accepted[0]?.sender ?? '')).toBe('550 5.7.1 relaying denied');
  await changed('returnPath: bounces.app.test');
  await submit(port, ['ana@dest.test'], 'on again');
  await sink.until(() => sink.accepted.length === 3);
  expect(sink.accepted.map(({ sender }) => VERP.test(sender))).toEqual([true, false, true]);
  expect(sink.accepted[1]?.sender).toBe('shop@app.test');
  // The keys are those of before.
  const again = await Promise.all(Array.from({ length: 10 }, () => rcpt(port, sink.accepted[0]?.sender ?? '')));
  expect(new Set(again)).toEqual(new Set(['250 2.1.5 recipient ok']));
  await relay.audit();
});

test('the bounce of a bounce ends it: nobody is told of what cannot be told', async () => {
  await using place = await world();
  const { port, sink, relay, postfix } = place;
  sink.fault('rcpt', 550);
  // Its sender does not exist either.
  const id = await submit(port, ['gone@dest.test'], 'from nobody to nobody', 'gone-too@dest.test');
  await relay.waitFor((line) => line.event === 'bounced-later' && line['messageId'] === id);
  await expect
    .poll(() => /to=<gone-too@dest\.test>.*status=bounced/.test(postfix.log()), { timeout: 30_000, interval: 50 })
    .toBe(true);
  expect(await relay.audit()).toMatchObject({ accepted: 2, finished: { delivered: 2 }, queued: 0 });
  expect(relay.lines.filter(({ event }) => event === 'received').length).toBe(2);
  expect(postfix.maildir()).toEqual([]);
});

test('a complaint that carries the token of the mail is kept, counted, and its address is not written to again', async () => {
  await using place = await world();
  const { port, sink, relay, text } = place;
  const since = relay.lines.length;
  relay.writePolicy(text('returnPath: bounces.app.test, complaints: [fbl]'));
  await relay.waitFor((line) => line.event === 'policy-applied', since);
  const id = await submit(port, ['ana@dest.test', 'luis@dest.test'], 'two');
  await sink.until(() => sink.accepted.length === 2);
  // Each has a transaction and a return path of its own.
  expect(new Set(sink.accepted.map(({ sender }) => sender)).size).toBe(2);
  const [mail] = sink.accepted;
  expect(mail?.recipients.length).toBe(1);
  const complainer = mail?.recipients[0]?.address ?? '';
  const header = String(mail?.content).split('\r\n\r\n')[0]?.split('\r\n') ?? [];
  const token = header.find((line) => line.startsWith('X-Report-Token: ')) ?? '';
  expect(token).toContain(id.toLowerCase());
  expect(header).toContain('CFBL-Address: fbl@bounces.app.test; report=arf');
  const complaint = complaintOf({ original: [token], fields: [`Original-Rcpt-To: <${complainer}>`] });
  await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.77' });
  await dialogue.all(
    'EHLO mailbox.test',
    'MAIL FROM:<feedback@mailbox.test>',
    'RCPT TO:<fbl@bounces.app.test>',
    'DATA',
  );
  expect(await dialogue.say(`${complaint.toString()}.`)).toBe('250 2.6.0 taken');
  const event = await relay.waitFor((line) => line.event === 'complained');
  expect(event).toMatchObject({ messageId: id, recipients: [complainer], source: 'report', egress: 'up' });
  const story = await relay.cli(['message', id]);
  expect(story.stdout).toMatch(
    new RegExp(`complained .*${complainer} called it junk, says a complaint report: abuse, by MailboxLoop/1\\.0`),
  );
  await submit(port, [complainer], 'again');
  await relay.waitFor((line) => line.event === 'suppressed' || line.event === 'refused');
  await relay.audit();
  expect(sink.accepted.filter(({ recipients }) => recipients[0]?.address === complainer).length).toBe(1);
});
