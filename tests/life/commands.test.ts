import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const RELEVO = resolve(import.meta.dirname, '../../scripts/relevo');

/** Mail to *.test is kept, everything else waits for a server that is not there. */
async function policy(): Promise<string> {
  return `
hostname: relay.test
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
clients:
  app: { networks: [192.0.2.1], senders: ["*@app.test"] } # nobody connects
egress:
  sandbox: { type: sandbox, path: ../data/sandbox }
  away: { type: smtp, host: 127.0.0.1, port: ${await freePort()}, tls: none }
routes:
  - { name: trial, match: { recipientDomain: "*.test" }, use: [sandbox] }
  - { name: default, use: [away] }
http: { listen: 127.0.0.1:${await freePort()} }
`;
}

async function json(relay: RelayProcess, args: readonly string[]) {
  const result = await relay.cli([...args, '--json']);
  expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(result.stdout);
}

test('a message that an operator sends is kept in the sandbox, and its story told', async () => {
  await using relay = await new RelayProcess(await policy()).start();
  const { kind, messageId } = await json(relay, ['send', '--from', 'a@app.test', '--to', 'ana@demo.test']);
  expect(kind).toBe('accepted');
  await relay.waitFor((line) => line.event === 'delivered' && line['messageId'] === messageId);
  const story = await json(relay, ['message', messageId.toLowerCase()]);
  expect(story.events.map((event: { event: string }) => event.event)).toEqual(['received', 'attempted', 'delivered']);
  expect(story).toMatchObject({ message: { client: 'app', stream: 'transactional' }, queued: [] });
  const kept = readdirSync(join(relay.dataFolder, 'sandbox')).find((name) => name.endsWith('.eml')) ?? '';
  expect(kept).toContain(messageId);
  expect(readFileSync(join(relay.dataFolder, 'sandbox', kept), 'utf8')).toContain('This is a test message');
  const explained = await relay.cli(['explain', messageId]);
  expect(explained).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing of it waits') });
  const refused = await relay.cli(['send', '--from', 'a@elsewhere.test', '--to', 'ana@demo.test']);
  expect(refused.code).toBe(1);
  await relay.audit();
});

test('mail that waits is explained, held, released, and given back to its sender', async () => {
  await using relay = await new RelayProcess(await policy()).start();
  const { messageId } = await json(relay, ['send', '--from', 'a@app.test', '--to', 'luis@dest.example']);
  await relay.waitFor((line) => line.event === 'deferred' && line['messageId'] === messageId);
  const { deliveries } = await json(relay, ['explain', messageId]);
  expect(deliveries).toMatchObject([{ domain: 'dest.example', state: 'queued', recipients: ['luis@dest.example'] }]);
  const reasons: string[] = deliveries[0].reasons;
  // Each thing once: what the exit can do, and what the last attempt was told.
  expect(reasons.filter((reason) => /^away (?:may send now|rests)/.test(reason))).toHaveLength(1);
  expect(reasons.filter((reason) => reason.includes('451 4.4.1'))).toHaveLength(1);

  expect(await json(relay, ['queue', 'hold', '--domain', 'dest.example'])).toEqual({ changed: 1, busy: 0 });
  const { deliveries: held } = await json(relay, ['queue', 'list', '--state', 'held']);
  expect(held).toMatchObject([{ messageId, sender: 'a@app.test', lastEgress: 'away' }]);
  expect(await json(relay, ['queue', 'release', '--id', messageId])).toEqual({ changed: 1, busy: 0 });
  // It may be tried at this very moment: then the command leaves it alone and is given again.
  await expect.poll(async () => (await json(relay, ['queue', 'bounce', '--all'])).changed, { timeout: 20_000 }).toBe(1);

  const bounced = await relay.waitFor((line) => line.event === 'bounced' && line['messageId'] === messageId);
  expect(bounced['recipients']).toEqual(['luis@dest.example']);
  // The report to a@app.test stays in the sandbox.
  const report = await relay.waitFor((line) => line.event === 'delivered' && line['egress'] === 'sandbox');
  expect(report['recipients']).toEqual(['a@app.test']);
  await relay.audit();
});

test('a client that is added is in force within a second, without a restart', async () => {
  await using relay = await new RelayProcess(await policy()).start();
  const since = relay.lines.length;
  const { password } = await json(relay, ['client', 'add', 'crm', '--senders', '*@crm.test']);
  await relay.waitFor((line) => line.event === 'policy-applied', since, 2_000);
  expect(readFileSync(relay.policyFile, 'utf8')).toContain('# nobody connects');
  expect((await json(relay, ['send', '--from', 'x@crm.test', '--to', 'ana@demo.test'])).kind).toBe('accepted');
  await relay.waitFor((line) => line.event === 'received' && line['client'] === 'crm', since);
  expect(JSON.stringify(relay.lines)).not.toContain(password);
  await relay.audit();
});

test('the same commands work with the relay stopped; what needs it says so', async () => {
  await using relay = await new RelayProcess(await policy()).start();
  const { messageId } = await json(relay, ['send', '--from', 'a@app.test', '--to', 'luis@dest.example']);
  await relay.waitFor((line) => line.event === 'deferred');
  expect((await relay.stop()).code).toBe(0);
  expect((await json(relay, ['queue', 'list'])).deliveries).toMatchObject([{ messageId }]);
  expect(await json(relay, ['queue', 'hold', '--all'])).toEqual({ changed: 1, busy: 0 });
  for (const args of [
    ['queue', 'bounce', '--all'],
    ['send', '--from', 'a@app.test', '--to', 'b@demo.test'],
  ])
    expect(await relay.cli(args)).toMatchObject({ code: 1, stderr: expect.stringContaining('no relay is running') });
  await relay.start();
  expect((await json(relay, ['queue', 'list'])).deliveries).toMatchObject([{ messageId, state: 'held' }]);
  await relay.audit();
});

test('a second relay on the same data is refused, and the first goes on', async () => {
  await using relay = await new RelayProcess(await policy()).start();
  const second = await relay.cli(['start']);
  expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/another|in use/) });
  expect((await json(relay, ['send', '--from', 'a@app.test', '--to', 'ana@demo.test'])).kind).toBe('accepted');
  await relay.audit();
});

test('a reader that goes away ends the output, not the command', async () => {
  await using relay = new RelayProcess(await policy());
  const child = spawn(RELEVO, ['policy', 'schema', '--policy', relay.policyFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, said }).toEqual({ code: 0, said: '' });
});
