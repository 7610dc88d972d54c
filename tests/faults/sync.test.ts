import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

/** The order of system calls, all threads: when the content came, when the store was synced, when 250 was written. */
test('250 is written to the client only after the store was synced', { timeout: 60_000 }, async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'relevo-sync-'));
  const trace = join(folder, 'trace');
  await using relay = new RelayProcess(
    `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { sandbox: { type: sandbox, path: ../data/sandbox } }
http: { listen: 127.0.0.1:${await freePort()} }
`,
    {
      wrapper: [
        'strace',
        '-D',
        '-f',
        '-y',
        '-s',
        '200',
        '-e',
        'trace=write,writev,sendmsg,fsync,fdatasync',
        '-o',
        trace,
      ],
    },
  );
  await relay.start();
  for (let n = 0; n < 5; n++) {
    await startLoad({ port: () => port, sessions: 1, prefix: `sync-${n}`, count: 1 }).finished;
  }
  await relay.stop();

  let syncs = 0;
  const synced: number[] = [];
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    // A call that blocks is shown in two halves; it is done with the second.
    if (/ f(?:data)?sync\(\d+<[^>]*spool\.db-wal>\)\s+= 0| <\.\.\. f(?:data)?sync resumed>\)\s+= 0/.test(line)) syncs++;
    if (line.includes('354 ')) syncs = 0;
    if (line.includes('250 2.6.0 ')) synced.push(syncs);
  }
  rmSync(folder, { recursive: true });
  expect(synced).toHaveLength(5);
  for (const count of synced) expect(count).toBeGreaterThan(0);
});
