/** Two workers behind the same ports, as a user runs them. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { cheapHash } from '../fakes/ingress.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type World = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly port: number;
  readonly httpPort: number;
  readonly sink: Awaited<ReturnType<typeof startSmtpSink>>;
  readonly other: Awaited<ReturnType<typeof startSmtpSink>>;
  readonly text: (more?: Partial<Terms>) => string;
};

type Terms = { readonly exit: 'one' | 'two'; readonly more: string; readonly auth: 'none' | 'required' };

async function world(first: Partial<Terms> = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const [sink, other] = [stack.use(await startSmtpSink()), stack.use(await startSmtpSink())];
  const [port, httpPort] = [await freePort(), await freePort()];
  const text = ({ exit = 'one', more = '', auth = 'none' }: Partial<Terms> = {}): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: ${auth} }]
clients:
  apps: { networks: [127.0.0.0/8], senders: ["*"] }
  shop: { password: "${cheapHash('secret')}", senders: ["*"] }
egress:
  one: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none }
  two: { type: smtp, host: 127.0.0.1, port: ${other.port}, tls: none }
routes: [{ name: all, use: [${exit}] }]
http: { listen: 127.0.0.1:${httpPort} }
${more}
`;
  const relay = stack.use(new RelayProcess(text(first), { args: ['--workers', '2'] }));
  await relay.start();
  const kept = stack.move();
  return { relay, port, httpPort, sink, other, text, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function countBy(lines: readonly LogLine[], event: string): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const line of lines) if (line.event === event) counts.set(line['worker'], (counts.get(line['worker']) ?? 0) + 1);
  return counts;
}

test('both take mail on one port and deliver it; figures are the sum, and SIGTERM under load loses nothing', async () => {
  await using place = await world();
  const { relay, port, httpPort, sink } = place;
  const load = startLoad({ port: () => port, sessions: 8, prefix: 'both', perConnection: 1, count: 300 });
  await load.finished;
  expect(load.refused.size).toBe(0);
  await sink.until(() => sink.accepted.length >= 300);
  await relay.waitFor(() => relay.lines.filter(({ event }) => event === 'delivered').length === 300);
  const received = countBy(relay.lines, 'received');
  expect([...received.keys()].toSorted()).toEqual([1, 2]);
  expect([...received.values()].reduce((sum, count) => sum + count)).toBe(300);
  expect([...countBy(relay.lines, 'delivered').keys()].toSorted()).toEqual([1, 2]);

  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(metrics).toContain('relevo_received_total{client="apps",stream="transactional"} 300\n');
  expect(metrics).toContain('relevo_delivered_total{egress="one"} 300\n');
  expect(metrics).toContain('relevo_workers 2\n');
  const idlers = await Promise.all(Array.from({ length: 12 }, () => SmtpDialogue.greeted(port)));
  const open = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(open).toContain('relevo_connections{direction="in"} 12\n');
  for (const idler of idlers) await idler[Symbol.asyncDispose]();

  const last = startLoad({ port: () => port, sessions: 8, prefix: 'last', perConnection: 1 });
  await sink.until(() => sink.accepted.length > 350);
  expect(await relay.stop()).toEqual({ code: 0, signal: null });
  await last.stop();
  await relay.audit();
  await relay.start();
  const acknowledged = load.acknowledged.size + last.acknowledged.size;
  await expect.poll(() => sink.accepted.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(acknowledged);
  await expect.poll(async () => (await relay.audit())['queued'], { timeout: 30_000 }).toBe(0);
});

test('a reload reaches both, and a policy that cannot be had reaches none', async () => {
  await using place = await world();
  const { relay, port, sink, other, text } = place;
  const load = startLoad({ port: () => port, sessions: 8, prefix: 'reload', perConnection: 1 });
  await sink.until(() => sink.accepted.length > 40);
  const since = relay.lines.length;
  relay.writePolicy(text({ exit: 'two', more: 'domains: { a.test: { dkim: [{ selector: s, key: missing.pem }] } }' }));
  const refused = await relay.waitFor(({ event }) => event === 'policy-refused', since, 5_000);
  expect(String(refused['problems'])).toContain('missing.pem');
  const soFar = sink.accepted.length;
  await sink.until(() => sink.accepted.length > soFar + 40);
  expect(other.accepted).toEqual([]);

  relay.writePolicy(text({ exit: 'two' }));
  await relay.waitFor(({ event }) => event === 'policy-applied', since, 5_000);
  const before = other.accepted.length;
  await other.until(() => other.accepted.length > before + 40);
  const old = sink.accepted.length;
  const delivered = relay.lines.length;
  await other.until(() => other.accepted.length > before + 140);
  // Connections are spread over both, and neither goes on by the old policy.
  expect(sink.accepted.length - old).toBeLessThan(10);
  expect([...countBy(relay.lines.slice(delivered), 'delivered').keys()].toSorted()).toEqual([1, 2]);
  await load.stop();
  expect([...load.refused]).toEqual([]);
  await expect
    .poll(() => sink.accepted.length + other.accepted.length, { timeout: 20_000 })
    .toBe(load.acknowledged.size);
  await relay.audit();
});

test('a guesser has as many failed sign-ins as the policy allows, however many workers there are', async () => {
  await using place = await world({ auth: 'required', more: 'limits: { loginAttempts: 14/1h }' });
  const { relay, port } = place;
  let [wrong, barred] = [0, 0];
  for (let n = 0; n < 50; n++) {
    await using guesser = await SmtpDialogue.open(port, { localAddress: '127.0.0.9' });
    const greeting = await guesser.reply();
    if (!greeting.startsWith('220')) {
      barred += 1;
      continue;
    }
    await guesser.say('EHLO guess.test');
    const reply = await guesser.say(`AUTH PLAIN ${Buffer.from(`\0guess${n}\0x`).toString('base64')}`);
    if (reply.startsWith('535')) wrong += 1;
    else barred += 1;
  }
  // One worker hears of what failed at the other within a millisecond or so: one guess may be quicker.
  expect(wrong).toBeGreaterThanOrEqual(14);
  expect(wrong).toBeLessThanOrEqual(15);
  expect(wrong + barred).toBe(50);
  // So many that the kernel does not give all of them to one worker by chance.
  const failed = countBy(relay.lines, 'auth-failed');
  expect([...failed.keys()].toSorted()).toEqual([1, 2]);
});

test('a limit on connections to a destination holds over both, and what one may not send the other does', async () => {
  await using place = await world({ more: 'shaping: { default: { connections: 1 } }' });
  const { relay, port, sink } = place;
  let most = 0;
  const watching = setInterval(() => (most = Math.max(most, sink.open)), 1);
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'lane', perConnection: 1, count: 60 });
  await load.finished;
  await relay.waitFor(() => relay.lines.filter(({ event }) => event === 'delivered').length === 60, 0, 10_000);
  clearInterval(watching);
  expect([...countBy(relay.lines, 'received').keys()].toSorted()).toEqual([1, 2]);
  expect([...countBy(relay.lines, 'delivered').keys()]).toEqual([1]);
  expect(most).toBe(1);
  await relay.audit();
});

test('a port that another relay has is not shared with it, and both are told', { timeout: 60_000 }, async () => {
  await using place = await world();
  const { port, text } = place;
  const free = await freePort();
  const policy = text().replace(
    /listen: .*/,
    `listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }, { port: ${free}, address: 127.0.0.1, tls: none, auth: none }]`,
  );
  await using second = new RelayProcess(policy.replace(/http: .*/, `http: { listen: 127.0.0.1:${await freePort()} }`), {
    args: ['--workers', '2'],
  });
  await second.start();
  expect(second.stderr).toContain(`cannot listen on port ${port} on 127.0.0.1: another program listens there already`);
  const started = second.lines.find(({ event }) => event === 'started');
  expect(started?.['text']).toMatch(new RegExp(`takes mail on 127.0.0.1:${free} \\(none\\)$`));
  // Nobody but the first answers there.
  for (let n = 0; n < 10; n++) await greeted(port);
  expect(second.lines.some(({ event }) => event === 'refused')).toBe(false);
  expect(await second.stop()).toEqual({ code: 0, signal: null });
});

