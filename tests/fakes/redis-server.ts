/** One real redis-server process on a free port, in a scratch folder of its own. It dies with the process that started it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type RedisOptions = {
  /** Lines of redis.conf, over those that make it durable: `['appendonly no']`. */
  readonly settings?: readonly string[];
  readonly password?: string;
  /** It speaks TLS only. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** `sentinel`: a sentinel, whose settings are in `settings`. */
  readonly role?: 'server' | 'sentinel';
};

/** As durable as a spool wants it, and quick to start and to copy. */
const SETTINGS = [
  'appendonly yes',
  'appendfsync always',
  'save ""',
  'repl-diskless-sync yes',
  'repl-diskless-sync-delay 0',
  'repl-ping-replica-period 1',
  'enable-debug-command yes',
  'shutdown-timeout 0',
];

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export class RedisServer implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'relevo-redis-'));
  readonly #options: RedisOptions;
  #child: ChildProcess | null = null;
  #log: string[] = [];
  port = 0;

  constructor(options: RedisOptions) {
    this.#options = options;
  }

  /** For a policy's `spool.url`, the password included. */
  get url(): string {
    const { tls, password } = this.#options;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `${tls === undefined ? 'redis' : 'rediss'}://${secret}127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('redis-server is not running');
    return pid;
  }

  /** What it logged, its last lines. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** On a port that is free, or on its own again after `kill`. Resolves once it answers. */
  async start(): Promise<this> {
    const isFirst = this.port === 0;
    for (let tries = 0; ; tries += 1) {
      if (isFirst) {
        this.port = await freePort();
        writeFileSync(join(this.folder, 'redis.conf'), this.#configuration(await freePort()));
      }
      if (await this.#launch()) return this;
      if (!isFirst || tries === 5) throw new Error(`redis-server does not start:\n${this.log}`);
    }
  }

  /** `kill -9`, or whatever is given; resolves once it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    child.kill(signal);
    // A paused one hears nothing else.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await gone;
    this.#child = null;
  }

  /** Kills it when it runs, and starts it again on what is on its disk. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Takes the data off its disk, while it is dead. */
  forget(): void {
    for (const name of readdirSync(this.folder))
      if (name !== 'redis.conf') rmSync(join(this.folder, name), { recursive: true });
  }

  /** It hangs: connections stay open, nothing is answered. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Runs one command; throws what the server refuses. */
  async cli(...command: readonly (string | number)[]): Promise<string> {
    const { password, tls } = this.#options;
    const args = ['-p', String(this.port), '-e', ...(tls === undefined ? [] : ['--tls', '--insecure'])];
    const env = { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
    const { stdout } = await run('redis-cli', [...args, ...command.map(String)], { env, timeout: 10_000 });
    return stdout.trimEnd();
  }

  /** `CONFIG SET`, until the next restart. */
  async config(settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.cli('CONFIG', 'SET', ...Object.entries(settings).flat());
  }

  /** A field of `INFO`; empty when it has none such. */
  async info(field: string): Promise<string> {
    const text = await this.cli('INFO', 'everything');
    return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #configuration(busPort: number): string {
    const { settings = [], password, tls, role } = this.#options;
    const lines = ['bind 127.0.0.1', `dir ${this.folder}`];
    if (tls === undefined) lines.push(`port ${this.port}`);
    else lines.push('port 0', `tls-port ${this.port}`, 'tls-auth-clients no', ...tlsLines(tls));
    if (password !== undefined) lines.push(`requirepass ${password}`);
    if (role !== 'sentinel') lines.push(...SETTINGS);
    if (settings.includes('cluster-enabled yes')) lines.push(`cluster-port ${busPort}`);
    return [...lines, ...settings, ''].join('\n');
  }

  /** @returns false: it ended, since its port was taken in between */
  async #launch(): Promise<boolean> {
    this.#log = [];
    const sentinel = this.#options.role === 'sentinel';
    const command = ['redis-server', join(this.folder, 'redis.conf'), ...(sentinel ? ['--sentinel'] : [])];
    // Linux ends it with the process that started it, however that ends.
    if (process.platform === 'linux') command.unshift('setpriv', '--pdeathsig', 'KILL');
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    const ready = new Promise<boolean>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve(false));
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#log = [...this.#log.slice(-40), line];
        if (/Ready to accept connections|\+monitor master/.test(line)) resolve(true);
      });
    });
    child.stderr.resume();
    return ready;
  }
}

function tlsLines({ certFile, keyFile }: NonNullable<RedisOptions['tls']>): string[] {
  return [`tls-cert-file ${certFile}`, `tls-key-file ${keyFile}`, `tls-ca-cert-file ${certFile}`];
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const bound = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
