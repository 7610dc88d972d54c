/** Bodies made into messages: small ones here, large ones by a thread, one after the other, so that memory has a bound. */
import type { Clock } from '../../ports.ts';
import { AskedThread } from '../../running/asked-thread.ts';
import { type Form, type Read, readBody, type ReadAnswer, type ReadAsk } from './reader.ts';

/** Up to so much is read where it came: within a few ms. */
const SMALL_BYTES = 128 * 1024;
/** For one body, the start of the thread included. */
const MOST_MS = 30_000;
const IDLE_MS = 5_000;
/** Text and what is composed of it; a body of the largest message takes half. */
const HEAP_MB = 512;

/** A body that the thread could not read, for a reason that is the body's own. */
export class UnreadBody extends Error {
  override readonly name = 'UnreadBody';
}

/** What a body says, whoever reads it. Ends with its thread. */
export class BodyReader implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #thread: AskedThread<ReadAsk, ReadAnswer>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#thread = new AskedThread({
      clock,
      entry: new URL('./reader-thread.ts', import.meta.url),
      name: 'submission reader',
      heapMb: HEAP_MB,
      answerMostMs: MOST_MS,
      idleMs: IDLE_MS,
    });
  }

  /** @param body is gone afterwards. @throws UnreadBody where the thread was lost to it, or it took too long */
  read(form: Form, body: Buffer): Promise<ReadAnswer> {
    const ask = { form, body, nowMs: this.#clock.nowMs() };
    return body.length <= SMALL_BYTES ? readBody(ask) : this.#readApart(ask);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  async #readApart(ask: ReadAsk): Promise<ReadAnswer> {
    const { buffer } = ask.body;
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === ask.body.byteLength;
    const answered = await this.#thread.ask(ask, isOwn ? [buffer] : []);
    if (answered.kind === 'late') throw new UnreadBody('it took too long');
    if (answered.kind !== 'answered') throw new UnreadBody(answered.cause);
    const { answer } = answered;
    return answer.kind === 'read' ? { ...answer, messages: answer.messages.map(withBuffer) } : answer;
  }
}

/** What comes from a thread are bytes without the methods of a Buffer. */
function withBuffer(read: Read): Read {
  if (read.kind !== 'composed') return read;
  const { buffer, byteOffset, byteLength } = read.message.content;
  return { ...read, message: { ...read.message, content: Buffer.from(buffer, byteOffset, byteLength) } };
}
