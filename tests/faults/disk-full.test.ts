import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

/** A file system of its own, of a few megabytes. */
function smallDisk(megabytes: number): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'relevo-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  return {
    path,
    [Symbol.dispose]: () => {
      execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

type Ports = { readonly port: number; readonly sinkPort: number; readonly httpPort?: number };

async function policyOn(
  disk: string,
  { port, sinkPort, retry, httpPort }: Ports & { readonly retry: string },
): Promise<string> {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sinkPort}, tls: none } }
retry: ${retry}
spool: { path: ${disk}/spool }
http: { listen: 127.0.0.1:${httpPort ?? (await freePort())} }
`;
}

// Both wait most of the time, each on a disk of its own.
test.concurrent(
  'a full disk is 452, loses nothing, and is over by itself once there is space',
  { timeout: 180_000 },
  async () => {
    using disk = smallDisk(24);
    await using sink = await startSmtpSink({ keepContent: false });
    await sink.stop();
    const port = await freePort();
    const httpPort = await freePort();
    await using relay = new RelayProcess(
      await policyOn(disk.path, { port, sinkPort: sink.port, retry: '{ delays: [1s] }', httpPort }),
    );
    await relay.start();
    const fill = startLoad({ port: () => port, sessions: 4, prefix: 'fill', sizeBytes: 40_000 });
    await expect.poll(() => fill.refused.get('452') ?? 0, { timeout: 60_000, interval: 100 }).toBeGreaterThan(5);
    await fill.stop();
    expect([...fill.refused.keys()]).toEqual(['452']);
    expect(fill.acknowledged.size).toBeGreaterThan(50);

    await sink.listen();
    await expect.poll(() => sink.accepted.length, { timeout: 90_000, interval: 200 }).toBe(fill.acknowledged.size);
    // The last of the space is given back once the store has nothing else to do; from then on nothing is refused.
    const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
    await expect.poll(isReady, { timeout: 10_000, interval: 100 }).toBe(true);
    const after = startLoad({ port: () => port, sessions: 2, prefix: 'after', count: 20 });
    await expect.poll(() => after.acknowledged.size, { timeout: 30_000, interval: 100 }).toBe(20);
    await after.stop();
    await expect.poll(async () => (await relay.audit())['queued'], { timeout: 30_000, interval: 500 }).toBe(0);
  },
);

test(
  'mail that runs out of time on a full disk comes back to its sender all the same',
  { timeout: 180_000 },
  async () => {
    using disk = smallDisk(24);
    await using sink = await startSmtpSink();
    await sink.stop();
    const port = await freePort();
    await using relay = new RelayProcess(
      await policyOn(disk.path, { port, sinkPort: sink.port, retry: '{ delays: [1s], expire: 15s, warnAfter: 3s }' }),
    );
    await relay.start();
    const fill = startLoad({ port: () => port, sessions: 4, prefix: 'late', sizeBytes: 300_000 });
    await expect.poll(() => fill.refused.get('452') ?? 0, { timeout: 60_000, interval: 100 }).toBeGreaterThan(5);
    await fill.stop();
    const ended = (): number =>
      relay.lines.filter((line) => line.event === 'expired' && String(line['recipients']) === 'rcpt@dest.test').length;
    await expect.poll(ended, { timeout: 90_000, interval: 200 }).toBe(fill.acknowledged.size);
    // The reports run out of time as well, later: only those to the sender are counted.
    const reports = relay.lines.filter((line) => line.event === 'received' && line['client'] === 'relevo');
    expect(reports.filter((line) => String(line['recipients']) === 'sender@load.test')).toHaveLength(
      fill.acknowledged.size,
    );
    await relay.audit();
  },
);
