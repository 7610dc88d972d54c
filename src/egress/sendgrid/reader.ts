/** Messages as v3 JSON, made by a thread that is started with the first of them and ended when it is too slow or idle. */
import type { MessageId } from '../../message/ids.ts';
import type { Clock } from '../../ports.ts';
import { type Answered, AskedThread } from '../../running/asked-thread.ts';
import type { SurvivalTerms } from './survival.ts';
import type { V3Content } from './v3-content.ts';

export type ReaderAsk = { readonly content: Uint8Array; readonly terms: SurvivalTerms };

/** For one message, the start of the thread included: the largest takes a third of it. */
export const READ_MOST_MS = 3_000;
/** Messages that are known not to be worth another look. */
const BAD_MOST = 1_000;
const IDLE_MS = 60_000;
/** What is in it beside the message's bytes. */
const HEAP_MB = 384;

export class Reader implements AsyncDisposable {
  readonly #thread: AskedThread<ReaderAsk, V3Content>;
  #last: Promise<unknown> = Promise.resolve();
  /** Those that a thread was lost to, the oldest first: each holds up the others once, whatever is tried with it. */
  readonly #bad = new Map<MessageId, V3Content>();

  /** @param entry for tests. Default: the real one */
  constructor(clock: Clock, entry: URL = new URL('./reader-thread.ts', import.meta.url)) {
    this.#thread = new AskedThread({
      clock,
      entry,
      name: 'sendgrid reader',
      heapMb: HEAP_MB,
      answerMostMs: READ_MOST_MS,
      idleMs: IDLE_MS,
    });
  }

  /** Never rejects: what cannot be taken apart is unfit. One after the other. */
  read(messageId: MessageId, content: Buffer, terms: SurvivalTerms): Promise<V3Content> {
    const read = this.#last.then(() => this.#bad.get(messageId) ?? this.#read(messageId, { content, terms }));
    this.#last = read;
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#thread[Symbol.asyncDispose]();
  }

  async #read(messageId: MessageId, ask: ReaderAsk): Promise<V3Content> {
    const answered = await this.#thread.ask(ask);
    if (answered.kind === 'answered') return answered.answer;
    const content: V3Content = { kind: 'unfit', why: `it could not be taken apart${whyNot(answered)}` };
    if (answered.kind !== 'broke') this.#remember(messageId, content);
    return content;
  }

  #remember(messageId: MessageId, content: V3Content): void {
    this.#bad.set(messageId, content);
    const [oldest] = this.#bad.keys();
    if (this.#bad.size > BAD_MOST && oldest !== undefined) this.#bad.delete(oldest);
  }
}

function whyNot(answered: Exclude<Answered<V3Content>, { readonly kind: 'answered' }>): string {
  return answered.kind === 'late' ? ` within ${READ_MOST_MS / 1_000} s` : `: ${answered.cause}`;
}
