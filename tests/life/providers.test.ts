/** A relay with two addresses of its own among mailbox providers that refuse, slow down, hang and bounce as real ones do. */
import { expect, test } from 'vitest';
import { readDescription } from '../../scripts/simulator/description.ts';
import { startSimulator, type SimulatorEvent } from '../../scripts/simulator/simulator.ts';
import type { RelayStats } from '../../src/access/relay-stats.ts';
import { systemClock } from '../../src/system.ts';
import { freePort } from '../fakes/postfix.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

const [ONE, TWO] = ['127.0.1.101', '127.0.1.102'];

type Ports = { readonly relay: number; readonly mx: number; readonly http: number };

type Place = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly ports: Ports;
  readonly events: readonly SimulatorEvent[];
  /** `taken 127.0.1.101`, … */
  readonly told: (provider: string) => readonly string[];
  /** @returns the message's id */
  readonly send: (to: string, stream?: string) => Promise<string>;
};

/** @param providers as YAML, by name: what there is beside name, domain and place */
async function place(providers: Readonly<Record<string, string>>, more = ''): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const ports = { relay: await freePort(), mx: await freePort(), http: await freePort() };
  const lines = Object.entries(providers).map(([name, terms], index) => {
    const text = terms.replace('RELAY', `127.0.0.1:${ports.relay}`);
    return `  - { name: ${name}, listen: "127.0.2.${101 + index}:${ports.mx}", domains: [${name}], ${text} }`;
  });
  const read = readDescription(`dns: 127.0.0.1:0\nproviders:\n${lines.join('\n')}\n`);
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  const events: SimulatorEvent[] = [];
  const emit = (event: SimulatorEvent): void => void events.push(event);
  const simulator = stack.use(await startSimulator({ description: read.description, clock: systemClock, emit }));
  const exit = (bind: string): string =>
    `{ type: mx, bind: ${bind}, port: ${ports.mx}, privateAddresses: true, timeouts: { reply: 2s, data: 5s } }`;
  const relay = stack.use(
    new RelayProcess(`
hostname: relay.test
listen: [{ port: ${ports.relay}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.9], senders: ["*@app.test"] } }
dns: { servers: ["127.0.0.1:${simulator.dns?.port}"] }
egress: { ip-1: ${exit(ONE ?? '')}, ip-2: ${exit(TWO ?? '')} }
pools: { own: { members: [ip-1, ip-2] } }
routes: [{ name: all, use: [own] }]
http: { listen: 127.0.0.1:${ports.http} }
${more}
`),
  );
  await relay.start();
  const kept = stack.move();
  return {
    relay,
    ports,
    events,
    told: (provider) =>
      events.filter((event) => event.provider === provider).map(({ event, client }) => `${event} ${client}`),
    send: (to, stream = 'transactional') => submit(ports.relay, to, stream),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function submit(port: number, to: string, stream: string): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.9' });
  await dialogue.all('EHLO app.test', 'MAIL FROM:<shop@app.test>', `RCPT TO:<${to}>`, 'DATA');
  dialogue.write(`From: <shop@app.test>\r\nX-Relevo-Stream: ${stream}\r\nSubject: x\r\n\r\nhello\r\n.\r\n`);
  const reply = await dialogue.reply();
  expect(reply).toMatch(/^250 /);
  return /[0-9A-Z]{26}/.exec(reply)?.[0] ?? '';
}

function of(id: string, event: string): (line: LogLine) => boolean {
  return (line) => line.event === event && line['messageId'] === id;
}

type Queue = readonly { readonly id: string; readonly state: string }[];

async function queue({ relay }: Place): Promise<Queue> {
  const { stdout } = await relay.cli(['queue', 'list', '--json']);
  return (JSON.parse(stdout) as { readonly deliveries: Queue }).deliveries;
}

