/** Redis servers for relevo: with the durability that `fsync` promises, their processes counted as the relay's. */
import { execFile, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ProcessGroup } from './machine.ts';
import { freePort, listening, PeerMissing, spawnIn } from './peer.ts';

const SERVER = '/usr/bin/redis-server';
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
const PRIMARIES = 3;
const POLL_MS = 100;

type Where = { readonly group: ProcessGroup; readonly folder: string };

/** Running servers, and what a policy's `spool` says of them. */
export type RedisServers = { readonly spool: string; readonly children: readonly ChildProcess[] };

/** One server. @throws PeerMissing without Redis */
export async function startServer(where: Where): Promise<RedisServers> {
  const { port, child } = await start(where, []);
  return { spool: `engine: redis, url: "redis://127.0.0.1:${port}/0"`, children: [child] };
}

/** Three primaries that share the slots, without replicas: their cost is another machine's. @throws PeerMissing without Redis */
export async function startCluster(where: Where): Promise<RedisServers> {
  const started = [];
  for (let place = 0; place < PRIMARIES; place++) started.push(await start(where, ['--cluster-enabled', 'yes']));
  const nodes = started.map(({ port }) => `127.0.0.1:${port}`);
  const cli = promisify(execFile);
  await cli('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes']);
  const isWhole = async ({ port }: { readonly port: number }): Promise<boolean> =>
    (await cli('redis-cli', ['-p', String(port), 'CLUSTER', 'INFO'])).stdout.includes('cluster_state:ok');
  while (!(await Promise.all(started.map(isWhole))).every(Boolean)) await sleep(POLL_MS);
  const names = nodes.map((node) => `"${node}"`).join(', ');
  return {
    spool: `engine: redis, cluster: [${names}], replicas: 0`,
    children: started.map(({ child }) => child),
  };
}

async function start(
  { group, folder }: Where,
  more: readonly string[],
): Promise<{ port: number; child: ChildProcess }> {
  if (!existsSync(SERVER)) throw new PeerMissing('needs Debian’s redis-server');
  const port = await freePort();
  const own = join(folder, `redis-${port}`);
  mkdirSync(own);
  // A node of a cluster talks to the others at a port of its own, which must be free too.
  const bus = more.length === 0 ? [] : ['--cluster-port', String(await freePort())];
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', own, '--save', '', ...DURABLE];
  const child = spawnIn(group, [SERVER, ...settings, ...more, ...bus], { folder: own, name: 'redis' });
  await listening(port, child);
  return { port, child };
}
