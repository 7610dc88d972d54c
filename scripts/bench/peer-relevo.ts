/** relevo as this checkout has it, started as a user starts it. */
import { execFile, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connectControl } from '../../src/control/client.ts';
import type { Operations } from '../../src/operations/operations.ts';
import { ProcessGroup } from './machine.ts';
import { startCluster, startServer } from './redis.ts';
import { ended, freePort, listening, PeerMissing, spawnIn, type Peer, type PeerKind, type PeerNeeds } from './peer.ts';

const COMMAND = resolve(import.meta.dirname, '../relevo');

export type Engine = 'embedded' | 'redis' | 'cluster';

export type RelevoOptions = {
  readonly engine: Engine;
  /** Relays on that spool, each with a port of its own. Default: 1. */
  readonly nodes?: number;
  /** What `--workers` is given. */
  readonly workers: string;
  /** Where profiles are written at its end; null: none. */
  readonly profileFolder?: string | null;
  /** Lines of the policy instead of the one exit to the sink. */
  readonly exits?: string;
  /** What `retry` has there. Default: as soon as can be. */
  readonly retry?: string;
};

export type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string; readonly ms: number };

/** For the tables of throughput: one exit, everything to the sink. */
export function relevo(options: RelevoOptions): PeerKind {
  return {
    name: nameOf(options),
    start: (needs) => Relevo.start(needs, options),
  };
}

const ENGINES: Readonly<Record<Engine, string>> = { embedded: '', redis: ', Redis', cluster: ', Redis Cluster' };

function nameOf({ engine, nodes = 1, workers }: RelevoOptions): string {
  const many = nodes > 1 ? `, ${nodes} nodes` : '';
  return `relevo${ENGINES[engine]}${many}${['auto', '1'].includes(workers) ? '' : `, ${workers} workers`}`;
}

/** A relay that can be stopped, killed and started again on the same queue, and asked by its command line. */
export class Relevo implements Peer {
  readonly port: number;
  readonly httpPort: number;
  readonly otherPorts: readonly number[];
  readonly folder: string;
  readonly group: ProcessGroup;
  readonly #options: RelevoOptions;
  #child: ChildProcess | null = null;
  #redis: readonly ChildProcess[] = [];
  #others: ChildProcess[] = [];

  private constructor(
    at: { readonly folder: string; port: number; httpPort: number; otherPorts: readonly number[] },
    options: RelevoOptions,
  ) {
    [this.folder, this.port, this.httpPort, this.otherPorts] = [at.folder, at.port, at.httpPort, at.otherPorts];
    this.#options = options;
    this.group = new ProcessGroup('relevo');
  }

  static async start(needs: PeerNeeds, options: RelevoOptions): Promise<Relevo> {
    const ports = { port: await freePort(), httpPort: await freePort(), otherPorts: [] as number[] };
    for (let node = 1; node < (options.nodes ?? 1); node++) ports.otherPorts.push(await freePort());
    const relay = new Relevo({ folder: needs.folder, ...ports }, options);
    mkdirSync(join(needs.folder, 'config'), { recursive: true });
    try {
      const spool = await relay.#startSpool();
      const { exits = toSink(needs), retry = '{ delays: [10s] }' } = options;
      writeFileSync(relay.#policyFile, policyOf(needs, { ...ports, spool, exits, retry }));
      await relay.begin();
      for (const port of ports.otherPorts)
        await relay.#beginOther(port, (httpPort) => policyOf(needs, { port, httpPort, spool, exits, retry }));
    } catch (error) {
      await relay[Symbol.asyncDispose]();
      throw error;
    }
    return relay;
  }

  get #policyFile(): string {
    return join(this.folder, 'config/relevo.yaml');
  }

