/**
 * The relay as a user runs it: a child process on a scratch folder, watched by its log lines and asked by its command
 * line. Every life and fault test ends with `audit()`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(import.meta.dirname, '../..');

export type LogLine = Readonly<Record<string, unknown>> & { readonly event?: string };

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type RelayProcessOptions = {
  readonly wrapper?: readonly string[];
  readonly folder?: string;
  readonly args?: readonly string[];
};

export class RelayProcess implements AsyncDisposable {
  readonly folder: string;
  readonly policyFile: string;
  readonly dataFolder: string;
  readonly lines: LogLine[] = [];
  stderr = '';
  #child: ChildProcess | null = null;
  #exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }> | null = null;
  readonly #waiting = new Set<() => void>();
  readonly #wrapper: readonly string[];
  readonly #args: readonly string[];
  #env: Readonly<Record<string, string>> = {};

  /** @param options.wrapper a command to run the relay under, such as `['strace', '-f']`; `args`: further ones of `start` */
  constructor(policy: string, options: RelayProcessOptions = {}) {
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'relevo-life-'));
    this.#wrapper = options.wrapper ?? [];
    this.#args = options.args ?? [];
    this.policyFile = join(this.folder, 'config/relevo.yaml');
    this.dataFolder = join(this.folder, 'data');
    mkdirSync(join(this.folder, 'config'), { recursive: true });
    mkdirSync(this.dataFolder, { recursive: true });
    this.writePolicy(policy);
  }

  /** What is in its policy file now. */
  get policyText(): string {
    return readFileSync(this.policyFile, 'utf8');
  }

  writePolicy(policy: string): void {
    writeFileSync(this.policyFile, policy);
  }

  /** Starts it and waits until it listens. */
  async start(env: Readonly<Record<string, string>> = this.#env): Promise<this> {
    this.#env = env;
    const command = [...this.#wrapper, join(ROOT, 'scripts/relevo'), 'start', ...this.#where(), ...this.#args];
    const child = spawn(command[0] ?? '', command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: ROOT,
    });
    this.#child = child;
    const since = this.lines.length;
    this.#exit = new Promise((done) => child.once('close', (code, signal) => done({ code, signal })));
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-20_000);
    });
    const ended = this.#exit.then((exit) => {
      throw new Error(
        `the relay ended (${exit.code ?? exit.signal}) before it had started:\n${this.stderr}\n${JSON.stringify(this.lines.slice(since))}`,
      );
    });
    try {
      await Promise.race([this.waitFor((line) => line.event === 'started', since), ended]);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return this;
  }

  /** Resolves with the first log line from `since` on that matches; rejects after `timeoutMs`. */
  async waitFor(matches: (line: LogLine) => boolean, since = 0, timeoutMs = 30_000): Promise<LogLine> {
    const deadline = Date.now() + timeoutMs;
    for (let at = since; ;) {
      for (; at < this.lines.length; at++) {
        const line = this.lines[at];
        if (line !== undefined && matches(line)) return line;
      }
      if (Date.now() > deadline)
        throw new Error(
          `no such log line within ${timeoutMs} ms; last: ${JSON.stringify(this.lines.slice(-15), null, 1)}\n${this.stderr}`,
        );
      await this.#nextLine(Math.max(1, deadline - Date.now()));
    }
  }

  /** Runs a relevo command against this relay's policy and data, in its environment. */
  cli(args: readonly string[], input?: string): Promise<CommandResult> {
    return new Promise((done) => {
      const child = execFile(
        join(ROOT, 'scripts/relevo'),
        [...args, ...this.#where()],
        { cwd: ROOT, maxBuffer: 64 * 1024 ** 2, env: { ...process.env, ...this.#env } },
        (error, stdout, stderr) =>
          done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
      );
      child.stdin?.end(input ?? '');
    });
  }

  /** The conservation proof: throws unless it holds. */
  async audit(): Promise<Readonly<Record<string, unknown>>> {
    const result = await this.cli(['audit', '--json']);
    if (result.code !== 0) throw new Error(`audit: ${result.code}\n${result.stdout}\n${result.stderr}`);
    return JSON.parse(result.stdout) as Readonly<Record<string, unknown>>;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('not running');
    return pid;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Waits for the end of the process. */
  async exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    if (this.#exit === null) throw new Error('not running');
    const exit = await this.#exit;
    this.#child = null;
    return exit;
  }

  async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.signal('SIGTERM');
    return this.exited();
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #where(): string[] {
    return ['--policy', this.policyFile, '--data', this.dataFolder];
  }

  #read(text: string): void {
    try {
      this.lines.push(JSON.parse(text) as LogLine);
    } catch {
      this.lines.push({ text });
    }
    for (const wake of this.#waiting) wake();
  }

  #nextLine(timeoutMs: number): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        done();
      };
      const timer = setTimeout(wake, Math.min(timeoutMs, 1_000));
      this.#waiting.add(wake);
    });
  }
}
