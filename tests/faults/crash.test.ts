import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { type SmtpSink, startSmtpSink } from '../fakes/smtp-sink.ts';

const KILLS = 50;

async function relayBefore(sink: SmtpSink): Promise<{ relay: RelayProcess; port: number }> {
  const port = await freePort();
  const relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 20 } }
shaping: { default: { connections: 20 } }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  return { relay, port };
}

/** Waits until the sink has each of these ids. */
async function allThere(sink: SmtpSink, ids: ReadonlySet<string>): Promise<void> {
  const missing = (): string[] => {
    const there = sink.copies('accepted');
    return [...ids].filter((id) => !there.has(`<${id}@load.test>`));
  };
  await expect.poll(missing, { timeout: 120_000, interval: 200 }).toEqual([]);
}

test(`nothing acknowledged is lost by ${KILLS} kills at random moments under load`, { timeout: 420_000 }, async () => {
  await using sink = await startSmtpSink({ slowMs: 150 });
  // Some of them hit while the next hop is slow to answer the dot, some while it puts mail off.
  sink.fault('dot', 'slow');
  const { relay, port } = await relayBefore(sink);
  await using _ = relay;
  const acknowledged = new Set<string>();
  const sent = new Set<string>();
  for (let round = 0; round < KILLS; round++) {
    await relay.start();
    const load = startLoad({ port: () => port, sessions: 8, prefix: `crash-${round}` });
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 600));
    await relay.kill();
    await load.stop();
    for (const id of load.acknowledged) acknowledged.add(id);
    for (const id of [...load.acknowledged, ...load.unanswered]) sent.add(id);
  }
  sink.heal();
  await relay.start();
  await allThere(sink, acknowledged);
  await expect.poll(async () => (await relay.audit())['queued'], { timeout: 60_000, interval: 500 }).toBe(0);

  expect(acknowledged.size).toBeGreaterThan(KILLS * 5);
  const copies = sink.copies('all');
  const duplicates = [...copies.values()].reduce((sum, count) => sum + count - 1, 0);
  const report = await relay.audit();
  expect(duplicates).toBeLessThanOrEqual(Number(report['possibleDuplicates']));
  // What was never sent is not delivered.
  for (const id of copies.keys()) expect(sent.has(id.slice(1, -'@load.test>'.length)), id).toBe(true);
});

test(
  'SIGTERM under load: no new mail, what is in flight finishes, nothing twice, exit code 0',
  { timeout: 120_000 },
  async () => {
    await using sink = await startSmtpSink({ slowMs: 1000 });
    sink.fault('dot', 'slow');
    const { relay, port } = await relayBefore(sink);
    await using _ = relay;
    await relay.start();
    const load = startLoad({ port: () => port, sessions: 8, prefix: 'term' });
    await expect.poll(() => sink.messages.length, { timeout: 20_000, interval: 20 }).toBeGreaterThan(30);
    const before = Date.now();
    const exit = await relay.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - before).toBeLessThan(30_000);
    await load.stop();
    sink.heal();

    await relay.start();
    await allThere(sink, load.acknowledged);
    for (const [id, count] of sink.copies('all')) expect(count, id).toBe(1);
    expect((await relay.audit())['possibleDuplicates']).toBe(0);
  },
);

test('a second SIGTERM ends it at once and still loses nothing', { timeout: 120_000 }, async () => {
  await using sink = await startSmtpSink();
  sink.fault('dot', 'hang');
  const { relay, port } = await relayBefore(sink);
  await using _ = relay;
  await relay.start();
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'twice', count: 60 });
  await load.finished;
  relay.signal('SIGTERM');
  await relay.waitFor((line) => line.event === 'stopping');
  const before = Date.now();
  relay.signal('SIGTERM');
  await relay.exited();
  expect(Date.now() - before).toBeLessThan(3_000);
  sink.heal();
  await relay.start();
  await allThere(sink, load.acknowledged);
  await relay.audit();
});