  async #startSpool(): Promise<string> {
    const { engine } = this.#options;
    if (engine === 'embedded') return 'engine: embedded';
    const { spool, children } = await (engine === 'redis' ? startServer(this) : startCluster(this));
    this.#redis = children;
    return spool;
  }

  /** A further node on the same spool. */
  async #beginOther(port: number, policy: (httpPort: number) => string): Promise<void> {
    const [policyFile, data] = [join(this.folder, `config/${port}.yaml`), join(this.folder, `data-${port}`)];
    writeFileSync(policyFile, policy(await freePort()));
    const command = [COMMAND, 'start', '--policy', policyFile, '--data', data, '--node', `node-${port}`];
    const child = spawnIn(this.group, [...command, '--workers', this.#options.workers], {
      folder: this.folder,
      name: `relevo-${port}`,
    });
    this.#others.push(child);
    await listening(port, child);
  }

  /** Starts it on the queue that is there. Returns when it listens. @throws PeerMissing with what it said */
  async begin(): Promise<void> {
    const { workers, profileFolder } = this.#options;
    const command = [COMMAND, 'start', ...this.#where(), '--workers', workers];
    const profile = `--cpu-prof --cpu-prof-dir=${profileFolder} --cpu-prof-interval=500`;
    const env = (profileFolder ?? null) === null ? {} : { NODE_OPTIONS: profile };
    this.#child = spawnIn(this.group, command, { folder: this.folder, name: 'relevo', env });
    try {
      await listening(this.port, this.#child);
    } catch (error) {
      const lines = readFileSync(join(this.folder, 'relevo.log'), 'utf8').trim().split('\n');
      // What it says itself; else the head of a stack trace.
      const own = lines.filter((line) => line.startsWith('relevo: '));
      const said =
        own.length > 0 ? own.join(' / ') : (lines.find((line) => line.includes('Error')) ?? lines.at(-1) ?? '');
      throw new PeerMissing(said, { cause: error });
    }
  }

  /** Ends it and waits until it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    child.kill(signal);
    await ended(child);
  }

  /** Runs a command of the command line; `ms` includes the start of its process. */
  command(args: readonly string[]): Promise<Answer> {
    const began = performance.now();
    const options = { maxBuffer: 256 * 1024 ** 2 };
    return new Promise((done) => {
      execFile(COMMAND, [...args, ...this.#where()], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, stdout, stderr, ms: performance.now() - began });
      });
    });
  }

  /** Asks the running relay as its command line does, without the start of a process. */
  async ask<Answer>(question: (operations: Operations) => Promise<Answer>): Promise<{ ms: number; answer: Answer }> {
    const connection = await connectControl(join(this.folder, 'data'));
    if (connection.kind !== 'connected') throw new Error('the relay does not answer on its control socket');
    const began = performance.now();
    const answer = await question(connection.operations);
    return { ms: performance.now() - began, answer };
  }

  /** Reads `/metrics`; how long that took, and one figure of it. */
  async metric(name: string): Promise<{ readonly ms: number; readonly value: number }> {
    const began = performance.now();
    const text = await (await fetch(`http://127.0.0.1:${this.httpPort}/metrics`)).text();
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    return { ms: performance.now() - began, value: Number(value ?? Number.NaN) };
  }

  /** Of its spool, MB: all files, and the write-ahead log alone. */
  diskMb(): { readonly allMb: number; readonly logMb: number } {
    const files = readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.cpuprofile'))
      .map((entry) => ({ name: entry.name, mb: sizeMb(join(entry.parentPath, entry.name)) }));
    const sum = (some: typeof files) => some.reduce((total, { mb }) => total + mb, 0);
    return { allMb: sum(files), logMb: sum(files.filter(({ name }) => name.endsWith('-wal'))) };
  }

  async account(): Promise<string | null> {
    const { code, stdout, stderr } = await this.command(['audit', '--json']);
    return code === 0 ? null : `relevo audit: ${(stderr || stdout).trim().slice(0, 300)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const other of this.#others) other.kill('SIGTERM');
    await Promise.all(this.#others.map(ended));
    await this.end('SIGTERM');
    for (const server of this.#redis) server.kill('SIGTERM');
    await this.group.kill();
    this.group[Symbol.dispose]();
  }

  #where(): readonly string[] {
    return ['--policy', this.#policyFile, '--data', join(this.folder, 'data')];
  }
}

function sizeMb(path: string): number {
  try {
    return statSync(path).size / 1024 ** 2;
  } catch {
    return 0;
  }
}

/** One exit, as an own SMTP server, and everything goes there. */
function toSink({ sinkPort }: PeerNeeds): string {
  return `egress: { sink: { type: smtp, host: 127.0.0.1, port: ${sinkPort}, tls: none, connections: 50 } }`;
}

type PolicyParts = {
  readonly port: number;
  readonly httpPort: number;
  readonly spool: string;
  readonly exits: string;
  readonly retry: string;
};

function policyOf({ keyFile }: PeerNeeds, { port, httpPort, spool, exits, retry }: PolicyParts): string {
  return `hostname: relay.bench.example
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
limits: { perAddress: 1000 }
clients: { bench: { networks: [127.0.0.0/8], senders: ["*"] } }
domains: { bench.example: { dkim: [{ selector: s1, key: "${keyFile}" }] } }
${exits}
shaping: { default: { connections: 50 } }
retry: ${retry}
spool: { ${spool}, durability: fsync }
http: { listen: "127.0.0.1:${httpPort}" }
log: { level: warn }
`;
}
