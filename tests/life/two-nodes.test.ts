/** Two relay processes on one Redis: what an exit may do it may do once, whichever node does it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DnsServer, startDnsServer } from '../fakes/dns-server.ts';
import { DnsZone } from '../fakes/dns.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import type { RedisServer } from '../fakes/redis-server.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { type SmtpSink, startSmtpSink } from '../fakes/smtp-sink.ts';

type Node = { readonly relay: RelayProcess; readonly port: number };

const CIRCLE = ['c1', 'c2', 'c3', 'c4', 'c5'];
const CONNECTIONS = 3;
/** Own to both: they are on one machine. */
const NARROW = '127.0.3.71';

const held = new AsyncDisposableStack();
let redis: RedisServer;
let sink: SmtpSink;
let slow: SmtpSink;
let frail: SmtpSink;
let names: DnsServer;
let nodes: readonly Node[] = [];

function policyOf(port: number): string {
  const exit = (name: string, { port: to }: SmtpSink, more = ''): string =>
    `  ${name}: { type: smtp, host: 127.0.0.1, port: ${to}, tls: none, helo: ${name}, ${more} }`;
  const circle = CIRCLE.map((name) => exit(name, sink)).join('\n');
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
spool: { engine: redis, url: "${redis.url}" }
egress:
${circle}
${exit('warm', sink, 'dailyLimit: 500, warmup: { schedule: [7] }')}
${exit('daily', sink, 'dailyLimit: 9')}
${exit('over', sink)}
${exit('aside', sink)}
${exit('paced', sink, 'rate: 10/s')}
  narrow: { type: mx, bind: ${NARROW}, port: ${slow.port}, privateAddresses: true, connections: ${CONNECTIONS} }
${exit('frail', frail, 'timeouts: { connect: 1s, reply: 1s }')}
pools: { circle: { members: [${CIRCLE.join(', ')}] } }
routes:
  - { name: circle, match: { recipientDomain: circle.test }, use: [circle] }
  - { name: capped, match: { recipientDomain: capped.test }, use: [warm, daily, over] }
  - { name: paced, match: { recipientDomain: paced.test }, use: [paced] }
  - { name: narrow, match: { recipientDomain: "*.narrow.test" }, use: [narrow] }
  - { name: frail, match: { recipientDomain: frail.test }, use: [frail, aside] }
health: { every: 1s, timeout: 1s }
dns: { servers: ["${names.address}"] }
`;
}

beforeAll(async () => {
  redis = held.use(await startRedis({ settings: ['appendonly no', 'appendfsync no'] }));
  sink = held.use(await startSmtpSink());
  slow = held.use(await startSmtpSink({ slowMs: 60 }));
  slow.fault('rcpt', 'slow');
  frail = held.use(await startSmtpSink());
  const hosts = [0, 1, 2, 3].map((number) => [`d${number}.narrow.test`, { mx: [[10, `mx${number}.narrow.test`]] }]);
  const addresses = [0, 1, 2, 3].map((number) => [`mx${number}.narrow.test`, { a: ['127.0.0.1'] }]);
  names = held.use(await startDnsServer(new DnsZone(Object.fromEntries([...hosts, ...addresses]))));
  nodes = await Promise.all(
    [1, 2].map(async () => {
      const port = await freePort();
      // What nobody promised about power cuts need not be synced here.
      const policy = policyOf(port).replace('engine: redis,', 'engine: redis, durability: relaxed,');
      const relay = held.use(new RelayProcess(policy));
      await relay.start();
      return { relay, port };
    }),
  );
}, 30_000);

afterAll(async () => {
  await held.disposeAsync();
});

async function send({ port }: Node, to: string): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO app.test', 'MAIL FROM:<shop@app.test>', `RCPT TO:<${to}>`, 'DATA');
  dialogue.write('From: <shop@app.test>\r\nSubject: x\r\n\r\nhello\r\n.\r\n');
  const reply = await dialogue.reply();
  expect(reply).toMatch(/^250 /);
  return /[0-9A-Z]{26}/.exec(reply)?.[0] ?? '';
}

/** Whichever node sends it. */
async function ended(id: string): Promise<LogLine> {
  const isIt = (line: LogLine): boolean => line.event === 'delivered' && line['messageId'] === id;
  return Promise.any(nodes.map(({ relay }) => relay.waitFor(isIt)));
}

function byExit(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { helo } of sink.accepted) counts[helo] = (counts[helo] ?? 0) + 1;
  return counts;
}

test('messages that come to either of them go round the exits of a pool one after the other', async () => {
  const used: unknown[] = [];
  for (let number = 0; number < 12; number++) {
    const node = nodes[number % 3 === 0 ? 0 : 1];
    if (node !== undefined) used.push((await ended(await send(node, 'a@circle.test')))['egress']);
  }
  expect(used).toEqual([...CIRCLE, ...CIRCLE, ...CIRCLE].slice(0, 12));
});

test('a warm-up and a daily limit are kept by both together, to the message', async () => {
  const loads = nodes.map(({ port }, place) =>
    startLoad({ port: () => port, sessions: 3, prefix: `day${place}`, count: 15, recipient: () => 'a@capped.test' }),
  );
  await Promise.all(loads.map(({ finished }) => finished));
  const came = (): number => ['warm', 'daily', 'over'].reduce((sum, exit) => sum + (byExit()[exit] ?? 0), 0);
  const sent = loads.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  await expect.poll(came, { timeout: 10_000, interval: 20 }).toBe(sent);
  expect(byExit()).toMatchObject({ warm: 7, daily: 9 });
});

test('a rate is one of both together', async () => {
  const began = performance.now();
  const loads = nodes.map(({ port }, place) =>
    startLoad({ port: () => port, sessions: 2, prefix: `rate${place}`, count: 15, recipient: () => 'a@paced.test' }),
  );
  await Promise.all(loads.map(({ finished }) => finished));
  const sent = loads.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  await expect.poll(() => byExit()['paced'], { timeout: 15_000, interval: 20 }).toBe(sent);
  expect(performance.now() - began).toBeGreaterThan((sent - 2) * 100);
});

test('an exit has no more connections than it may, over both, which both use; and it is told how many', async () => {
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, slow.open)), 1);
  const loads = nodes.map(({ port }, place) =>
    startLoad({
      port: () => port,
      sessions: 2,
      prefix: `narrow${place}`,
      count: 40,
      recipient: (id) => `a@d${id.length % 4}.narrow.test`,
    }),
  );
  const [one] = nodes;
  const list = one?.relay.cli(['egress', 'list', '--json']);
  await Promise.all(loads.map(({ finished }) => finished));
  const accepted = loads.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  await expect.poll(() => slow.accepted.length, { timeout: 15_000, interval: 20 }).toBe(accepted);
  clearInterval(watch);
  expect(most).toBe(CONNECTIONS);
  for (const { relay } of nodes) {
    const isOfIt = (line: LogLine): boolean => line.event === 'delivered' && line['egress'] === 'narrow';
    expect(relay.lines.filter(isOfIt).length).toBeGreaterThan(4);
  }
  const { exits } = JSON.parse((await list)?.stdout ?? '') as {
    readonly exits: readonly { readonly egress: string; readonly limits: unknown }[];
  };
  const narrow = exits.find(({ egress }) => egress === 'narrow');
  expect(narrow?.limits).toMatchObject({ connections: { limit: CONNECTIONS } });
});

test('a server that one of them finds down is left out by the other too, and used by both when it is back', async () => {
  for (const node of nodes) expect(await ended(await send(node, 'a@frail.test'))).toMatchObject({ egress: 'frail' });
  frail.fault('connect', 'hang');
  const isAlert =
    (raised: boolean) =>
    (line: LogLine): boolean =>
      line['name'] === 'egress-down:frail' && line['raised'] === raised;
  await Promise.any(nodes.map(({ relay }) => relay.waitFor(isAlert(true))));
  const isDown = async ({ relay }: Node): Promise<boolean> =>
    (await relay.cli(['egress', 'list'])).stdout.includes('frail: down');
  for (const node of nodes) await expect.poll(() => isDown(node), { timeout: 10_000, interval: 200 }).toBe(true);
  for (const node of nodes) expect(await ended(await send(node, 'b@frail.test'))).toMatchObject({ egress: 'aside' });
  frail.heal();
  await Promise.any(nodes.map(({ relay }) => relay.waitFor(isAlert(false))));
  for (const node of nodes) await expect.poll(() => isDown(node), { timeout: 10_000, interval: 200 }).toBe(false);
  await nodes[0]?.relay.audit();
  for (const { relay } of nodes) expect(relay.lines.filter(({ event }) => event === 'failed')).toEqual([]);
});
