/** Runs inside the namespaces that `opendkim.ts` makes: serves the records on port 53 and lets opendkim-testmsg judge. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

import { DnsZone } from './dns.ts';
import { startDnsServer } from './dns-server.ts';

const folder = process.argv[2] ?? '';

if (isMainThread) {
  // The server answers from a thread of its own while this one waits for the program.
  const server = new Worker(new URL(import.meta.url), { argv: [folder] });
  await once(server, 'message');
  const message = openSync(join(folder, 'message'), 'r');
  const ended = spawnSync('opendkim-testmsg', ['-t', folder], {
    stdio: [message, 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 10_000,
  });
  process.stdout.write(JSON.stringify({ code: ended.status ?? -1, output: `${ended.stdout}${ended.stderr}`.trim() }));
  await server.terminate();
} else {
  const records = JSON.parse(readFileSync(join(folder, 'records'), 'utf8')) as Record<string, string>;
  const zone = new DnsZone(Object.fromEntries(Object.entries(records).map(([name, txt]) => [name, { txt: [txt] }])));
  const server = await startDnsServer(zone);
  const front = createSocket('udp4');
  front.on('message', (query, from) => {
    const back = createSocket('udp4');
    back.once('message', (answer) => {
      front.send(answer, from.port, from.address);
      back.close();
    });
    back.send(query, server.port, '127.0.0.1');
  });
  front.bind(53, '127.0.0.1', () => parentPort?.postMessage('listening'));
}
