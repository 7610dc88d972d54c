import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { type Asked, Backlog, contentBytes } from './backlog.ts';
import { canWait, isQuick, runGroup, type QuickRequest } from './group.ts';
import { Signing } from './signing.ts';
import { isLong, Slices } from './slices.ts';
import type { Space } from './space.ts';
import { describe } from './sqlite-error.ts';
import type { Store } from './store.ts';
import type { Upkeep } from './upkeep.ts';
import type { Answer, Answers, Batch, ContentAnswer, Request } from './wire.ts';

/** What one transaction takes at most. */
const GROUP_REQUESTS = 500;
const GROUP_BYTES = 8 * 1024 * 1024;
/** After so long a transaction takes nothing more: what else is asked, a page above all, waits for it. */
const GROUP_MS = 10;
/** Content from this size on takes a group of its own, so that what is small waits for one large message at most. */
const LARGE_BYTES = 1024 * 1024;

/** Works for all threads that hold a port: takes what has arrived, commits it together, answers, and goes on. */
export class Owner {
  readonly #store: Store;
  readonly #space: Space;
  readonly #upkeep: Upkeep;
  readonly #onCorrupt: (cause: string) => void;
  readonly #slices: Slices;
  readonly #signing: Signing;
  readonly #ports = new Set<MessagePort>();
  #trouble: string | null = null;
  readonly #backlog = new Backlog();
  /** Large messages whose turn has not come. */
  readonly #large: Asked[] = [];
  #scheduled = false;
  #closed = false;
  /** When something was last asked, monotonic, ms. */
  lastAskedMs: number;
  readonly #nowMs: () => number;

  constructor(parts: {
    readonly store: Store;
    readonly space: Space;
    readonly upkeep: Upkeep;
    /** Monotonic, ms. */
    readonly nowMs: () => number;
    /** The database is damaged; what was asked has been refused, and nothing more will be answered. */
    readonly onCorrupt: (cause: string) => void;
  }) {
    this.#store = parts.store;
    this.#space = parts.space;
    this.#upkeep = parts.upkeep;
    this.#nowMs = parts.nowMs;
    this.#onCorrupt = parts.onCorrupt;
    this.#slices = new Slices(parts.store, parts.nowMs);
    this.#signing = new Signing(parts.nowMs);
    this.lastAskedMs = parts.nowMs();
  }

