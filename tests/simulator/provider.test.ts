import { expect, test } from 'vitest';
import { readDescription } from '../../scripts/simulator/description.ts';
import { startSimulator, type Simulator, type SimulatorEvent } from '../../scripts/simulator/simulator.ts';
import { refusalOf } from '../../src/message/refusal.ts';
import { systemDns } from '../../src/system.ts';
import { parseReply, type Reply } from '../../src/message/reply.ts';
import { FakeClock } from '../fakes/clock.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type World = AsyncDisposable & {
  readonly clock: FakeClock;
  readonly simulator: Simulator;
  readonly events: readonly SimulatorEvent[];
  /** Hands a message over from an address of this machine; the decisive reply. '' for a connection that was cut. */
  readonly send: (terms?: { from?: string; sender?: string; to?: string; content?: string }) => Promise<string>;
  readonly open: (from?: string) => Promise<SmtpDialogue>;
};

/** @param terms of the one provider, as YAML in braces */
async function world(terms: string): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const read = readDescription(`providers: [{ name: p.test, listen: "127.0.0.1:0", ${terms} }]`);
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  const clock = new FakeClock();
  const events: SimulatorEvent[] = [];
  const emit = (event: SimulatorEvent): void => void events.push(event);
  const simulator = stack.use(await startSimulator({ description: read.description, clock, emit, keepsMail: true }));
  const port = simulator.listening.get('p.test')?.[0]?.port ?? 0;
  const kept = stack.move();
  const open = async (from = '127.0.0.1'): Promise<SmtpDialogue> =>
    kept.use(await SmtpDialogue.open(port, { localAddress: from }));
  return {
    clock,
    simulator,
    events,
    open,
    send: async ({ from, sender = 'a@a.test', to = 'b@p.test', content = 'Subject: x\r\n\r\nhello\r\n' } = {}) => {
      const dialogue = await open(from);
      let reply = await dialogue.reply();
      for (const line of ['EHLO c.test', `MAIL FROM:<${sender}>`, `RCPT TO:<${to}>`, 'DATA']) {
        if (!/^[23]/.test(reply)) return reply;
        reply = await dialogue.say(line);
      }
      return reply.startsWith('354') ? dialogue.say(`${content}.`) : reply;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function replyOf(line: string): Reply {
  return parseReply(Number(line.slice(0, 3)), [line.slice(4)]);
}

test('takes mail byte for byte, dots unstuffed, and says so', async () => {
  await using place = await world('domains: [p.test]');
  expect(await place.send({ content: 'Subject: x\r\n\r\n..dot\r\nend\r\n' })).toBe('250 2.0.0 taken as 1');
  expect(place.simulator.mail[0]?.content.toString()).toBe('Subject: x\r\n\r\n.dot\r\nend\r\n');
  expect(place.events).toMatchObject([
    { event: 'taken', client: '127.0.0.1', sender: 'a@a.test', recipients: ['b@p.test'] },
  ]);
  expect(await place.send({ content: '' })).toBe('250 2.0.0 taken as 2');
  expect(await place.send({ to: 'b@other.test' })).toMatch(/^550 5\.7\.1 /);
});

test('greylists a client, sender and recipient that it has not met, until they come again after the delay', async () => {
  await using place = await world('greylist: { delay: 5m, remember: 1d }');
  expect(await place.send()).toBe('451 4.7.1 greylisted, please try again in 300 seconds');
  await place.clock.advance(299_000);
  expect(await place.send()).toMatch(/^451 4\.7\.1 .* in 1 seconds/);
  expect(await place.send({ from: '127.0.0.2' })).toMatch(/^451 .* 300 seconds/);
  await place.clock.advance(1_000);
  expect(await place.send()).toMatch(/^250/);
  expect(await place.send()).toMatch(/^250/);
  await place.clock.advance(86_400_001);
  expect(await place.send()).toMatch(/^451 .* 300 seconds/);
});

test('keeps a rate by client address: 421 when it is used up, at connect too, and room when the window has passed', async () => {
  await using place = await world('rate: 2/h, manner: google');
  const dialogue = await place.open();
  await dialogue.reply();
  await dialogue.say('EHLO c.test');
  for (let message = 1; message <= 2; message++) {
    await dialogue.all('MAIL FROM:<a@a.test>', 'RCPT TO:<b@p.test>', 'DATA');
    expect(await dialogue.say('x\r\n.')).toBe(`250 2.0.0 taken as ${message}`);
  }
  expect(await dialogue.say('MAIL FROM:<a@a.test>')).toMatch(/^421 4\.7\.28 .*127\.0\.0\.1/);
  expect(await dialogue.reply()).toBe('');
  expect(await place.send()).toMatch(/^421 4\.7\.28/);
  expect(await place.send({ from: '127.0.0.2' })).toMatch(/^250/);
  await place.clock.advance(3_600_000);
  expect(await place.send()).toMatch(/^250/);
});

test('allows so many connections by client address, and so many messages over one', async () => {
  await using place = await world('connections: 1, perConnection: 1');
  const first = await place.open();
  expect(await first.reply()).toMatch(/^220/);
  expect(await (await place.open()).reply()).toMatch(/^421 4\.7\.0 too many connections/);
  expect(await (await place.open('127.0.0.2')).reply()).toMatch(/^220/);
  await first.all('EHLO c.test', 'MAIL FROM:<a@a.test>', 'RCPT TO:<b@p.test>', 'DATA', 'x\r\n.');
  expect(await first.say('MAIL FROM:<a@a.test>')).toMatch(/^421 4\.4\.2/);
  first.end();
  await expect.poll(() => place.send()).toMatch(/^250/);
});

test.each([
  ['plain', 'listed', 'listed'],
  ['plain', 'reputation', 'reputation'],
  ['plain', 'policy', 'policy'],
  ['google', 'reputation', 'reputation'],
  ['microsoft', 'reputation', 'reputation'],
  ['yahoo', 'listed', 'listed'],
  ['yahoo', 'reputation', 'reputation'],
] as const)(
  'in the manner of %s: an address that is blocked as %s is refused so, and others are not',
  async (manner, as, refusal) => {
    await using place = await world(`manner: ${manner}, blocked: [{ network: 127.0.0.9, as: ${as}, until: 1h }]`);
    const reply = await place.send({ from: '127.0.0.9' });
    expect(reply).toMatch(/^55\d /);
    expect(refusalOf(replyOf(reply))).toBe(refusal);
    expect(await place.send({ from: '127.0.0.8' })).toMatch(/^250/);
    await place.clock.advance(3_600_000);
    expect(await place.send({ from: '127.0.0.9' })).toMatch(/^250/);
  },
);

test.each(['plain', 'google', 'microsoft', 'yahoo'])(
  'in the manner of %s: unknown users, full mailboxes, too much mail',
  async (manner) => {
    await using place = await world(`manner: ${manner}, unknown: ["no*@p.test"], full: ["full@*"], rate: 1/h`);
    expect(refusalOf(replyOf(await place.send({ to: 'nobody@p.test' })))).toBe('unknown-user');
    expect(refusalOf(replyOf(await place.send({ to: 'full@p.test' })))).toBe('mailbox-full');
    expect(await place.send()).toMatch(/^250/);
    expect(refusalOf(replyOf(await place.send()))).toBe('rate-limited');
  },
);

test('drops the connection after the dot of each so-manieth message, which it has taken', async () => {
  await using place = await world('dropAfterDot: 2');
  expect([await place.send(), await place.send(), await place.send()]).toEqual([
    '250 2.0.0 taken as 1',
    '',
    '250 2.0.0 taken as 3',
  ]);
  expect(place.events.map(({ event }) => event)).toEqual(['taken', 'dropped', 'taken']);
  expect(place.simulator.mail).toHaveLength(3);
});

test('sends a report later to the envelope sender, by SMTP, and none to the null sender', async () => {
  await using sink = await startSmtpSink();
  await using place = await world(`bounceLater: { to: ["late@*"], after: 1h, via: "127.0.0.1:${sink.port}" }`);
  await place.send({ to: 'late@p.test', sender: 'verp+1@a.test' });
  await place.send({ to: 'late@p.test', sender: '' });
  await place.send({ to: 'other@p.test' });
  await place.clock.advance(3_599_000);
  expect(sink.messages).toHaveLength(0);
  await place.clock.advance(1_000);
  await sink.until(() => sink.accepted.length === 1);
  const [report] = sink.accepted;
  expect(report).toMatchObject({ sender: '', recipients: [{ address: 'verp+1@a.test' }] });
  expect(report?.content.toString()).toMatch(
    /report-type=delivery-status[^]*Final-Recipient: rfc822; late@p\.test\r\nAction: failed/,
  );
  await expect.poll(() => place.events.filter(({ event }) => event === 'bounced-later')).toHaveLength(1);
});

test('answers late in a tarpit', async () => {
  await using place = await world('tarpit: 10s');
  const dialogue = await place.open();
  const greeting = dialogue.reply();
  await expect.poll(() => place.clock.pending).toBe(1);
  await place.clock.advance(10_000);
  expect(await greeting).toMatch(/^220 p\.test/);
});

test('is dead: nobody listens, or nothing is ever said', async () => {
  await using refusing = await world('dead: refuse');
  expect(refusing.simulator.listening.get('p.test')).toEqual([]);
  await using hole = await world('dead: blackhole');
  const dialogue = await hole.open();
  dialogue.write('EHLO c.test\r\n');
  const silent = Symbol('silent');
  expect(await Promise.race([dialogue.reply(), new Promise((done) => setTimeout(done, 100, silent))])).toBe(silent);
});

test.each([
  ['', 'expected'],
  ['providers: []', 'providers'],
  ['providers: [{ name: a }]', 'providers.0.listen'],
  ['providers: [{ name: a, listen: "nowhere" }]', 'providers.0.listen'],
  ['providers: [{ name: a, listen: "127.0.0.1:70000" }]', 'providers.0.listen'],
  ['providers: [{ name: a, listen: "127.0.0.1:0", rate: fast }]', 'providers.0.rate'],
  ['providers: [{ name: a, listen: "127.0.0.1:0", grey: 5m }]', 'grey'],
  ['providers: [{ name: a, listen: "127.0.0.1:0" }, { name: a, listen: "127.0.0.1:0" }]', 'two providers are named a'],
  ['providers: [', 'Flow'],
])('a file that is wrong is refused with the key: %s', (text, told) => {
  const read = readDescription(text);
  expect(read.kind).toBe('refused');
  expect(read.kind === 'refused' ? read.problems.join('\n') : '').toContain(told);
});

test('answers for the names of its providers, and for no others', async () => {
  const read = readDescription(`
dns: 127.0.0.1:0
providers:
  - { name: big.test, listen: ["127.0.0.1:0", "127.0.0.2:0"], domains: [big.test, Hosted.test] }
`);
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  const simulator = await startSimulator({ description: read.description, clock: new FakeClock(), emit: () => {} });
  await using _ = simulator;
  const dns = systemDns(() => [`127.0.0.1:${simulator.dns?.port}`]);
  for (const domain of ['big.test', 'hosted.test'])
    expect(await dns.mx(domain)).toEqual({ kind: 'found', records: [{ preference: 10, exchange: 'mx.big.test' }] });
  expect(await dns.a('mx.big.test')).toEqual({ kind: 'found', records: ['127.0.0.1', '127.0.0.2'] });
  expect(await dns.aaaa('mx.big.test')).toEqual({ kind: 'none' });
  expect(await dns.mx('gmail.com')).toEqual({ kind: 'missing' });
});
