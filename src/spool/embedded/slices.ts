/** Long requests are worked off in slices between the groups, so that none of them stops the others. */
import type { MessagePort } from 'node:worker_threads';
import { audit } from './audit.ts';
import { byHeader } from './find.ts';
import { discard, hold, list, reap, release, retry, shape, take } from './operate.ts';
import { reschedule } from './reschedule.ts';
import { peek } from './peek.ts';
import { search } from './search.ts';
import { describe, sqliteFault } from './sqlite-error.ts';
import type { Store } from './store.ts';
import { traffic } from './traffic.ts';
import type { Answer, LongCalls, Request } from './wire.ts';

const SLICE_MS = 8;

type Operations = {
  readonly [Name in keyof LongCalls]: (
    store: Store,
    ask: LongCalls[Name]['ask'],
  ) => Generator<void, LongCalls[Name]['answer']>;
};

const OPERATIONS: Operations = {
  reap,
  list,
  shape,
  hold,
  release,
  retry,
  discard,
  reschedule,
  take,
  audit,
  traffic,
  byHeader,
  search,
  peek,
};

export function isLong(name: string): name is keyof LongCalls {
  return Object.hasOwn(OPERATIONS, name);
}

type Running = { readonly id: number; readonly port: MessagePort; readonly steps: Generator<void, unknown> };

export type SliceResult = {
  /** null: it is not done yet. */
  readonly answer: { readonly port: MessagePort; readonly answer: Answer } | null;
  /** The database is damaged; null: it is not. */
  readonly corrupt: string | null;
};

/** The long requests under way, worked off a slice at a time, the one that waited longest first. */
export class Slices {
  readonly #store: Store;
  readonly #nowMs: () => number;
  readonly #running: Running[] = [];

  /** @param nowMs monotonic, ms */
  constructor(store: Store, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  get waiting(): boolean {
    return this.#running.length > 0;
  }

  add(port: MessagePort, request: Request<keyof LongCalls>): void {
    const [id, name, ask] = request;
    const operation = OPERATIONS[name] as (store: Store, ask: unknown) => Generator<void, unknown>;
    this.#running.push({ id, port, steps: operation(this.#store, ask) });
  }

  /** One slice of the request that waited longest: a transaction of its own. Never throws. */
  run(): SliceResult {
    const next = this.#running.shift();
    if (next === undefined) return { answer: null, corrupt: null };
    try {
      this.#store.begin();
      const step = stepUntil(next.steps, this.#nowMs, SLICE_MS);
      this.#store.commit();
      if (step.done !== true) {
        this.#running.push(next);
        return { answer: null, corrupt: null };
      }
      return { answer: { port: next.port, answer: [next.id, 'ok', step.value] }, corrupt: null };
    } catch (error) {
      this.#store.rollback();
      const fault = sqliteFault(error);
      const answer: Answer = [next.id, fault === 'full' ? 'full' : 'unavailable', describe(error)];
      return { answer: { port: next.port, answer }, corrupt: fault === 'corrupt' ? describe(error) : null };
    }
  }
}

function stepUntil(
  steps: Generator<void, unknown>,
  nowMs: () => number,
  sliceMs: number,
): IteratorResult<void, unknown> {
  const startedMs = nowMs();
  let step = steps.next();
  while (step.done !== true && nowMs() - startedMs < sliceMs) step = steps.next();
  return step;
}
