/**
 * How fast mail goes through, beside Postfix with OpenDKIM on the same machine in the same run: smtp-source → relay →
 * smtp-sink on loopback, one message a connection, signed with RSA-2048, on disk before 250.
 *
 *   node scripts/bench-relay.ts [--messages 4000] [--sessions 20] [--bytes 4096] [--rounds 3]
 *
 * Needs root and Debian's postfix and opendkim. Rates depend on the machine and on what else it does: compare only
 * figures of one run.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, startPostfix } from '../tests/fakes/postfix.ts';
import { RelayProcess } from '../tests/fakes/relay-process.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '4000' },
    sessions: { type: 'string', default: '20' },
    bytes: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '3' },
  },
});
const messages = Number(values.messages);

type Peer = AsyncDisposable & { readonly port: number; readonly rootPids: readonly number[] };
type Figures = { readonly perSecond: number; readonly cpuPer1000: number; readonly peakMb: number };

const scratch = mkdtempSync(join(tmpdir(), 'relevo-bench-'));
const key = join(scratch, 'dkim.pem');
execFileSync('openssl', ['genrsa', '-traditional', '-out', key, '2048'], { stdio: 'ignore' });

async function relevo(sinkPort: number): Promise<Peer> {
  const port = await freePort();
  const relay = new RelayProcess(`
hostname: relay.bench.example
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
limits: { perAddress: 1000 }
clients: { bench: { networks: [127.0.0.0/8], senders: ["*"] } }
domains: { bench.example: { dkim: [{ selector: s1, key: "${key}" }] } }
egress: { sink: { type: smtp, host: 127.0.0.1, port: ${sinkPort}, tls: none, connections: 50 } }
shaping: { default: { connections: 50 } }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  await relay.start();
  relay.writePolicy(`${readFileSync(relay.policyFile, 'utf8')}log: { level: warn }\n`);
  // At that level the relay does not say that it took the edit; a second is what it may need.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return {
    port,
    rootPids: [relay.pid],
    async [Symbol.asyncDispose]() {
      await relay.audit();
      await relay[Symbol.asyncDispose]();
    },
  };
}

async function postfix(sinkPort: number): Promise<Peer> {
  const socket = join(scratch, 'opendkim.sock');
  const config = join(scratch, 'opendkim.conf');
  writeFileSync(
    config,
    `Mode s\nDomain bench.example\nSelector s1\nKeyFile ${key}\nRequireSafeKeys no\nCanonicalization relaxed/relaxed\n` +
      `SignatureAlgorithm rsa-sha256\nOversignHeaders From\nSocket local:${socket}\nInternalHosts 127.0.0.0/8\nSyslog no\nUMask 000\n`,
  );
  execFileSync('chmod', ['755', scratch]);
  rmSync(socket, { force: true });
  const signer = spawn('opendkim', ['-f', '-x', config], { stdio: 'ignore' });
  const server = await startPostfix({
    main: [
      `relayhost = [127.0.0.1]:${sinkPort}`,
      'default_process_limit = 100',
      'in_flow_delay = 0s',
      'smtp_destination_concurrency_limit = 50',
      'initial_destination_concurrency = 20',
      `smtp_connection_cache_destinations = [127.0.0.1]:${sinkPort}`,
      `smtpd_milters = unix:${socket}`,
      'milter_default_action = tempfail',
      'milter_protocol = 6',
    ],
  });
  const master = Number(readFileSync(join(server.folder, 'queue/pid/master.pid'), 'utf8'));
  return {
    port: server.port,
    rootPids: [master, signer.pid ?? 0],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      signer.kill();
    },
  };
}

/** Messages that smtp-sink says it has. */
class Sink implements AsyncDisposable {
  readonly port: number;
  readonly #file = join(scratch, 'sink.out');
  readonly #process: ChildProcess;

  constructor(port: number) {
    this.port = port;
    const out = openSync(this.#file, 'w');
    this.#process = spawn('smtp-sink', ['-c', '-u', 'nobody', '-m', '2000', `127.0.0.1:${port}`, '2000'], {
      stdio: ['ignore', out, out],
    });
    closeSync(out);
  }

  count(): number {
    return Number(/mesg=(\d+)[^=]*$/.exec(readFileSync(this.#file, 'latin1').slice(-400))?.[1] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await once(this.#process, 'exit');
  }
}

async function load(port: number, sink: Sink, count: number): Promise<number> {
  const wanted = sink.count() + count;
  const began = performance.now();
  const source = spawn(
    'smtp-source',
    [
      '-m',
      String(count),
      '-s',
      values.sessions,
      '-l',
      values.bytes,
      '-f',
      'sender@bench.example',
      '-t',
      'rcpt@dest.example',
      '-M',
      'bench.example',
      `127.0.0.1:${port}`,
    ],
    { stdio: 'inherit' },
  );
  const [code] = (await once(source, 'exit')) as [number | null];
  if (code !== 0) throw new Error('smtp-source failed');
  while (sink.count() < wanted) await new Promise((resolve) => setTimeout(resolve, 10));
  return (performance.now() - began) / 1000;
}

/** A process and all below it, with the CPU seconds of children that have ended, and memory now. */
function usage(rootPids: readonly number[]): { readonly cpuS: number; readonly mb: number } {
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /, '')
        .split(' ');
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
      ticks.set(
        Number(name),
        fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0),
      );
    } catch {
      // It ended meanwhile.
    }
  }
  let [cpu, mb] = [0, 0];
  for (const todo = [...rootPids]; todo.length > 0;) {
    const pid = todo.pop() ?? 0;
    cpu += ticks.get(pid) ?? 0;
    todo.push(...(children.get(pid) ?? []));
    const status = /^Pss:\s+(\d+)/m.exec(safely(`/proc/${pid}/smaps_rollup`))?.[1];
    mb += Number(status ?? 0) / 1024;
  }
  return { cpuS: cpu / 100, mb };
}

function safely(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

async function measure(start: (sinkPort: number) => Promise<Peer>): Promise<Figures> {
  await using sink = new Sink(await freePort());
  await using peer = await start(sink.port);
  for (let round = 0; round < 3; round++) await load(peer.port, sink, 500);
  const before = usage(peer.rootPids);
  const seconds = await load(peer.port, sink, messages);
  const after = usage(peer.rootPids);
  return {
    perSecond: messages / seconds,
    cpuPer1000: ((after.cpuS - before.cpuS) / messages) * 1000,
    peakMb: after.mb,
  };
}

mkdirSync(scratch, { recursive: true });
try {
  console.log('relay               messages/s   CPU s/1000   memory MB (shared pages once)');
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, start] of [
      ['postfix + opendkim', postfix],
      ['relevo', relevo],
    ] as const) {
      const { perSecond, cpuPer1000, peakMb } = await measure(start);
      console.log(
        `${name.padEnd(18)} ${perSecond.toFixed(0).padStart(11)} ${cpuPer1000.toFixed(2).padStart(12)} ${peakMb.toFixed(0).padStart(11)}`,
      );
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
