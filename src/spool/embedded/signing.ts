/** Signatures are made between the groups: mail that is acknowledged already waits for them, and no client does. */
import { valueOf } from '../../sign/blank-signature.ts';
import type { Asked } from './backlog.ts';
import type { Answer, Request } from './wire.ts';

/** With 2 ms in its place each group is smaller, and 20 sessions are served 5 to 20 % slower: docs/decisions/0043. */
const SIGNING_MS = 6;

/** Work for the processor alone: the database has no part in it. */
export class Signing {
  #asked: (Asked & { readonly request: Request<'sign'> })[] = [];
  readonly #nowMs: () => number;

  /** @param nowMs monotonic, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get waiting(): boolean {
    return this.#asked.length > 0;
  }

  add(one: Asked & { readonly request: Request<'sign'> }): void {
    this.#asked.push(one);
  }

  /** Signs as much as there is time for, and for one message at least. Never throws. */
  run(answer: (port: Asked['port'], one: Answer) => void): void {
    const startedMs = this.#nowMs();
    let done = 0;
    for (const { port, request } of this.#asked) {
      answer(port, answerTo(request));
      done += 1;
      if (this.#nowMs() - startedMs >= SIGNING_MS) break;
    }
    this.#asked = this.#asked.slice(done);
  }
}

/** What fails is this message's alone. */
function answerTo([id, , blanks]: Request<'sign'>): Answer {
  try {
    return [id, 'ok', blanks.map(valueOf)];
  } catch (error) {
    return [id, 'unavailable', String(error)];
  }
}
