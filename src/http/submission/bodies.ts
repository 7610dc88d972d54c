/** Bodies made into messages: small ones here, large ones by a thread, one after the other, so that memory has a bound. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../ports.ts';
import { type Form, type Read, readBody, type ReadAnswer, type ReadAsk } from './reader.ts';
import type { ThreadAnswer } from './reader-thread.ts';

/** Up to so much is read where it came: within a few ms. */
const SMALL_BYTES = 128 * 1024;
/** For one body, the start of the thread included. */
const MOST_MS = 30_000;
const IDLE_MS = 5_000;
/** Text and what is composed of it; a body of the largest message takes half. */
const HEAP_MB = 512;

/** Only what is left of bodies that no thread could read. */
export class UnreadBody extends Error {
  override readonly name = 'UnreadBody';
}

/** What a body says, whoever reads it. Ends with its thread. */
export class BodyReader implements AsyncDisposable {
  readonly #clock: Clock;
  #thread: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #cancelIdle = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param body is gone afterwards. @throws UnreadBody where the thread was lost to it, or it took too long */
  read(form: Form, body: Buffer): Promise<ReadAnswer> {
    const ask = { form, body, nowMs: this.#clock.nowMs() };
    if (body.length <= SMALL_BYTES) return readBody(ask);
    const read = this.#last.then(() => this.#ask(ask));
    this.#last = read.catch(() => undefined);
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#end();
  }

  async #ask(ask: ReadAsk): Promise<ReadAnswer> {
    this.#cancelIdle();
    const thread = this.#thread ?? this.#start();
    const done = Promise.withResolvers<ThreadAnswer>();
    const lost = (cause: string): void => done.resolve({ kind: 'broke', cause });
    const onError = (error: unknown): void => lost(error instanceof Error ? error.message : String(error));
    const onExit = (): void => lost('its thread ended');
    thread.on('message', done.resolve);
    thread.on('error', onError);
    thread.on('exit', onExit);
    const cancel = this.#clock.after(MOST_MS, () => {
      lost('it took too long');
      void this.#end();
    });
    // Handed over, not copied: whoever sent it needs it no more.
    const { buffer } = ask.body;
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === ask.body.byteLength;
    thread.postMessage(ask, isOwn ? [buffer] : []);
    const answer = await done.promise;
    cancel();
    thread.off('message', done.resolve);
    thread.off('error', onError);
    thread.off('exit', onExit);
    if (this.#thread !== null) this.#cancelIdle = this.#clock.after(IDLE_MS, () => void this.#end());
    if (answer.kind === 'broke') throw new UnreadBody(answer.cause);
    return answer.kind === 'read' ? { ...answer, messages: answer.messages.map(withBuffer) } : answer;
  }

  #start(): Worker {
    const thread = new Worker(new URL('./reader-thread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
      name: 'submission reader',
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

  async #end(): Promise<void> {
    this.#cancelIdle();
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }
}

/** What comes from a thread are bytes without the methods of a Buffer. */
function withBuffer(read: Read): Read {
  if (read.kind !== 'composed') return read;
  const { buffer, byteOffset, byteLength } = read.message.content;
  return { ...read, message: { ...read.message, content: Buffer.from(buffer, byteOffset, byteLength) } };
}
