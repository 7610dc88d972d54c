import { expect, test } from 'vitest';
import { startDnsServer } from '../fakes/dns-server.ts';
import { DnsZone } from '../fakes/dns.ts';
import { freePort } from '../fakes/postfix.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const isAlert =
  (name: string, raised: boolean) =>
  (line: LogLine): boolean =>
    line.event === 'alert' && line['name'] === name && line['raised'] === raised;

const head = (port: number, httpPort: number): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
http: { listen: 127.0.0.1:${httpPort} }
`;

/** @returns the message's id */
async function send(relay: RelayProcess, stream: string): Promise<string> {
  const words = ['send', '--from', 'app@relay.test', '--to', 'b@example.net', '--stream', stream, '--json'];
  const { code, stdout, stderr } = await relay.cli(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return String((JSON.parse(stdout) as { readonly messageId: string }).messageId);
}

const exitOf = async (relay: RelayProcess, id: string): Promise<unknown> =>
  (await relay.waitFor((line) => line.event === 'delivered' && line['messageId'] === id))['egress'];

test('a server that hangs is left out for all workers, told, and comes back by itself', async () => {
  await using sink = await startSmtpSink();
  const httpPort = await freePort();
  await using relay = new RelayProcess(
    `${head(await freePort(), httpPort)}
egress:
  server: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, timeouts: { connect: 1s, reply: 1s } }
  aside: { type: sandbox, path: ../data/aside }
routes: [{ name: all, use: [server, aside] }]
health: { every: 1s, timeout: 1s }
`,
    { args: ['--workers', '2'] },
  );
  await relay.start();
  const http = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  const isClosed = async (): Promise<boolean> =>
    (await http('/metrics')).includes('relevo_egress_closed{egress="server",gate="down"} 1');
  expect(await exitOf(relay, await send(relay, 'transactional'))).toBe('server');

  sink.fault('connect', 'hang');
  const down = await relay.waitFor(isAlert('egress-down:server', true));
  expect(down['text']).toMatch(/^server is down: 2 checks failed: .*comes back by itself$/);
  await expect.poll(isClosed, { timeout: 20_000 }).toBe(true);
  expect(await exitOf(relay, await send(relay, 'transactional'))).toBe('aside');
  expect(await http('/readyz')).toMatch(/^200/);

  sink.heal();
  await relay.waitFor(isAlert('egress-down:server', false));
  await expect.poll(isClosed, { timeout: 20_000 }).toBe(false);
  await relay.audit();
  expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
});

test('an address that is listed: transactional mail leaves by another, marketing waits for the operator', async () => {
  await using sink = await startSmtpSink();
  const zone = new DnsZone({
    'example.net': { mx: [[10, 'mx.example.net']] },
    'mx.example.net': { a: ['127.0.0.1'] },
    '2.0.0.127.bl.test': { a: ['127.0.0.2'] },
  });
  await using dns = await startDnsServer(zone);
  const start = head(await freePort(), await freePort());
  const policy = (every: string): string => `${start}
egress:
  ip-1: { type: mx, bind: 127.0.0.11, address: 198.51.100.7, port: ${sink.port}, privateAddresses: true }
  ip-2: { type: mx, bind: 127.0.0.12, address: 198.51.100.8, port: ${sink.port}, privateAddresses: true }
routes: [{ name: all, use: [ip-1, ip-2] }]
blocklists: { zones: [bl.test], every: ${every} }
dns: { servers: ["${dns.address}"] }
retry: { delays: [1h] }
`;
  await using relay = new RelayProcess(policy('2h'));
  await relay.start();
  sink.fault('rcpt', 451);
  const [news, reset] = [await send(relay, 'marketing'), await send(relay, 'transactional')];
  for (const id of [news, reset]) {
    const tried = await relay.waitFor((line) => line.event === 'attempted' && line['messageId'] === id);
    expect(tried).toMatchObject({ egress: 'ip-1', source: '127.0.0.11' });
  }
  sink.heal();

  zone.set('7.100.51.198.bl.test', { a: ['127.0.0.2'], txt: ['seen in a trap'] });
  relay.writePolicy(policy('1s'));
  const listed = await relay.waitFor(isAlert('address-listed:198.51.100.7', true));
  expect(listed['text']).toContain('198.51.100.7 (ip-1) is listed in bl.test (127.0.0.2: seen in a trap)');
  const held = async (): Promise<unknown> => {
    const { stdout } = await relay.cli(['queue', 'list', '--state', 'held', '--stream', 'marketing', '--json']);
    return (JSON.parse(stdout) as { readonly deliveries: readonly { readonly id: string }[] }).deliveries.map(
      ({ id }) => id,
    );
  };
  await expect.poll(held, { timeout: 20_000, interval: 500 }).toEqual([`${news}.1`]);
  expect((await relay.cli(['message', news])).stdout).toContain('198.51.100.7, by which it was tried, is listed');

  // Once those that send know it, which is within 5 s.
  await expect
    .poll(async () => (await relay.cli(['explain', `${reset}.1`])).stdout, { timeout: 20_000, interval: 500 })
    .toContain('is listed in bl.test');
  await relay.cli(['queue', 'retry', '--all']);
  expect(await exitOf(relay, reset)).toBe('ip-2');
  expect(await held()).toEqual([`${news}.1`]);
  await relay.audit();
});
