/** The thread of one worker: a mail path of its own. Started by the supervisor, never imported. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openSpool, type SpoolWithLedger, streamsToHold } from '../foundation/open-spool.ts';
import { type PeerNews, Peers } from '../ingress/peers.ts';
import { type MailPath, openMailPath, type Prepared } from '../mail-path.ts';
import type { Event } from '../message/event.ts';
import type { ListenerPolicy, Policy } from '../policy/schema.ts';
import { Link } from '../spool/embedded/link.ts';
import { PortSpool } from '../spool/embedded/port-spool.ts';
import { collectGarbage, startRest } from '../spool/memory-at-rest.ts';
import { canSendFrom, localAddresses, systemClock, systemPorts } from '../system.ts';
import type {
  AskMessage,
  Asks,
  FromWorker,
  PolicyInForce,
  SpoolReach,
  Told,
  ToWorker,
  WorkerStart,
} from './worker-wire.ts';

type Gathered = { readonly events: Event[]; readonly news: PeerNews[]; wake: boolean };

/** What this worker has to tell, gathered over a turn of the event loop. */
class Outbox {
  readonly #port: MessagePort;
  readonly #worker: number;
  #told: Gathered | null = null;

  constructor(port: MessagePort, worker: number) {
    this.#port = port;
    this.#worker = worker;
  }

  emit(event: Event): void {
    this.#open().events.push({ ...event, worker: this.#worker });
  }

  news(news: PeerNews): void {
    this.#open().news.push(news);
  }

  wake(): void {
    this.#open().wake = true;
  }

  post(message: FromWorker): void {
    this.flush();
    this.#port.postMessage(message);
  }

