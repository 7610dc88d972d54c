/** A relay process on a Redis spool, loaded from one side with a sink on the other, and the proof at the end. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type Load, startLoad } from './load.ts';
import { freePort } from './postfix.ts';
import { RelayProcess } from './relay-process.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

/** Clients are many and wait little; a message is as large as a newsletter. */
const SESSIONS = 12;
const SIZE_BYTES = 20_000;
/** What memory may grow by while Redis is away: the heap breathes; queued messages would be hundreds of MB. */
export const ROOM_BYTES = 60 * 1024 ** 2;
/** What is due again at once, so that leases of lost answers do not hold up the end of a test. */
const POLICY = 'retry: { delays: [1s] }';

export type Proof = {
  /** Acknowledged, and not at the sink. */
  readonly lost: number;
  /** Copies that came twice, beyond those that the audit counts as possible. */
  readonly uncountedCopies: number;
  /** Of the relay's process. */
  readonly starts: number;
  /** Errors that nobody waited for. */
  readonly strays: number;
  readonly readiness: number;
};

/** Nothing lost, nothing twice unknown, by one process that is well now. */
export const PROVEN: Proof = { lost: 0, uncountedCopies: 0, starts: 1, strays: 0, readiness: 200 };

export class RelayOnRedis implements AsyncDisposable {
  readonly relay: RelayProcess;
  readonly sink: SmtpSink;
  readonly port: number;
  readonly #httpPort: number;
  #load: Load | null = null;
  #loads: Load[] = [];

  constructor(of: {
    readonly relay: RelayProcess;
    readonly sink: SmtpSink;
    readonly port: number;
    readonly httpPort: number;
  }) {
    this.relay = of.relay;
    this.sink = of.sink;
    this.port = of.port;
    this.#httpPort = of.httpPort;
  }

  /** Mail comes in from now on, until the proof. */
  load(): Load {
    const prefix = `redis-${this.#loads.length}`;
    const load = startLoad({ port: () => this.port, sessions: SESSIONS, prefix, sizeBytes: SIZE_BYTES, isDense: true });
    this.#load = load;
    this.#loads.push(load);
    return load;
  }

  /** Resolves once so many more messages were acknowledged. */
  async acknowledged(more: number): Promise<void> {
    const before = this.#load?.acknowledged.size ?? 0;
    await until(() => (this.#load?.acknowledged.size ?? 0) >= before + more, 40_000);
  }

  /** Resolves once so many more were refused with that code. */
  async refused(more: number, code = '451'): Promise<void> {
    const of = (): number => this.#load?.refused.get(code) ?? 0;
    const before = of();
    await until(() => of() >= before + more, 40_000);
  }

  /** `ready`, or why not, as `/readyz` says. */
  async readiness(): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/readyz`);
    return { status: response.status, text: await response.text() };
  }

  /** Whether an alert was raised, in order; told again for another reason: once. */
  alerts(name: string): boolean[] {
    const told = this.relay.lines.filter((line) => line['name'] === name).map((line) => line['raised'] === true);
    return told.filter((raised, place) => raised !== told[place - 1]);
  }

  /** Memory in use now, bytes. */
  memory(): number {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.relay.pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  }

  /** Does something while memory is watched. @returns by how much it grew at most, bytes */
  async growth(work: () => Promise<void>): Promise<number> {
    const before = this.memory();
    let most = before;
    const watching = { isOver: false };
    const watch = (async () => {
      while (!watching.isOver) {
        most = Math.max(most, this.memory());
        await wait(100);
      }
    })();
    try {
      await work();
    } finally {
      watching.isOver = true;
      await watch;
    }
    return most - before;
  }

  /** Ends the load, waits until nothing is queued, and adds up what came of it all. */
  async proof(): Promise<Proof> {
    await this.#load?.stop();
    const { sink, relay } = this;
    const acknowledged = this.#loads.flatMap((load) => [...load.acknowledged]);
    const missing = (): string[] => {
      const there = sink.copies('accepted');
      return acknowledged.filter((id) => !there.has(`<${id}@load.test>`));
    };
    await until(() => missing().length === 0, 60_000);
    let audit: Awaited<ReturnType<RelayProcess['audit']>> = {};
    const isEmpty = async (): Promise<boolean> => {
      // Sentinels tell of a failover one by one, and each makes the relay connect anew.
      audit = await relay.audit().catch(() => ({}));
      return audit['queued'] === 0;
    };
    await until(isEmpty, 60_000);
    const copies = [...sink.copies('all').values()].reduce((sum, count) => sum + count - 1, 0);
    return {
      lost: missing().length,
      uncountedCopies: Math.max(0, copies - Number(audit['possibleDuplicates'])),
      starts: relay.lines.filter((line) => line.event === 'started').length,
      strays: relay.lines.filter((line) => line['where'] === 'stray').length,
      readiness: (await this.readiness()).status,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load?.stop();
    await this.relay[Symbol.asyncDispose]();
    await this.sink[Symbol.asyncDispose]();
  }
}

/** @param spool lines of the policy's `spool`, in braces, without `engine` */
export async function startRelayOnRedis(spool: string): Promise<RelayOnRedis> {
  const sink = await startSmtpSink({ slowMs: 2_000 });
  const [port, httpPort] = [await freePort(), await freePort()];
  const relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 20 } }
shaping: { default: { connections: 20 } }
${POLICY}
http: { listen: 127.0.0.1:${httpPort} }
spool: { engine: redis, ${spool} }
`);
  const rig = new RelayOnRedis({ relay, sink, port, httpPort });
  try {
    await relay.start();
    return rig;
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves once it holds; rejects after `timeoutMs`. */
async function until(holds: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${String(holds)}`);
    await wait(100);
  }
}
