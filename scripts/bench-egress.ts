/**
 * What one message costs on its way out: `node scripts/bench-egress.ts [sizeBytes] [connections] [seconds] [smtp|mx]`.
 * The far end is smtp-sink of Postfix on loopback, found in PATH or /usr/sbin.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { cachedDns } from '../src/egress/smtp/dns-cache.ts';
import { openMxEgress } from '../src/egress/smtp/mx-egress.ts';
import { openSmtpEgress } from '../src/egress/smtp/smtp-egress.ts';
import { systemClock, systemDial } from '../src/system.ts';
import { DnsZone, fakeDns } from '../tests/fakes/dns.ts';
import { exitPorts, mailTo, mxPolicy, NEVER, smtpPolicy, testPolicy } from '../tests/fakes/exits.ts';

const [sizeBytes = 4096, connections = 10, seconds = 4] = process.argv.slice(2, 5).map(Number);
const type = process.argv[5] === 'mx' ? 'mx' : 'smtp';

const port = await freePort();
const sink = spawn('/usr/sbin/smtp-sink', ['-u', 'nobody', `127.0.0.1:${port}`, '1000'], { stdio: 'inherit' });
await reachable(port);
try {
  await measure();
} finally {
  sink.kill();
}

async function measure(): Promise<void> {
  const policy = testPolicy({ shaping: { default: { connections: 100, perConnection: 1_000_000 } } });
  const hosts = Object.fromEntries([1, 2, 3].map((at) => [`mx${at}.example.net`, { a: ['127.0.0.1'] }]));
  const mx = [
    [10, 'mx1.example.net'],
    [10, 'mx2.example.net'],
    [20, 'mx3.example.net'],
  ] as const;
  const dns = cachedDns(fakeDns(new DnsZone({ 'example.net': { mx }, ...hosts })), systemClock);
  const ports = exitPorts({ policy, dns });
  const egress =
    type === 'mx'
      ? openMxEgress('bench', mxPolicy(port, { connections }), ports)
      : openSmtpEgress('bench', smtpPolicy(port, { connections }), ports);
  const line = `${'x'.repeat(76)}\r\n`;
  const content = Buffer.from(`Subject: bench\r\n\r\n${line.repeat(Math.ceil(sizeBytes / line.length))}`).subarray(
    0,
    sizeBytes,
  );
  const mail = mailTo({ content: Buffer.concat([content, Buffer.from('\r\n')]) });
  let sent = 0;
  let failed = 0;
  const run = async (untilMs: number): Promise<void> => {
    while (systemClock.monotonicMs() < untilMs) {
      const { outcomes } = await egress.attempt(mail, NEVER);
      if (outcomes[0]?.kind === 'delivered') sent += 1;
      else failed += 1;
    }
  };
  const all = (ms: number) => {
    const untilMs = systemClock.monotonicMs() + ms;
    return Promise.all(Array.from({ length: connections }, () => run(untilMs)));
  };
  await all(1_000);
  sent = 0;
  const before = process.cpuUsage();
  const startMs = systemClock.monotonicMs();
  await all(seconds * 1_000);
  const tookMs = systemClock.monotonicMs() - startMs;
  const { user, system } = process.cpuUsage(before);
  const rate = Math.round((sent / tookMs) * 1_000);
  const cost = (micros: number) => (micros / sent).toFixed(1);
  console.log(
    `${type}: ${sizeBytes} B over ${connections} connections: ${sent} sent, ${failed} failed, ${rate}/s, ` +
      `${cost(user + system)} µs CPU a message (user ${cost(user)}, system ${cost(system)})`,
  );
  await egress[Symbol.asyncDispose]();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  return bound !== null && typeof bound === 'object' ? bound.port : 0;
}

async function reachable(at: number): Promise<void> {
  const target = { address: '127.0.0.1', port: at, bind: null, timeoutMs: 1_000 };
  for (let tries = 0; tries < 50; tries++) {
    const socket = await systemDial(target, NEVER).catch(() => null);
    socket?.destroy();
    if (socket !== null) return;
    await systemClock.sleep(100);
  }
  throw new Error('smtp-sink did not start');
}