  /** Answers what comes by this port until its other end closes. */
  addPort(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (batch: Batch) => this.#serve(port, batch));
    port.on('close', () => this.#ports.delete(port));
  }

  /** Answers everything that has arrived, then nothing more. */
  close(): void {
    for (;;) {
      this.#drain();
      if (this.#backlog.length > 0) this.#group();
      else if (this.#waiting) this.#next();
      else break;
    }
    this.#closed = true;
    for (const port of this.#ports) port.close();
  }

  /** Looks again whether what stood in the way is gone, so that `trouble()` is true without traffic too. */
  look(): void {
    if (this.#trouble === null) return;
    const trouble = this.#space.refusal(() => this.#upkeep.freeBytes()) ?? this.#probe();
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    for (const port of this.#ports) port.postMessage({ answers: [], trouble } satisfies Answers);
  }

  #probe(): string | null {
    try {
      this.#store.probe();
      return null;
    } catch (error) {
      return describe(error);
    }
  }

  #serve(port: MessagePort, batch: Batch): void {
    if (this.#closed) return;
    for (const request of batch) this.#add({ port, request });
    // Node delivers what keeps coming without a turn of the event loop in between: a group for each would starve the slices.
    if (this.#scheduled) return;
    this.#drain();
    this.#group();
    this.#schedule();
  }

  #add(one: Asked): void {
    if (isSigning(one)) this.#signing.add(one);
    else if (contentBytes(one.request) >= LARGE_BYTES) this.#large.push(one);
    else this.#backlog.add(one);
  }

  /** Adds what else has arrived, taking from the ports in turn, and not more than a group of it at once. */
  #drain(): void {
    let [requests, bytes, found] = [0, 0, true];
    while (found) {
      found = false;
      for (const port of this.#ports) {
        if (requests >= GROUP_REQUESTS || bytes >= GROUP_BYTES) return;
        const received = receiveMessageOnPort(port);
        if (received === undefined) continue;
        found = true;
        for (const request of received.message as Batch) {
          this.#add({ port, request });
          requests += 1;
          bytes += contentBytes(request);
        }
      }
    }
  }

  /** Works off what comes next, as much as there is time for. */
  #group(): void {
    this.#work(this.#backlog.take({ requests: GROUP_REQUESTS, bytes: GROUP_BYTES }));
  }

  #work(asked: readonly Asked[]): void {
    if (asked.length === 0) return;
    const startedMs = this.#nowMs();
    this.lastAskedMs = startedMs;
    const answers = new AnswersByPort();
    const answer = answers.add;
    const refusal = this.#space.refusal(() => this.#upkeep.freeBytes());
    this.#store.frugal = refusal !== null;
    const group: Asked[] = [];
    for (const one of asked) {
      const [id, name] = one.request;
      if (isLong(name)) this.#slices.add(one.port, one.request as Request<never>);
      else if (!isQuick(name)) answer(one.port, [id, 'unavailable', `the store knows no ${String(name)}`]);
      else if (refusal !== null && canWait(one.request as QuickRequest)) answer(one.port, [id, 'full', refusal]);
      else group.push(one);
    }
    const result = runGroup(this.#store, this.#space, {
      requests: group.map(({ request }) => request as QuickRequest),
      isOver: () => this.#nowMs() - startedMs >= GROUP_MS,
    });
    const done = group.slice(0, result.answers.length);
    this.#backlog.putBack(group.slice(done.length));
    this.#trouble = result.trouble?.cause ?? this.#space.refusal(() => this.#upkeep.freeBytes());
    for (const [place, one] of result.answers.entries()) {
      const port = done[place]?.port;
      if (port !== undefined) answer(port, one);
    }
    answers.post(this.#trouble);
    this.#space.accepted(done.reduce((sum, { request }) => sum + contentBytes(request), 0));
    if (result.trouble?.kind === 'corrupt') this.#fail(result.trouble.cause);
    else this.#upkeep.afterGroup();
  }

  get #waiting(): boolean {
    return this.#backlog.length > 0 || this.#large.length > 0 || this.#signing.waiting || this.#slices.waiting;
  }

  /** What waits for its turn gets it between the groups: what has arrived meanwhile comes first. */
  #schedule(): void {
    if (this.#scheduled || this.#closed || !this.#waiting) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#drain();
      this.#group();
      this.#next();
      this.#schedule();
    });
  }

  #next(): void {
    if (this.#signing.waiting) this.#sign();
    const large = this.#large.shift();
    if (large !== undefined) this.#work([large]);
    if (this.#slices.waiting) this.#slice();
  }

  #sign(): void {
    this.lastAskedMs = this.#nowMs();
    const answers = new AnswersByPort();
    this.#signing.run(answers.add);
    answers.post(this.#trouble);
  }

  #slice(): void {
    this.lastAskedMs = this.#nowMs();
    const { answer, corrupt } = this.#slices.run();
    if (answer !== null) post(answer.port, [answer.answer], this.#trouble);
    if (corrupt !== null) this.#fail(corrupt);
  }

  #fail(cause: string): void {
    this.#closed = true;
    this.#onCorrupt(cause);
  }
}

/** What is answered together, by who asked. */
class AnswersByPort {
  readonly #lists = new Map<MessagePort, Answer[]>();

  readonly add = (port: MessagePort, one: Answer): void => {
    const list = this.#lists.get(port);
    if (list === undefined) this.#lists.set(port, [one]);
    else list.push(one);
  };

  post(trouble: string | null): void {
    for (const [port, list] of this.#lists) post(port, list, trouble);
  }
}

function isSigning(one: Asked): one is Asked & { readonly request: Request<'sign'> } {
  return one.request[1] === 'sign';
}

function post(port: MessagePort, answers: readonly Answer[], trouble: string | null): void {
  const transfer: ArrayBuffer[] = [];
  for (const [, , value] of answers) {
    if (typeof value !== 'object' || value === null || !('content' in value)) continue;
    const { content } = value as ContentAnswer & { readonly kind: 'found' };
    if (content.buffer instanceof ArrayBuffer && content.byteLength === content.buffer.byteLength) {
      transfer.push(content.buffer);
    }
  }
  port.postMessage({ answers, trouble } satisfies Answers, transfer);
}
