/**
 * Measures ways to keep mail on disk before it is answered for (docs/decisions/0001-embedded-store.md).
 * Each message is accepted, then settled as delivered; both are durable when they resolve.
 * Usage: node scripts/bench-spool.ts [messages] [folder]
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasync, openSync, writev } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { deliveryIdOf, newMessageId } from '../src/message/ids.ts';
import type { LeasedDelivery, Settlement, Submission } from '../src/spool/spool.ts';
import { accept } from '../src/spool/embedded/accept.ts';
import { openDatabase, prepareFile } from '../src/spool/embedded/database.ts';
import { acceptAsk, settleAsk } from '../src/spool/embedded/port-spool.ts';
import { settle } from '../src/spool/embedded/settle.ts';
import { openEmbeddedSpool } from '../src/spool/embedded/spool.ts';
import { Store } from '../src/spool/embedded/store.ts';
import { Upkeep } from '../src/spool/embedded/upkeep.ts';
import { systemClock } from '../src/system.ts';

const MESSAGES = Number(process.argv[2] ?? 10_000);
const FOLDER = process.argv[3] ?? tmpdir();
const CONTENT = Buffer.alloc(4_096, 'Lorem ipsum dolor sit amet.\r\n');
const WAL_BYTES = 8 * 1024 * 1024;

/** One way to do it. */
type Shape = {
  accept(submission: Submission): Promise<unknown>;
  settle(settlement: Settlement): Promise<unknown>;
  close(): Promise<void> | void;
};

const SHAPES: Readonly<Record<string, (folder: string) => Promise<Shape> | Shape>> = {
  'sqlite in a thread, group commit': async (folder) => {
    const spool = await openEmbeddedSpool({ path: folder, durability: 'fsync', clock: systemClock });
    return {
      accept: (submission) => spool.accept(submission),
      settle: (settlement) => spool.settle(settlement),
      close: () => spool[Symbol.asyncDispose](),
    };
  },
  'sqlite on the caller’s thread, group commit': (folder) => inline(folder, 500),
  'sqlite on the caller’s thread, one by one': (folder) => inline(folder, 1),
  'append log without index, group sync': appendLog,
};

/** The same database, without the thread: at most `together` requests of one turn in a transaction. */
function inline(folder: string, together: number): Shape {
  const file = join(folder, 'spool.db');
  prepareFile(file);
  const store = new Store(openDatabase(file, 'fsync'));
  store.load();
  const upkeep = new Upkeep(store, WAL_BYTES);
  let waiting: (() => () => void)[] = [];
  const commit = (): void => {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += together) {
      store.begin();
      const answers = all.slice(from, from + together).map((change) => change());
      store.commit();
      for (const answer of answers) answer();
      upkeep.afterGroup();
    }
  };
  const ask = (change: () => unknown): Promise<unknown> =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(commit);
      waiting.push(() => {
        const value = change();
        return () => resolve(value);
      });
    });
  return {
    accept: (submission) => ask(() => accept(store, acceptAsk(submission))),
    settle: (settlement) => ask(() => settle(store, settleAsk(settlement))),
    close: () => store.close(),
  };
}

/** What is cheapest to write: nothing can be looked up, retried or forgotten without more on top. */
function appendLog(folder: string): Shape {
  const file = openSync(join(folder, 'log'), 'a');
  let waiting: { readonly bytes: Buffer[]; readonly done: (value: unknown) => void }[] = [];
  let busy = false;
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    busy = all.length > 0;
    if (!busy) return;
    writev(
      file,
      all.flatMap(({ bytes }) => bytes),
      (failure) => {
        if (failure !== null) throw failure;
        fdatasync(file, (problem) => {
          if (problem !== null) throw problem;
          for (const { done } of all) done(undefined);
          flush();
        });
      },
    );
  };
  const append = (bytes: Buffer[]): Promise<unknown> =>
    new Promise((done) => {
      waiting.push({ bytes, done });
      if (!busy) {
        busy = true;
        setImmediate(flush);
      }
    });
  return {
    accept: ({ content, ...rest }) => append([Buffer.from(JSON.stringify(rest)), content]),
    settle: (settlement) => append([Buffer.from(JSON.stringify(settlement))]),
    close: () => closeSync(file),
  };
}

