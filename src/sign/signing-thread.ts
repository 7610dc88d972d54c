import { Worker } from 'node:worker_threads';
import type { Clock } from '../ports.ts';
import { THREAD_FLAGS } from '../running/thread-flags.ts';
import type { BlankSignature } from './blank-signature.ts';
import type { SigningAnswer, SigningAsks } from './signing-wire.ts';

/** Not asked for so long, it ends: its 10 MB are worth more than the tenth of a second that its start takes. */
const IDLE_MS = 15_000;
/** It was lost for a reason, which may last: the thread pool makes them meanwhile. */
const START_AGAIN_MS = 10_000;
const ENTRY = new URL('signing-entry.ts', import.meta.url);

type Pending = { readonly resolve: (values: readonly string[]) => void; readonly reject: (error: Error) => void };

/**
 * One thread that makes signatures, where the thread pool would wake two for each (docs/decisions/0044). Started when it is
 * first asked; it keeps no process alive.
 */
export class SigningThread implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #entry: URL;
  #thread: Worker | null = null;
  #lastId = 0;
  #batch: SigningAsks[number][] = [];
  #wasAsked = false;
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #cancelLook = (): void => {};
  #isClosed = false;
  readonly #pending = new Map<number, Pending>();

  /** @param entry what the thread runs. Default: `signing-entry.ts` */
  constructor(clock: Clock, entry = ENTRY) {
    this.#clock = clock;
    this.#entry = entry;
  }

  /** The values, in order, in base64. Rejects when the cryptography fails, and when the thread ends before: the pool can make them then. */
  make(blanks: readonly BlankSignature[]): Promise<readonly string[]> {
    const sinceLossMs = this.#clock.monotonicMs() - this.#lostAtMs;
    if (this.#isClosed || sinceLossMs < START_AGAIN_MS) return Promise.reject(new Error('no thread signs now'));
    this.#lastId += 1;
    const id = this.#lastId;
    this.#wasAsked = true;
    // Those of one turn of the event loop go together: to hand one over costs a tenth of making it.
    if (this.#batch.length === 0) setImmediate(() => this.#send());
    this.#batch.push([id, blanks]);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #send(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#isClosed) this.#lose('closed');
    else (this.#thread ?? this.#start()).postMessage(batch);
  }

  #start(): Worker {
    const thread = new Worker(this.#entry, {
      execArgv: [...THREAD_FLAGS],
      name: 'signing',
    });
    thread.unref();
    thread.on('message', (answers: readonly SigningAnswer[]) => this.#take(answers));
    const lost = (cause: unknown): void => {
      if (this.#thread !== thread) return;
      this.#thread = null;
      this.#lostAtMs = this.#clock.monotonicMs();
      this.#cancelLook();
      this.#lose(String(cause));
    };
    thread.on('error', lost);
    thread.on('exit', () => lost('the thread that signs ended'));
    this.#thread = thread;
    this.#lookSoon();
    return thread;
  }

  #take(answers: readonly SigningAnswer[]): void {
    for (const [id, values, cause] of answers) {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (values === null) pending?.reject(new Error(cause));
      else pending?.resolve(values);
    }
  }

  #lookSoon(): void {
    this.#cancelLook = this.#clock.after(IDLE_MS, () => {
      if (!this.#wasAsked && this.#pending.size === 0) void this.#end();
      else this.#lookSoon();
      this.#wasAsked = false;
    });
  }

  async #end(): Promise<void> {
    this.#cancelLook();
    const thread = this.#thread;
    this.#thread = null;
    this.#lose('the thread that signs was ended');
    await thread?.terminate();
  }

  #lose(cause: string): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new Error(cause));
  }
}
