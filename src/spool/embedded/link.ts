import type { MessagePort } from 'node:worker_threads';
import { SpoolError } from '../spool.ts';
import { Company } from './company.ts';
import type { Answers, CallName, Calls, Request } from './wire.ts';

type Pending = {
  readonly name: CallName;
  readonly resolve: (value: never) => void;
  readonly reject: (error: SpoolError) => void;
};

/**
 * One asker's way to the owner: numbers the requests, sends those of one turn of the event loop together (measured:
 * half the cost of one by one), and matches the answers.
 */
export class Link {
  /** What `Spool.trouble` says. */
  trouble: string | null = null;
  #port: MessagePort | null = null;
  #lastId = 0;
  #batch: Request[] = [];
  #transfer: ArrayBuffer[] = [];
  readonly #company = new Company();
  #isDue = false;
  #waiting: NodeJS.Timeout | null = null;
  #onEmpty: (() => void) | null = null;
  readonly #pending = new Map<number, Pending>();

  /** What was asked and is not answered yet. */
  get underWay(): number {
    return this.#pending.size;
  }

  /** Uses this port from now on. */
  attach(port: MessagePort): void {
    this.#port = port;
    this.trouble = null;
    port.on('message', (answers: Answers) => {
      if (port === this.#port) this.#take(answers);
    });
    port.on('close', () => {
      if (port === this.#port) this.detach('the store is closed');
    });
  }

  /** No owner for now: rejects everything that waits, and everything asked before the next `attach`. */
  detach(cause: string): void {
    this.#port?.close();
    this.#port = null;
    this.trouble = cause;
    this.#batch = [];
    this.#transfer = [];
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { name } of pending) this.#company.answered(name);
    for (const { reject } of pending) reject(new SpoolError('unavailable', cause));
    this.#onEmpty?.();
  }

  /** @param transfer handed over rather than copied: the caller must not touch it again */
  call<Name extends CallName>(
    name: Name,
    ask: Calls[Name]['ask'],
    transfer?: ArrayBuffer,
  ): Promise<Calls[Name]['answer']> {
    if (this.#port === null)
      return Promise.reject(new SpoolError('unavailable', this.trouble ?? 'the store is closed'));
    this.#lastId += 1;
    const id = this.#lastId;
    this.#sendSoon(name);
    this.#batch.push([id, name, ask]);
    if (transfer !== undefined) this.#transfer.push(transfer);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { name, resolve, reject });
    });
  }

  /** Sends what waits for the end of the turn; resolves once all that was asked is answered, or never will be. */
  async flush(): Promise<void> {
    this.#send();
    if (this.#pending.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #sendSoon(name: CallName): void {
    // architecture: how long a thread waits for company is no matter of the relay's clock.
    const waitMs = this.#company.waitFor(name, performance.now());
    if (this.#isDue) return;
    if (waitMs > 0) {
      // architecture: as above, no promise of the spool hangs on this timer.
      this.#waiting ??= setTimeout(() => this.#send(), waitMs);
      return;
    }
    this.#isDue = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    this.#isDue = false;
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    this.#waiting = null;
    const batch = this.#batch;
    const transfer = this.#transfer;
    this.#batch = [];
    this.#transfer = [];
    if (batch.length > 0) this.#port?.postMessage(batch, transfer);
  }

  #take({ answers, trouble }: Answers): void {
    this.trouble = trouble;
    for (const answer of answers) {
      const [id, kind, value] = answer;
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (pending === undefined) continue;
      this.#company.answered(pending.name);
      if (kind === 'ok') pending.resolve(value as never);
      else if (kind === 'refused') pending.reject(new SpoolError('unavailable', value, { isFinal: true }));
      else pending.reject(new SpoolError(kind, value));
    }
    if (this.#pending.size === 0) this.#onEmpty?.();
  }
}