test('explain and bounce work, whichever worker has the mail', async () => {
  await using place = await world();
  const { relay, sink } = place;
  await sink[Symbol.asyncDispose]();
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    const sent = await relay.cli(
      ['send', '--from', 'a@load.test', '--to', `b${n}@dest.test`, '--json'],
      'Subject: x\r\n\r\nx\r\n',
    );
    ids.push((JSON.parse(sent.stdout) as { messageId: string }).messageId);
  }
  const workers = relay.lines.filter(({ event }) => event === 'received').map((line) => line['worker']);
  expect(new Set(workers)).toEqual(new Set([1, 2]));
  for (const id of ids) {
    const { stdout } = await relay.cli(['explain', id]);
    expect(stdout).not.toContain('another node');
    expect(stdout).toContain('dest.test');
  }
  await expect
    .poll(
      async () =>
        (
          JSON.parse((await relay.cli(['queue', 'bounce', '--domain', 'dest.test', '--json'])).stdout) as {
            changed: number;
          }
        ).changed,
      {
        timeout: 30_000,
      },
    )
    .toBeGreaterThan(0);
  await relay.audit();
});

function greeted(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
  });
}

test('on Redis each has a connection of its own, and both work the same queue', async () => {
  await using redis = await startRedis();
  await using place = await world({ more: `spool: { engine: redis, url: "${redis.url}" }` });
  const { relay, port, sink, text } = place;
  const load = startLoad({ port: () => port, sessions: 8, prefix: 'redis', perConnection: 1, count: 200 });
  await load.finished;
  expect(load.refused.size).toBe(0);
  await relay.waitFor(() => relay.lines.filter(({ event }) => event === 'delivered').length === 200);
  expect([...countBy(relay.lines, 'delivered').keys()].toSorted()).toEqual([1, 2]);
  expect(new Set(sink.accepted.map(({ messageId }) => messageId)).size).toBe(200);
  relay.writePolicy(text({ exit: 'two', more: `spool: { engine: redis, url: "${redis.url}" }` }));
  await relay.waitFor(({ event, version }) => event === 'policy-applied' && version !== undefined, relay.lines.length);
  await relay.audit();
  expect(await relay.stop()).toEqual({ code: 0, signal: null });
});

test('a second SIGTERM ends both at once, whatever they are doing, and loses nothing', async () => {
  await using place = await world();
  const { relay, port, sink } = place;
  sink.fault('dot', 'hang');
  const load = startLoad({ port: () => port, sessions: 8, prefix: 'hurry', perConnection: 1, count: 40 });
  await load.finished;
  await sink.until(() => sink.messages.length >= 2);
  relay.signal('SIGTERM');
  await relay.waitFor(({ event }) => event === 'stopping');
  const before = Date.now();
  relay.signal('SIGTERM');
  expect(await relay.exited()).toEqual({ code: 0, signal: null });
  expect(Date.now() - before).toBeLessThan(5_000);
  sink.heal();
  await relay.start();
  await expect.poll(async () => (await relay.audit())['queued'], { timeout: 30_000 }).toBe(0);
  const copies = sink.copies('accepted');
  expect([...load.acknowledged].filter((id) => !copies.has(`<${id}@load.test>`))).toEqual([]);
});