test.concurrent('an address of bad reputation: urgent mail goes by another, marketing is held until an operator lets it go', async ({
  expect,
}) => {
  await using blocking = await place({
    'picky.test': `manner: microsoft, blocked: [{ network: ${ONE}, as: reputation }]`,
  });
  const [urgent, news] = [await blocking.send('a@picky.test'), await blocking.send('b@picky.test')];
  for (const id of [urgent, news])
    expect(await blocking.relay.waitFor(of(id, 'delivered'))).toMatchObject({ egress: 'ip-2' });
  expect(blocking.told('picky.test')).toContain(`refused ${ONE}`);

  const bulk: string[] = [];
  const isHeld = (id: string): boolean => blocking.relay.lines.some(of(id, 'held'));
  while (!bulk.some(isHeld)) {
    const id = await blocking.send(`news${bulk.length}@picky.test`, 'marketing');
    bulk.push(id);
    await blocking.relay.waitFor((line) => of(id, 'held')(line) || of(id, 'delivered')(line));
    expect(bulk.length).toBeLessThan(6);
  }
  const held = bulk.find(isHeld) ?? '';
  expect(await queue(blocking)).toMatchObject([{ id: `${held}.1`, state: 'held' }]);
  expect((await blocking.relay.cli(['message', held])).stdout).toMatch(/S3150/);
  expect(blocking.relay.lines.filter(of(held, 'delivered'))).toEqual([]);

  const since = blocking.relay.lines.length;
  await blocking.relay.cli(['queue', 'release', '--all']);
  await blocking.relay.waitFor(of(held, 'released'), since);
  await blocking.relay.cli(['queue', 'retry', '--all']);
  const again = await blocking.relay.waitFor((line) => of(held, 'held')(line) || of(held, 'delivered')(line), since);
  // The site takes nothing more by the first for half an hour.
  expect(again).toMatchObject({ event: 'delivered', egress: 'ip-2' });
  await blocking.relay.audit();
});

test.concurrent('a silent host and a tarpit keep nobody else waiting; a doubtful end is held where the stream says so', async ({
  expect,
}) => {
  await using slow = await place(
    {
      'silent.test': 'dead: blackhole',
      'tar.test': 'tarpit: 700ms',
      'drop.test': 'dropAfterDot: 1',
      'plain.test': '',
    },
    'streams: { transactional: { priority: high }, payments: { onDoubt: hold } }',
  );
  const silent = await slow.send('a@silent.test');
  const tar = await slow.send('a@tar.test');
  const began = performance.now();
  const plain = await slow.send('a@plain.test');
  await slow.relay.waitFor(of(plain, 'delivered'));
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(slow.relay.lines.some(of(tar, 'delivered'))).toBe(false);
  const payment = await slow.send('a@drop.test', 'payments');
  await slow.relay.waitFor(of(payment, 'in-doubt'));
  await slow.relay.waitFor(of(payment, 'held'));
  await slow.relay.waitFor(of(tar, 'delivered'));
  await slow.relay.waitFor(of(silent, 'deferred'));
  expect(slow.told('drop.test')).toHaveLength(1);
  const states = (await queue(slow)).map(({ id, state }) => `${id} ${state}`);
  expect(states).toContain(`${payment}.1 held`);
  expect(states).toHaveLength(2);
  await slow.relay.audit();
});

test.concurrent('a bounce that comes hours later is told to the sender, shows in the history and counts against the exit', async ({
  expect,
}) => {
  await using late = await place(
    {
      'late.test': 'bounceLater: { to: ["gone@*"], after: 300ms, via: "RELAY" }',
      'app.test': '',
    },
    'domains: { app.test: { returnPath: bounces.app.test } }',
  );
  const [gone, fine] = [await late.send('gone@late.test'), await late.send('fine@late.test')];
  const { egress } = await late.relay.waitFor(of(gone, 'delivered'));
  await late.relay.waitFor(of(fine, 'delivered'));
  const bounced = await late.relay.waitFor(of(gone, 'bounced-later'));
  expect(bounced).toMatchObject({ recipients: ['gone@late.test'], egress });
  expect((await late.relay.cli(['message', gone])).stdout).toContain('mailbox disabled');
  await expect.poll(() => late.told('app.test'), { timeout: 20_000 }).toHaveLength(1);
  expect(late.events.find(({ provider }) => provider === 'app.test')).toMatchObject({
    event: 'taken',
    sender: '',
    recipients: ['shop@app.test'],
  });
  await late.relay.stop();
  const stats = JSON.parse((await late.relay.cli(['stats', '--json'])).stdout) as RelayStats;
  const bad = stats.exits.filter(({ week }) => week.bounced > 0);
  expect(bad.map((exit) => exit.egress)).toEqual([egress]);
  await late.relay.audit();
});
