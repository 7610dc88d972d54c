/** What a relay takes while it has nothing to do. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

/** Of all threads that live now. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spentNs = threads.map(
    (thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0],
  );
  return spentNs.reduce((sum, ns) => sum + Number(ns), 0) / 1e6;
}

test.runIf(process.platform === 'linux')(
  'after its mail has left, a relay gives memory back and rests: under 120 MB and 1 % of a core',
  { timeout: 150_000 },
  async () => {
    await using sink = await startSmtpSink();
    const port = await freePort();
    await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { out: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 20 } }
http: { listen: 127.0.0.1:${await freePort()} }
`);
    await relay.start();
    const load = startLoad({ port: () => port, sessions: 10, prefix: 'idle', count: 1_500 });
    await load.finished;
    await expect.poll(() => sink.copies('accepted').size, { timeout: 60_000, interval: 100 }).toBe(1_500);

    await expect.poll(() => residentMb(relay.pid), { timeout: 60_000, interval: 500 }).toBeLessThan(120);
    const before = { cpuMs: cpuMs(relay.pid), atMs: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const share = (cpuMs(relay.pid) - before.cpuMs) / (performance.now() - before.atMs);
    expect(share).toBeLessThan(0.01);
    expect(relay.stderr).toBe('');
  },
);
