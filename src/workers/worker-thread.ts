/** One worker as its supervisor sees it: a thread that answers, tells, and may end at any time. */
import { type Transferable, Worker } from 'node:worker_threads';
import type { Doors } from '../mail-path.ts';
import type { Clock } from '../ports.ts';
import { THREAD_FLAGS } from '../running/thread-flags.ts';
import type { AskName, Asks, FromWorker, Told, ToWorker, WorkerStart } from './worker-wire.ts';

export type WorkerThreadNeeds = {
  readonly entry: URL;
  readonly start: WorkerStart;
  readonly clock: Clock;
  readonly onTold: (told: Told) => void;
  /** It is gone, for that reason, whether it was told to go or not. */
  readonly onEnd: (cause: string) => void;
};

/** `ended`: the thread is gone. `silent`: no answer in time. `failed`: it could not do what was asked. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  readonly kind: 'ended' | 'silent' | 'failed';

  constructor(kind: 'ended' | 'silent' | 'failed', message: string) {
    super(message);
    this.kind = kind;
  }
}

type Pending = { readonly resolve: (value: never) => void; readonly reject: (error: WorkerError) => void };

/** Starts with its construction; `end` it. */
export class WorkerThread {
  readonly number: number;
  /** Resolves when it takes mail. Rejects with `WorkerError` `ended` when it never does. */
  readonly up: Promise<void>;
  /** Of the policy that it goes by, as it said last. */
  version: string;
  /** Where it listens, as it said last. */
  doors: Doors = { addresses: [], problems: [] };
  readonly #clock: Clock;
  readonly #thread: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #isEnded = false;
  #lastId = 0;

  constructor({ entry, start, clock, onTold, onEnd }: WorkerThreadNeeds) {
    this.number = start.worker;
    this.version = start.version;
    this.#clock = clock;
    const transferList = transferOf(start.reach);
    this.#thread = new Worker(entry, {
      workerData: start,
      transferList,
      execArgv: [...THREAD_FLAGS],
      name: `worker ${start.worker}`,
    });
    const up = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.up = up.promise;
    this.#ended = ended.promise;
    // Nobody may be waiting for it any more.
    this.up.catch(() => undefined);
    let cause: string | null = null;
    this.#thread.on('message', (message: FromWorker) => {
      if (message.kind === 'told') return onTold(message);
      if (message.kind !== 'up') return this.#take(message);
      this.doors = message.doors;
      up.resolve();
    });
    this.#thread.on(
      'error',
      (error) => (cause = error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#thread.on('exit', (code) => {
      const why = cause ?? `its thread ended with ${code}`;
      this.#isEnded = true;
      up.reject(new WorkerError('ended', why));
      for (const { reject } of this.#pending.values()) reject(new WorkerError('ended', why));
      this.#pending.clear();
      ended.resolve();
      onEnd(why);
    });
  }

  /** @param withinMs after which it counts as silent; null: however long it takes */
  ask<Name extends AskName>(
    name: Name,
    ask: Asks[Name]['ask'],
    withinMs: number | null,
  ): Promise<Asks[Name]['answer']> {
    if (this.#isEnded) return Promise.reject(new WorkerError('ended', 'it has ended'));
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Asks[Name]['answer']>();
    const late = (): void => {
      this.#pending.delete(id);
      reject(new WorkerError('silent', `no answer within ${withinMs} ms`));
    };
    const cancel = withinMs === null ? (): void => {} : this.#clock.after(withinMs, late);
    this.#pending.set(id, { resolve, reject });
    this.tell({ kind: 'ask', id, name, ask } as ToWorker);
    return promise.finally(cancel);
  }

  tell(message: ToWorker): void {
    this.#thread.postMessage(message, message.kind === 'reach' ? transferOf(message.reach) : []);
  }

  /** Lets it end in peace for so long, then ends it. Resolves once it is gone. */
  async end(withinMs: number): Promise<void> {
    if (withinMs > 0) {
      this.tell({ kind: 'end' });
      await Promise.race([this.#ended, this.#clock.sleep(withinMs)]);
    }
    await this.#thread.terminate();
    await this.#ended;
  }

  #take(message: Extract<FromWorker, { kind: 'answer' | 'failed' }>): void {
    if (message.kind === 'answer') this.version = message.version;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'answer') pending?.resolve(message.value as never);
    else pending?.reject(new WorkerError('failed', message.cause));
  }
}

function transferOf(reach: WorkerStart['reach']): Transferable[] {
  return reach.kind === 'port' ? [reach.port] : [];
}
