import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

test('of three servers one that takes connections and says nothing holds up no mail', async () => {
  await using mute = await startSmtpSink();
  await using two = await startSmtpSink();
  await using three = await startSmtpSink();
  mute.fault('connect', 'hang');
  const server = (port: number): string => `{ type: smtp, host: 127.0.0.1, port: ${port}, tls: none }`;
  await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { smtp-1: ${server(mute.port)}, smtp-2: ${server(two.port)}, smtp-3: ${server(three.port)} }
pools: { all: { strategy: round-robin, members: [smtp-1, smtp-2, smtp-3] } }
routes: [{ name: all, use: [all] }]
health: { timeout: 2s }
`);
  await relay.start();
  const startedMs = Date.now();
  const to = Array.from({ length: 60 }, (_, at) => ['--to', `user${at}@domain${at % 6}.example`]).flat();
  for (let sent = 0; sent < 3; sent++) {
    const { code, stderr } = await relay.cli(['send', '--from', 'app@relay.test', ...to]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }
  const arrived = (): number =>
    [...two.messages, ...three.messages].reduce((sum, { recipients }) => sum + recipients.length, 0);
  await expect.poll(arrived, { timeout: 40_000, interval: 250 }).toBe(180);
  // Its greeting was waited for no longer than a check waits, and then nothing more was given to it.
  expect(Date.now() - startedMs).toBeLessThan(40_000);
  expect(mute.sessions).toBeGreaterThan(0);
  expect(mute.messages).toEqual([]);
  // It was checked without waiting for the five minutes between two checks.
  await relay.waitFor((line) => line.event === 'failed' && line['where'] === 'egress smtp-1');
  await relay.audit();
  expect(relay.lines.filter(({ event }) => event === 'in-doubt')).toEqual([]);
}, 90_000);