  flush(): void {
    if (this.#told === null) return;
    const told: Told = { kind: 'told', ...this.#told };
    this.#told = null;
    this.#port.postMessage(told);
  }

  #open(): Gathered {
    if (this.#told === null) {
      this.#told = { events: [], news: [], wake: false };
      setImmediate(() => this.flush());
    }
    return this.#told;
  }
}

type Running = {
  readonly outbox: Outbox;
  readonly path: MailPath;
  readonly spool: SpoolWithLedger;
  readonly peers: Peers;
  readonly link: Link;
  /** Aborted when a stop is to wait for nothing. */
  readonly hurry: AbortController;
  readonly current: { policy: Policy; version: string; refusals: WorkerStart['refusals'] };
  next: { readonly version: string; readonly prepared: Prepared } | null;
};

async function run(port: MessagePort, start: WorkerStart): Promise<void> {
  const { worker, workers, policy, version } = start;
  const outbox = new Outbox(port, worker);
  const emit = (event: Event): void => outbox.emit(event);
  // What was told before must not be lost with the thread.
  process.on('uncaughtExceptionMonitor', () => outbox.flush());
  process.on('unhandledRejection', (cause) =>
    emit({ event: 'failed', atMs: systemClock.nowMs(), where: 'stray', cause: textOf(cause) }),
  );
  const current = { policy, version, refusals: start.refusals };
  const inForce = (): Policy => current.policy;
  const peers = new Peers({ clock: systemClock, tell: (news) => outbox.news(news) });
  const refusal = (listener: ListenerPolicy) =>
    current.refusals.find((one) => one.port === listener.port && one.address === listener.address) ?? null;
  const link = new Link();
  const spool = await openSpoolOf(start, { link, policy: inForce, emit });
  const path = await openMailPath({
    policy: inForce,
    spool,
    ports: systemPorts(() => inForce().dns.servers),
    emit,
    localAddresses,
    canSendFrom,
    ...nodeOf(start),
    share: { index: worker - 1, of: workers },
    others: { workers, peers, refusal, wake: () => outbox.wake() },
  });
  const running = { outbox, path, spool, peers, link, hurry: new AbortController(), current, next: null };
  port.on('message', (message: ToWorker) => take(running, message));
  // It ends with the thread.
  startRest({ clock: systemClock, collect: collectGarbage });
  outbox.post({ kind: 'up', version, doors: path.doors() });
}

function nodeOf({ node, reach }: WorkerStart): { readonly node?: string } {
  if (node !== undefined) return { node };
  return reach.kind === 'policy' ? { node: reach.node } : {};
}

type Reaching = { readonly link: Link; readonly policy: () => Policy; readonly emit: (event: Event) => void };

async function openSpoolOf({ reach, worker }: WorkerStart, { link, policy, emit }: Reaching): Promise<SpoolWithLedger> {
  attach(link, reach);
  if (reach.kind === 'port') return new PortSpool(link, systemClock, () => streamsToHold(policy()));
  const node = async (): Promise<string> => `${reach.node}/${worker}`;
  const opened = await openSpool({ policy, clock: systemClock, emit, node, onReopened: () => undefined });
  if (typeof opened === 'string') throw new Error(opened);
  return opened.spool;
}

function attach(link: Link, reach: SpoolReach): void {
  if (reach.kind === 'port') link.attach(reach.port);
}

function take(running: Running, message: ToWorker): void {
  const { peers, path } = running;
  switch (message.kind) {
    case 'ask':
      return void answer(running, message);
    case 'news':
      return peers.hear(message.from, message.news);
    case 'gone':
      return peers.forget(message.worker);
    case 'introduce':
      return peers.introduce();
    case 'wake':
      return path.wake();
    case 'reach':
      return attach(running.link, message.reach);
    case 'hurry':
      return running.hurry.abort(new Error('at once'));
    case 'end':
      return void end(running);
  }
}

async function answer(running: Running, message: AskMessage): Promise<void> {
  const { id } = message;
  try {
    const value = await answerTo(running, message);
    running.outbox.post({ kind: 'answer', id, version: running.current.version, value });
  } catch (error) {
    running.outbox.post({ kind: 'failed', id, cause: error instanceof Error ? error.message : String(error) });
  }
}

async function answerTo(running: Running, message: AskMessage): Promise<unknown> {
  const { path, hurry } = running;
  switch (message.name) {
    case 'prepare':
      return await prepare(running, message.ask);
    case 'swap':
      return await swap(running, message.ask);
    case 'refreshKeys':
      return await path.refreshKeys();
    case 'figures':
      return await path.figures();
    case 'explain':
      return await path.explain(message.ask);
    case 'explainMail':
      return await path.explainMail(message.ask);
    case 'submit':
      // A buffer arrives as the bytes that it is made of.
      return await path.submit({ ...message.ask, content: Buffer.from(message.ask.content) });
    case 'bounceNow':
      return await path.bounceNow(message.ask.leased, message.ask.reply);
    case 'endTold':
      return await path.endTold(message.ask.leased, message.ask.ends);
    case 'tellReturned':
      return await path.tellReturned(message.ask);
    case 'submitOwn':
      return await path.submitOwn({ ...message.ask, content: Buffer.from(message.ask.content) });
    case 'stop':
      return await path.stop(hurry.signal);
  }
}

async function prepare(running: Running, { policy, version }: PolicyInForce): Promise<readonly string[]> {
  const prepared = await running.path.prepare(policy, version);
  running.next = { version, prepared };
  return prepared.kind === 'ready' ? [] : prepared.problems;
}

/** @throws Error when it cannot be had: the supervisor then starts another worker, with this policy */
async function swap(running: Running, next: Asks['swap']['ask']): Promise<Asks['swap']['answer']> {
  const { path } = running;
  const { policy, version, refusals } = next;
  // One that came up in between was not asked before.
  if (running.next?.version !== version) await prepare(running, next);
  const prepared = running.next?.prepared;
  if (prepared?.kind !== 'ready') throw new Error(`policy ${version} cannot be applied`);
  prepared.use();
  running.next = null;
  Object.assign(running.current, { policy, version, refusals });
  await path.follow();
  return path.doors();
}

async function end({ path, spool, link, outbox }: Running): Promise<void> {
  await path[Symbol.asyncDispose]();
  await link.flush();
  await spool[Symbol.asyncDispose]();
  outbox.flush();
  // A peer that never answers may hold a socket open.
  process.exit(0);
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

if (parentPort !== null) await run(parentPort, workerData as WorkerStart);
