/** Tells a collector of what messages went through, while traces are on. Loaded only then. */
import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../message/event.ts';
import type { Policy, TracesPolicy } from '../../policy/schema.ts';
import type { Clock, Emit, Random } from '../../ports.ts';
import { type Collector, openCollector, type PlacedSpan, placeOf, type Teller } from './collector.ts';
import { spanOf } from './span-of.ts';
import { TraceBook, type TracedEvent } from './trace-book.ts';

/** Spans since the start: told; not told since the collector failed; not kept since there were too many. */
export type SpanCounts = { exported: number; failed: number; dropped: number };

export type TracerNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly teller: Teller;
  readonly counts: SpanCounts;
  /** Of one post, tries anew included. Default: 10 s. */
  readonly postMs?: number;
  /** Default: as many as memory is meant for. */
  readonly most?: number;
};

const EVERY_MS = 1_000;
const AFTER_FAILURE_MS = 5_000;
const POST_MS = 10_000;
/** Making so many takes some 5 ms, in which nothing else goes on in this thread. */
const AT_ONCE = 256;
const SPAN_ID_BYTES = 8;
/** What is left is told within that when the relay ends. */
const LAST_MS = 2_000;

export class Tracer implements AsyncDisposable {
  readonly #needs: TracerNeeds;
  readonly #book: TraceBook;
  readonly #ending = new AbortController();
  #traces: TracesPolicy;
  #collector: Collector;
  #isFailing = false;
  #running: Promise<void>;

  constructor(needs: TracerNeeds, traces: TracesPolicy) {
    this.#needs = needs;
    this.#book = new TraceBook(needs.most);
    this.#traces = traces;
    this.#collector = this.#open();
    this.#book.follow(traces);
    this.#running = this.#run();
  }

  /** Must be quick: mail waits for it. */
  heard(event: Event): void {
    this.#book.heard(event);
  }

  /** From now on by this policy. */
  follow(traces: TracesPolicy): void {
    const isElsewhere = traces.url !== this.#traces.url || !isDeepStrictEqual(traces.headers, this.#traces.headers);
    this.#traces = traces;
    this.#book.follow(traces);
    if (!isElsewhere) return;
    const before = this.#collector;
    this.#collector = this.#open();
    this.#isFailing = false;
    void before.end();
  }

  /** Brings the counts up to now. */
  count(): void {
    this.#needs.counts.dropped += this.#book.dropped;
    this.#book.dropped = 0;
  }

  /** Tells what there is, as far as that goes within a moment. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('traces end'));
    const late = new AbortController();
    const rest = this.#running
      .then(() => this.#tell())
      .then(
        () => undefined,
        () => undefined,
      );
    await Promise.race([rest, this.#needs.clock.sleep(LAST_MS, late.signal).catch(() => undefined)]);
    late.abort();
    this.count();
    this.#needs.counts.dropped += this.#book.take(Number.POSITIVE_INFINITY).length;
    // It waits for posts that nobody waits for any more.
    this.#collector.cut();
    void this.#collector.end();
  }

  #open(): Collector {
    return openCollector(this.#traces, this.#needs.teller, this.#needs.postMs ?? POST_MS);
  }

  async #run(): Promise<void> {
    const { clock } = this.#needs;
    const { signal } = this.#ending;
    let waitMs = EVERY_MS;
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      waitMs = (await this.#tell()) ? EVERY_MS : AFTER_FAILURE_MS;
    }
  }

  /** @returns whether the collector took what there was */
  async #tell(): Promise<boolean> {
    const { counts } = this.#needs;
    for (let some = this.#book.take(AT_ONCE); some.length > 0; some = this.#book.take(AT_ONCE)) {
      const problem = await this.#post(some);
      counts[problem === null ? 'exported' : 'failed'] += some.length;
      if (problem !== null) this.#failed(problem);
      if (problem !== null) return false;
      this.#isFailing = false;
    }
    return true;
  }

  async #post(some: readonly TracedEvent[]): Promise<string | null> {
    const { clock, postMs = POST_MS } = this.#needs;
    const late = new AbortController();
    // The library's own time begins anew with every byte of an answer.
    const tooLate = clock.sleep(2 * postMs, late.signal).then(
      () => {
        this.#collector.cut();
        return 'it did not answer in time';
      },
      () => null,
    );
    try {
      return await Promise.race([this.#collector.post(this.#spansOf(some)), tooLate]);
    } catch (cause) {
      return `spans could not be made: ${String(cause)}`;
    } finally {
      late.abort();
    }
  }

  #spansOf(some: readonly TracedEvent[]): PlacedSpan[] {
    const { random, policy } = this.#needs;
    const ids = random.bytes(some.length * SPAN_ID_BYTES).toString('hex');
    const terms = { addresses: this.#traces.addresses, shaping: policy().shaping };
    return some.map((traced, at) => {
      const spanId = ids.slice(at * 2 * SPAN_ID_BYTES, (at + 1) * 2 * SPAN_ID_BYTES);
      return { ...spanOf(traced, terms), ...placeOf(traced, spanId) };
    });
  }

  #failed(problem: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { emit, clock } = this.#needs;
    const cause = `the collector of traces.url takes no spans: ${problem}; mail is not affected`;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'traces', cause });
  }
}
