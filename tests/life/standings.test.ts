/** What an operator says of an exit, and what came of its mail, as two workers and the command line have it. */
import { expect, test } from 'vitest';
import type { RelayStats } from '../../src/access/relay-stats.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

test('two workers leave out an exit that is paused, after a restart too, until it is resumed; stats has all mail', async () => {
  await using first = await startSmtpSink();
  await using second = await startSmtpSink();
  const [port, httpPort] = [await freePort(), await freePort()];
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  one: { type: smtp, host: 127.0.0.1, port: ${first.port}, tls: none }
  two: { type: smtp, host: 127.0.0.1, port: ${second.port}, tls: none }
pools: { owned: { members: [one, two] } }
routes: [{ name: all, use: [owned] }]
http: { listen: 127.0.0.1:${httpPort} }
`;
  await using relay = new RelayProcess(policy, { args: ['--workers', '2'] });
  const taken = () => [first.accepted.length, second.accepted.length];
  const send = async (prefix: string, count: number): Promise<void> => {
    await startLoad({ port: () => port, sessions: 4, prefix, perConnection: 1, count }).finished;
  };
  // Each worker looks every 5 s.
  const looked = () => new Promise((resolve) => setTimeout(resolve, 5_500));
  const metrics = async () => (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  await relay.start();
  expect((await relay.cli(['egress', 'pause', 'one', '--reason', 'moves house'])).code).toBe(0);
  const alert = await relay.waitFor(({ name }) => name === 'egress-paused:one');
  expect(alert).toMatchObject({ event: 'alert', raised: true, text: expect.stringContaining('(moves house)') });
  await looked();
  await send('paused', 20);
  await expect.poll(taken, { timeout: 20_000 }).toEqual([0, 20]);
  expect(await metrics()).toContain('relevo_egress_closed{egress="one",gate="paused"} 1\n');

  await relay.stop();
  await relay.start();
  await send('still', 10);
  await expect.poll(taken, { timeout: 20_000 }).toEqual([0, 30]);

  expect((await relay.cli(['egress', 'resume', 'one'])).stdout).toBe('Mail goes out by one again.\n');
  await looked();
  await send('resumed', 20);
  await expect.poll(() => taken().reduce((sum, count) => sum + count), { timeout: 20_000 }).toBe(50);
  expect(first.accepted.length).toBeGreaterThanOrEqual(8);
  expect(await metrics()).toContain('relevo_egress_closed{egress="one",gate="paused"} 0\n');

  // With every exit paused mail is taken and waits, and the alert says why.
  for (const name of ['one', 'two']) await relay.cli(['egress', 'pause', name, '--reason', 'all at rest']);
  expect(await relay.waitFor(({ name }) => name === 'no-exit')).toMatchObject({ raised: true });
  await looked();
  await send('waiting', 2);
  expect((await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status).toBe(200);
  expect(JSON.parse((await relay.cli(['queue', 'list', '--json'])).stdout)).toMatchObject({
    deliveries: { length: 2 },
  });
  for (const name of ['one', 'two']) await relay.cli(['egress', 'resume', name]);
  await expect.poll(() => taken().reduce((sum, count) => sum + count), { timeout: 20_000 }).toBe(52);

  // What is not in the tallies yet is there after a clean stop.
  await relay.stop();
  const stats = JSON.parse((await relay.cli(['stats', '--json'])).stdout) as RelayStats;
  expect(stats.week).toMatchObject({ accepted: 52, delivered: 52, deferred: 0, bounced: 0 });
  expect(stats.month).toEqual(stats.week);
  expect(stats.exits.map(({ week }) => week.delivered)).toEqual(taken());
  expect(stats.exits.map(({ score, closures }) => [score, closures.length])).toEqual([
    [100, 0],
    [100, 0],
  ]);
  await relay.audit();
});
