/** SIGTERM ends the relay with 0, whatever became of the place its log goes to. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';

const RELEVO = resolve(import.meta.dirname, '../../scripts/relevo');

type Started = AsyncDisposable & {
  readonly child: ChildProcess;
  /** Sends SIGTERM. @returns the exit code, and how long it took, ms */
  stop(): Promise<{ readonly code: number | null; readonly tookMs: number }>;
};

/** A relay that logs to an open file, up as soon as its port greets. */
async function startLoggingTo(fd: number): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-shutdown-'));
  mkdirSync(join(folder, 'config'));
  const [port, httpPort] = [await freePort(), await freePort()];
  const policyFile = join(folder, 'config/relevo.yaml');
  writeFileSync(
    policyFile,
    `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { sandbox: { type: sandbox, path: ../data/sandbox } }
http: { listen: 127.0.0.1:${httpPort} }
`,
  );
  const args = ['start', '--policy', policyFile, '--data', join(folder, 'data')];
  const child = spawn(RELEVO, args, { stdio: ['ignore', fd, 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  await expect.poll(() => greets(port), { timeout: 30_000 }).toBe(true);
  return {
    child,
    stop: async () => {
      const before = Date.now();
      child.kill('SIGTERM');
      const [code] = await exited;
      return { code, tookMs: Date.now() - before };
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function greets(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** A pipe that is full, and a reader that is there and does not read. */
function fullPipe(): Disposable & { readonly fd: number } {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-pipe-'));
  const path = join(folder, 'log');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(filler, Buffer.alloc(512, '\n'));
  } catch {
    closeSync(filler);
  }
  // Blocking, as a shell's redirection would open it.
  const fd = openSync(path, constants.O_WRONLY);
  return {
    fd,
    [Symbol.dispose]: () => {
      closeSync(fd);
      closeSync(reader);
      rmSync(folder, { recursive: true });
    },
  };
}

test('a log that nobody reads does not keep the relay from ending', async () => {
  using pipe = fullPipe();
  await using relay = await startLoggingTo(pipe.fd);
  const { code, tookMs } = await relay.stop();
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(20_000);
});

test('a disk too full for the log does not change the exit code', async () => {
  const fd = openSync('/dev/full', 'w');
  await using relay = await startLoggingTo(fd);
  closeSync(fd);
  expect(await relay.stop()).toMatchObject({ code: 0 });
});
