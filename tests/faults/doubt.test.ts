import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { type SmtpSink, startSmtpSink } from '../fakes/smtp-sink.ts';

async function relayBefore(sink: SmtpSink): Promise<{ relay: RelayProcess; port: number }> {
  const port = await freePort();
  const relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
streams: { transactional: { priority: high, onDoubt: hold } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  return { relay, port };
}

/** Killed between the final dot of its one message and the reply to it. */
async function killedAtTheDot(sink: SmtpSink, { relay, port }: { relay: RelayProcess; port: number }): Promise<string> {
  sink.fault('dot', 'slow');
  await relay.start();
  const load = startLoad({ port: () => port, sessions: 1, prefix: 'doubt', count: 1 });
  await expect.poll(() => sink.messages.length, { timeout: 20_000, interval: 5 }).toBe(1);
  await relay.kill();
  await load.stop();
  sink.heal();
  const received = await relay.waitFor(({ event }) => event === 'received');
  return String(received['messageId']);
}

test('a relay killed at the dot does not send again by itself what its stream wants held', async () => {
  await using sink = await startSmtpSink({ slowMs: 10_000 });
  const running = await relayBefore(sink);
  await using relay = running.relay;
  const messageId = await killedAtTheDot(sink, running);
  const since = relay.lines.length;
  await relay.start();
  expect(await relay.waitFor(({ event }) => event === 'held', since)).toMatchObject({ messageId });
  expect(await relay.waitFor(({ event }) => event === 'reclaimed', since)).toMatchObject({ leases: 1 });
  expect(await relay.audit()).toMatchObject({ queued: 1, possibleDuplicates: 1 });
  expect(sink.messages).toHaveLength(1);
  // An operator who has looked sends it.
  expect((await relay.cli(['queue', 'release', '--id', messageId])).code).toBe(0);
  await relay.waitFor(({ event }) => event === 'delivered', since);
  expect(sink.messages).toHaveLength(2);
});

test('a record that cannot be read is told in the log, and the audit still knows its recipients', async () => {
  await using sink = await startSmtpSink({ slowMs: 10_000 });
  const running = await relayBefore(sink);
  await using relay = running.relay;
  const messageId = await killedAtTheDot(sink, running);
  const database = new DatabaseSync(join(relay.dataFolder, 'spool/spool.db'));
  database.exec('UPDATE delivery SET recipients = substr(recipients, 3), lease_until = NULL; DELETE FROM lane');
  database.exec('INSERT INTO lane SELECT domain, priority, due_at FROM delivery');
  database.close();
  const since = relay.lines.length;
  await relay.start();
  const quarantined = await relay.waitFor(({ event }) => event === 'quarantined', since);
  expect(quarantined).toMatchObject({ messageId, level: 'error' });
  expect(quarantined['recipients']).toHaveLength(1);
  expect(await relay.audit()).toMatchObject({ queued: 1 });
  expect(sink.messages).toHaveLength(1);
});
