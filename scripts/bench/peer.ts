/** A mail server under measurement, whichever it is. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessGroup } from './machine.ts';

export type PeerNeeds = {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Where it delivers. */
  readonly sinkPort: number;
  /** PEM, RSA-2048, for all peers the same. */
  readonly keyFile: string;
};

/** A running one. Its disposal ends all of its processes. */
export type Peer = AsyncDisposable & {
  readonly port: number;
  /** Of its other nodes, which take mail as well. */
  readonly otherPorts?: readonly number[];
  readonly group: ProcessGroup;
  /** Its own account of what became of the mail, once all is delivered; what is wrong with it, or null. */
  readonly account: () => Promise<string | null>;
};

export type PeerKind = {
  readonly name: string;
  /** @throws PeerMissing where it cannot be had here */
  readonly start: (needs: PeerNeeds) => Promise<Peer>;
};

/** This machine does not have what the peer needs; the message says what, and how to get it. */
export class PeerMissing extends Error {
  override readonly name = 'PeerMissing';
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return bound.port;
}

/** Starts a program inside the group, its output in `folder/NAME.log`. */
export function spawnIn(
  group: ProcessGroup,
  command: readonly string[],
  { folder, name, env = {} }: { readonly folder: string; readonly name: string; readonly env?: NodeJS.ProcessEnv },
): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), 'a');
  const [file, ...args] = group.wrap(command);
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', log, log], env: { ...process.env, ...env } });
  closeSync(log);
  if (child.pid !== undefined) group.add(child.pid);
  return child;
}

/** Resolves when something listens there. @throws after `tries` times 50 ms, or when `child` ended before */
export async function listening(port: number, child?: ChildProcess, tries = 600): Promise<void> {
  for (let at = 0; at < tries; at++) {
    if (await answers(port)) return;
    if (child !== undefined && (child.exitCode !== null || child.signalCode !== null)) break;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Resolves when the process is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}
