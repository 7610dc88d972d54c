/** Load and sink, each in a thread of its own, and the board that both write. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Board, monotonicMs } from './board.ts';
import type { Volley, VolleyResult } from './load-thread.ts';
import type { SinkOrder, SinkReply } from './sink-thread.ts';

/** How one lot of messages is sent; see `Volley`. */
export type Shot = Partial<Omit<Volley, 'from'>> & Pick<Volley, 'port' | 'count'>;

/** `from`, `end`: the numbers of its messages. */
export type Sent = {
  readonly from: number;
  readonly end: number;
  readonly acknowledged: number;
  readonly seconds: number;
};

const DEFAULTS = {
  sessions: 20,
  bodyBytes: 4_096,
  perConnection: 1,
  domains: ['dest.example'],
  header: '',
  pauseMs: 0,
} as const;
const POLL_MS = 5;

/** One relay's load and sink. */
export class Traffic implements AsyncDisposable {
  readonly board: Board;
  readonly #load: Worker;
  readonly #sink: Worker;
  readonly #more: Worker[] = [];
  #next = 0;

  /** @param messages at most so many will be sent */
  constructor(messages: number) {
    this.board = new Board(messages);
    this.#load = this.#start('./load-thread.ts');
    this.#sink = this.#start('./sink-thread.ts');
  }

  #start(file: string): Worker {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.board.memory });
    worker.unref();
    return worker;
  }

  /** Opens the sink. @returns its port @throws when it cannot be bound */
  async listen(at: { readonly address?: string; readonly port?: number; readonly hangs?: boolean } = {}) {
    const { address = '127.0.0.1', port = 0, hangs = false } = at;
    return this.#order({ kind: 'listen', address, port, hangs });
  }

  /** Closes it, connections too: the destination is down. */
  async close(port: number, address = '127.0.0.1'): Promise<void> {
    await this.#order({ kind: 'close', address, port });
  }

  async #order(order: SinkOrder): Promise<number> {
    this.#sink.postMessage(order);
    const [reply] = (await once(this.#sink, 'message')) as [SinkReply];
    if (reply.failure !== null) throw new Error(`sink: ${reply.failure}`);
    return reply.port;
  }

  /** Sends, and returns when each is accepted. @throws at a refusal for good, or where the relay refuses for a minute */
  async send(shot: Shot): Promise<Sent> {
    return this.#send(this.#load, shot);
  }

  /** The same from a thread of its own, beside whatever else is being sent. */
  async sendBeside(shot: Shot): Promise<Sent> {
    const worker = this.#start('./load-thread.ts');
    this.#more.push(worker);
    return this.#send(worker, shot);
  }

  async #send(worker: Worker, shot: Shot): Promise<Sent> {
    const volley: Volley = { ...DEFAULTS, ...shot, from: this.#next };
    const end = volley.from + volley.count;
    if (end > this.board.size) throw new Error('the board is too small');
    this.#next = end;
    const before = this.board.acknowledged;
    const startMs = monotonicMs();
    worker.postMessage(volley);
    const [{ failure }] = (await once(worker, 'message')) as [VolleyResult];
    const seconds = (monotonicMs() - startMs) / 1_000;
    if (failure !== null) throw new Error(`the relay refused: ${failure}`);
    return { from: volley.from, end, acknowledged: this.board.acknowledged - before, seconds };
  }

  /**
   * Waits until the sink has as many different messages as were acknowledged.
   * @param idleMs gives up when nothing came for so long; the caller sees it at the board
   */
  async settled(idleMs = 60_000, wanted = () => this.board.acknowledged): Promise<void> {
    let [seen, seenMs] = [this.board.arrived, monotonicMs()];
    while (this.board.arrived < wanted()) {
      if (monotonicMs() - seenMs > idleMs) return;
      await sleep(POLL_MS);
      if (this.board.arrived === seen) continue;
      seen = this.board.arrived;
      seenMs = monotonicMs();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#load, this.#sink, ...this.#more].map((worker) => worker.terminate()));
  }
}