function submissionOf(): Submission {
  const atMs = systemClock.nowMs();
  const id = newMessageId(atMs, randomBytes(10));
  const [sender, recipient] = ['shop@example.com', 'ann@dest.test'];
  const common = {
    client: 'shop',
    stream: 'transactional',
    priority: 'normal',
    messageIdHeader: `<${id}@example.com>`,
  } as const;
  const envelope = { sender, ret: null, envid: null, eightBit: false, smtpUtf8: false };
  const of = { sizeBytes: CONTENT.length, ...common };
  return {
    message: { id, receivedAtMs: atMs, tag: null, envelope, fromDomain: 'example.com', subject: 'hello', ...of },
    deliveries: [
      {
        domain: 'dest.test',
        recipients: [{ address: recipient, notify: null, orcpt: null }],
        dueAtMs: atMs,
        leaseUntilMs: atMs + 60_000,
      },
    ],
    content: CONTENT,
    received: {
      event: 'received',
      atMs,
      messageId: id,
      sender,
      recipients: [recipient],
      protocol: 'ESMTPSA',
      peer: '192.0.2.1',
      tookMs: 3,
      ...of,
    },
    dedupe: { key: randomBytes(16).toString('hex'), windowMs: 3_600_000 },
  };
}

function settlementOf({ message }: Submission, token: LeasedDelivery['lease']['token']): Settlement {
  const atMs = systemClock.nowMs();
  const deliveryId = deliveryIdOf(message.id, 1);
  const of = { atMs, messageId: message.id, deliveryId, domain: 'dest.test', recipients: ['ann@dest.test'] };
  const reply = { code: 250, detail: '2.0.0', text: 'Ok: queued as 4XyZ' };
  const attempt = {
    number: 1,
    egress: 'direct',
    host: 'mx.dest.test',
    address: '192.0.2.7',
    source: null,
    tls: 'TLSv1.3',
    reply,
    tookMs: 41,
  };
  return {
    deliveryId,
    token,
    atMs,
    finished: [{ address: 'ann@dest.test', state: 'delivered' }],
    rest: { dueAtMs: atMs, attempts: 1, lastReply: null, lastEgress: null, warnedAtMs: null, state: 'queued' },
    events: [
      { event: 'attempted', attempt, ...of },
      { event: 'delivered', reply, egress: 'direct', ...of },
    ],
  };
}

type Figures = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuUs: number;
  readonly callerUs: number;
  readonly loopP99: number;
};

async function measure(shape: Shape, concurrency: number, messages: number): Promise<Figures> {
  const waits: number[] = [];
  let begun = 0;
  const one = async (): Promise<void> => {
    while (begun++ < messages) {
      const submission = submissionOf();
      const startMs = performance.now();
      await shape.accept(submission);
      waits.push(performance.now() - startMs);
      await shape.settle(settlementOf(submission, 1));
    }
  };
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const [startMs, cpu, caller] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()];
  await Promise.all(Array.from({ length: concurrency }, one));
  const tookMs = performance.now() - startMs;
  const [spent, own] = [process.cpuUsage(cpu), process.threadCpuUsage(caller)];
  loop.disable();
  waits.sort((a, b) => a - b);
  return {
    perSecond: (messages / tookMs) * 1_000,
    p50: waits[Math.floor(messages * 0.5)] ?? 0,
    p99: waits[Math.floor(messages * 0.99)] ?? 0,
    cpuUs: (spent.user + spent.system) / messages,
    callerUs: (own.user + own.system) / messages,
    loopP99: loop.percentile(99) / 1e6,
  };
}

/** Three runs each in a fresh folder; the one with the median rate. */
async function median(name: string, concurrency: number): Promise<Figures> {
  const runs: Figures[] = [];
  for (let run = 0; run < 3; run++) {
    const folder = await mkdtemp(join(FOLDER, 'relevo-bench-'));
    const shape = await SHAPES[name]?.(folder);
    if (shape === undefined) throw new Error(`no such shape: ${name}`);
    await measure(shape, concurrency, Math.min(500, MESSAGES));
    runs.push(await measure(shape, concurrency, concurrency === 1 ? Math.ceil(MESSAGES / 10) : MESSAGES));
    await shape.close();
    await rm(folder, { recursive: true });
  }
  const [, middle] = runs.sort((a, b) => a.perSecond - b.perSecond);
  if (middle === undefined) throw new Error('three runs have a middle');
  return middle;
}

console.log(
  '| shape | at once | messages/s | accept p50 / p99 ms | CPU µs/message, all threads | of it the caller’s | caller’s loop p99 ms |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const name of Object.keys(SHAPES)) {
  for (const concurrency of [1, 50, 500]) {
    const figures = await median(name, concurrency);
    const { perSecond, p50, p99, cpuUs, callerUs, loopP99 } = figures;
    console.log(
      `| ${name} | ${concurrency} | ${perSecond.toFixed(0)} | ${p50.toFixed(1)} / ${p99.toFixed(1)} | ${cpuUs.toFixed(0)} | ${callerUs.toFixed(0)} | ${loopP99.toFixed(1)} |`,
    );
  }
}
