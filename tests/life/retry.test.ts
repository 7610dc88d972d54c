import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

async function relayWith(egress: string, routes: string): Promise<{ relay: RelayProcess; port: number }> {
  const port = await freePort();
  const relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: ${egress}
${routes}
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  await relay.start();
  return { relay, port };
}

test(
  'mail for a server that is down waits, and leaves by itself when the server is back',
  { timeout: 150_000 },
  async () => {
    await using sink = await startSmtpSink();
    await sink.stop();
    const { relay, port } = await relayWith(
      `{ up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }`,
      '',
    );
    await using _ = relay;
    const load = startLoad({ port: () => port, sessions: 2, prefix: 'down', count: 30 });
    await load.finished;
    expect(load.acknowledged.size).toBe(30);
    await relay.waitFor(
      (line) => line.event === 'alert' && String(line['name']).startsWith('egress-resting'),
      0,
      60_000,
    );
    const explained = await relay.cli(['queue', 'list', '--json']);
    expect(explained.stdout).toContain('dest.test');

    await sink.listen();
    await expect.poll(() => sink.copies('accepted').size, { timeout: 100_000, interval: 200 }).toBe(30);
    expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
    expect((await relay.audit())['possibleDuplicates']).toBe(0);
  },
);

test('a pool goes round its members in turn, and mail flows through the rest when one fails', async () => {
  await using one = await startSmtpSink();
  await using two = await startSmtpSink();
  await using three = await startSmtpSink();
  const exit = (port: number): string => `{ type: smtp, host: 127.0.0.1, port: ${port}, tls: none }`;
  const { relay, port } = await relayWith(
    `{ a: ${exit(one.port)}, b: ${exit(two.port)}, c: ${exit(three.port)} }`,
    'pools: { owned: { members: [a, b, c] } }\nroutes: [{ name: all, use: [owned] }]',
  );
  await using _ = relay;
  await startLoad({ port: () => port, sessions: 1, prefix: 'turn', count: 9 }).finished;
  await expect
    .poll(() => [one, two, three].map((sink) => sink.accepted.length), { timeout: 20_000 })
    .toEqual([3, 3, 3]);

  await two.stop();
  await startLoad({ port: () => port, sessions: 2, prefix: 'rest', count: 60 }).finished;
  await expect.poll(() => one.accepted.length + three.accepted.length, { timeout: 20_000 }).toBe(66);
  await relay.audit();
});
