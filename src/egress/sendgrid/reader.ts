/** Messages as v3 JSON, made by a thread that is started with the first of them and ended when it is too slow or idle. */
import { Worker } from 'node:worker_threads';
import type { MessageId } from '../../message/ids.ts';
import type { Clock } from '../../ports.ts';
import type { SurvivalTerms } from './survival.ts';
import type { V3Content } from './v3-content.ts';

/** What the thread is asked, and what it answers: one at a time. */
export type ReaderAsk = { readonly content: Uint8Array; readonly terms: SurvivalTerms };
export type ReaderAnswer =
  | { readonly kind: 'read'; readonly read: V3Content }
  | { readonly kind: 'broke'; readonly cause: string };

/** For one message, the start of the thread included: the largest takes a third of it. */
export const READ_MOST_MS = 3_000;
/** Messages that are known not to be worth another look. */
const BAD_MOST = 1_000;
const IDLE_MS = 60_000;
/** What is in it beside the message's bytes. */
const HEAP_MB = 384;

const TOO_LONG: V3Content = { kind: 'unfit', why: `it could not be taken apart within ${READ_MOST_MS / 1_000} s` };

export class Reader implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #entry: URL;
  #thread: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #cancelIdle = (): void => {};
  readonly #ends = new Set<Promise<unknown>>();
  /** Those that a thread was lost to, the oldest first: each holds up the others once, whatever is tried with it. */
  readonly #bad = new Map<MessageId, V3Content>();

  /** @param entry for tests. Default: the real one */
  constructor(clock: Clock, entry: URL = new URL('./reader-thread.ts', import.meta.url)) {
    this.#clock = clock;
    this.#entry = entry;
  }

  /** Never rejects: what cannot be taken apart is unfit. One after the other. */
  read(messageId: MessageId, content: Buffer, terms: SurvivalTerms): Promise<V3Content> {
    const read = this.#last.then(() => this.#bad.get(messageId) ?? this.#read(messageId, { content, terms }));
    this.#last = read;
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#end();
    await Promise.all(this.#ends);
  }

  #read(messageId: MessageId, ask: ReaderAsk): Promise<V3Content> {
    this.#cancelIdle();
    const done = Promise.withResolvers<V3Content>();
    const thread = this.#thread ?? this.#start();
    const lost = (content: V3Content): void => {
      this.#remember(messageId, content);
      done.resolve(content);
    };
    const onMessage = (answer: ReaderAnswer): void =>
      done.resolve(answer.kind === 'read' ? answer.read : broken(answer.cause));
    const onError = (error: unknown): void => lost(broken(error instanceof Error ? error.message : String(error)));
    const onExit = (): void => lost(broken('its thread ended'));
    thread.on('message', onMessage);
    thread.on('error', onError);
    thread.on('exit', onExit);
    const cancel = this.#clock.after(READ_MOST_MS, () => {
      lost(TOO_LONG);
      this.#end();
    });
    thread.postMessage(ask);
    return done.promise.finally(() => {
      cancel();
      thread.off('message', onMessage);
      thread.off('error', onError);
      thread.off('exit', onExit);
      if (this.#thread !== null) this.#cancelIdle = this.#clock.after(IDLE_MS, () => this.#end());
    });
  }

  #remember(messageId: MessageId, content: V3Content): void {
    this.#bad.set(messageId, content);
    const [oldest] = this.#bad.keys();
    if (this.#bad.size > BAD_MOST && oldest !== undefined) this.#bad.delete(oldest);
  }

  #start(): Worker {
    const thread = new Worker(this.#entry, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
      name: 'sendgrid reader',
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

  #end(): void {
    this.#cancelIdle();
    const thread = this.#thread;
    if (thread === null) return;
    this.#thread = null;
    const ended = thread.terminate().finally(() => this.#ends.delete(ended));
    this.#ends.add(ended);
  }
}

function broken(cause: string): V3Content {
  return { kind: 'unfit', why: `it could not be taken apart: ${cause}` };
}
