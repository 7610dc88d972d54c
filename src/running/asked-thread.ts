/** A thread that is asked one thing after the other, so that what is read in it has a bound in time and memory. */
import { type Transferable, Worker } from 'node:worker_threads';
import type { Clock } from '../ports.ts';
import { THREAD_FLAGS } from './thread-flags.ts';

/** What comes back over the wire. */
export type Said<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'broke'; readonly cause: string };

/** `broke`: it threw. `lost`: the thread died of it. `late`: it took too long, and the thread was ended. */
export type Answered<Answer> =
  | Said<Answer>
  | { readonly kind: 'lost'; readonly cause: string }
  | { readonly kind: 'late' };

export type AskedThreadTerms = {
  readonly clock: Clock;
  /** A file that calls `answerAsks`. */
  readonly entry: URL;
  readonly name: string;
  readonly heapMb: number;
  /** For one answer, the start of the thread included. */
  readonly answerMostMs: number;
  /** Not asked for so long, it ends. */
  readonly idleMs: number;
};

/** Started when it is first asked, and again after it was lost; nothing that is asked keeps the process alive. */
export class AskedThread<Ask, Answer> implements AsyncDisposable {
  readonly #terms: AskedThreadTerms;
  #thread: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #cancelIdle = (): void => {};
  readonly #ends = new Set<Promise<unknown>>();

  constructor(terms: AskedThreadTerms) {
    this.#terms = terms;
  }

  /** Never rejects. @param handedOver of the ask: moved and not copied, so whoever asks has it no more */
  ask(ask: Ask, handedOver: readonly Transferable[] = []): Promise<Answered<Answer>> {
    const answered = this.#last.then(() => this.#ask(ask, handedOver));
    this.#last = answered;
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#end();
    await Promise.all(this.#ends);
  }

  async #ask(ask: Ask, handedOver: readonly Transferable[]): Promise<Answered<Answer>> {
    this.#cancelIdle();
    const thread = this.#thread ?? this.#start();
    const done = Promise.withResolvers<Answered<Answer>>();
    const onError = (error: unknown): void => done.resolve({ kind: 'lost', cause: causeOf(error) });
    const onExit = (): void => done.resolve({ kind: 'lost', cause: 'its thread ended' });
    thread.on('message', done.resolve);
    thread.on('error', onError);
    thread.on('exit', onExit);
    const cancel = this.#terms.clock.after(this.#terms.answerMostMs, () => {
      done.resolve({ kind: 'late' });
      this.#end();
    });
    thread.postMessage(ask, handedOver);
    const answered = await done.promise;
    cancel();
    thread.off('message', done.resolve);
    thread.off('error', onError);
    thread.off('exit', onExit);
    if (this.#thread !== null) this.#cancelIdle = this.#terms.clock.after(this.#terms.idleMs, () => this.#end());
    return answered;
  }

  #start(): Worker {
    const { entry, name, heapMb } = this.#terms;
    const thread = new Worker(entry, {
      execArgv: [...THREAD_FLAGS],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      name,
    });
    thread.unref();
    const forget = (): void => {
      if (this.#thread === thread) this.#thread = null;
    };
    thread.on('error', forget);
    thread.on('exit', forget);
    this.#thread = thread;
    return thread;
  }

  /** Waits for nothing: the next may be asked while this thread is still ending. */
  #end(): void {
    this.#cancelIdle();
    const thread = this.#thread;
    if (thread === null) return;
    this.#thread = null;
    const ended = thread.terminate().finally(() => this.#ends.delete(ended));
    this.#ends.add(ended);
  }
}

/** The cause as it is told. */
export function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
