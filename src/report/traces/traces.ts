/** Traces of messages, as the policy in force has them. While they are off, nothing of them is loaded. */
import type { Event } from '../../message/event.ts';
import type { Emit } from '../../ports.ts';
import type { SpanCounts, Tracer, TracerNeeds } from './tracer.ts';

export type Traces = AsyncDisposable & {
  /** A sink for events. */
  readonly sink: Emit;
  /** Takes up the policy in force. Never rejects. */
  follow(): Promise<void>;
  /** What came of spans since the last call; null: traces were never on. */
  counts(): Readonly<SpanCounts> | null;
};

export type TracesNeeds = Omit<TracerNeeds, 'counts'>;

/** By the policy in force; on from the first event if it says so. Never rejects. */
export async function openTraces(needs: TracesNeeds): Promise<Traces> {
  const traces = new FollowedTraces(needs);
  await traces.follow();
  return traces;
}

class FollowedTraces implements Traces {
  readonly #needs: TracesNeeds;
  readonly #counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 };
  #tracer: Tracer | null = null;
  #wasOn = false;
  #following: Promise<void> = Promise.resolve();

  constructor(needs: TracesNeeds) {
    this.#needs = needs;
  }

  readonly sink = (event: Event): void => this.#tracer?.heard(event);

  follow(): Promise<void> {
    this.#following = this.#following
      .then(() => this.#followNow())
      .catch((cause: unknown) => {
        const { emit, clock } = this.#needs;
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'traces', cause: `traces stay off: ${String(cause)}` });
      });
    return this.#following;
  }

  counts(): Readonly<SpanCounts> | null {
    if (!this.#wasOn) return null;
    this.#tracer?.count();
    const since = { ...this.#counts };
    Object.assign(this.#counts, { exported: 0, failed: 0, dropped: 0 });
    return since;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following;
    await this.#end();
  }

  async #followNow(): Promise<void> {
    const { traces } = this.#needs.policy();
    if (traces === null) return this.#end();
    if (this.#tracer !== null) return this.#tracer.follow(traces);
    const { Tracer } = await import('./tracer.ts');
    this.#tracer = new Tracer({ ...this.#needs, counts: this.#counts }, traces);
    this.#wasOn = true;
  }

  async #end(): Promise<void> {
    const tracer = this.#tracer;
    this.#tracer = null;
    await tracer?.[Symbol.asyncDispose]();
  }
}
