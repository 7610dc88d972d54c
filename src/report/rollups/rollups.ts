/**
 * Figures of all mail by minute, hour and day: counted in memory, added to the store every few seconds. A relay that is killed
 * counts what it had not written again from the history, where the store is its own; where stores are shared it is lost.
 */
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { Feed } from '../../spool/feed.ts';
import type { MarkStore } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import type { MinuteRows, RollupBook } from './book.ts';
import { recount } from './recount.ts';
import { parseState, readStateText, type RollupState } from './state.ts';
import { DIMENSIONS, HOUR_MS, MINUTE_MS } from './stretch.ts';
import { keepUp } from './upkeep.ts';
import { byHour, type Minutes, minuteRows, RollupWriter } from './writer.ts';

export type RollupsNeeds = {
  readonly book: RollupBook;
  readonly marks: MarkStore;
  readonly spool: Pick<Spool, 'overview' | 'story'>;
  /** The history to count from again; null: of several relays, or kept for too short a time. */
  readonly feed: Pick<Feed, 'feed' | 'feedAt'> | null;
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly node: string;
};

export type Rollups = AsyncDisposable & {
  /** Writes what was counted up to now, unless that was done a moment ago. Never rejects. */
  flush(): Promise<void>;
};

const WRITE_EVERY_MS = 10_000;
/** Whoever looks at figures all the time has them written no more often. */
const AT_MOST_EVERY_MS = 5_000;

/** Starts counting: what was missed is added in the background. Never rejects. */
export async function openRollups(needs: RollupsNeeds): Promise<Rollups> {
  const keeper = new Keeper(needs);
  await keeper.start();
  return keeper;
}

class Keeper implements Rollups {
  readonly #needs: RollupsNeeds;
  readonly #writer: RollupWriter;
  readonly #ending = new AbortController();
  #state: Omit<RollupState, 'writes'>;
  /** Taken out of the book and not written yet; the first may have been. */
  #waiting: Minutes[] = [];
  #takenMs: number;
  #writing: Promise<void> | null = null;
  #wroteMs = Number.NEGATIVE_INFINITY;
  #sampledMs: number;
  #keptUpMs: number;
  /** Something waited at the last look. */
  #hasQueue = false;
  #isFailing = false;
  /** What a process before this one did not write is not counted again yet. */
  #isBehind = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(needs: RollupsNeeds) {
    this.#needs = needs;
    this.#writer = new RollupWriter(needs);
    const nowMs = needs.clock.nowMs();
    this.#state = { countedMs: nowMs, isOpen: true };
    this.#takenMs = nowMs;
    this.#sampledMs = nowMs;
    this.#keptUpMs = nowMs - HOUR_MS + 2 * MINUTE_MS;
  }

  async start(): Promise<void> {
    const { marks, node, clock, feed } = this.#needs;
    const untilMs = clock.nowMs();
    try {
      const before = parseState(await readStateText(marks, node));
      const isCut = before?.isOpen === true && feed !== null;
      if (before !== null) this.#state = { countedMs: before.countedMs, isOpen: true };
      const lastRows = isCut ? await this.#rowsOf(untilMs) : null;
      if (!isCut) await this.#writer.write(new Map(), { ...this.#state, countedMs: untilMs });
      this.#running = Promise.all([this.#run(), lastRows === null ? null : this.#countAgain(untilMs, lastRows)]);
    } catch (cause) {
      this.#failed(cause);
      this.#running = this.#run();
    }
  }

  async flush(): Promise<void> {
    const isDue = this.#needs.clock.monotonicMs() - this.#wroteMs >= AT_MOST_EVERY_MS;
    await (isDue ? this.#write() : this.#writing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('the relay ends'));
    await this.#running;
    // What could not be written before, and then the rest.
    await this.#write();
    await this.#write(true);
  }

  async #rowsOf(atMs: number): Promise<MinuteRows> {
    const minutes = [Math.floor(atMs / MINUTE_MS) * MINUTE_MS];
    const rows = new Map();
    for (const dimension of DIMENSIONS) {
      const [row] = (await minuteRows(this.#needs.marks, { dimension, minutes })).values();
      rows.set(dimension, row ?? new Map());
    }
    return rows;
  }

  async #countAgain(untilMs: number, lastRows: MinuteRows): Promise<void> {
    const { feed, book } = this.#needs;
    const { countedMs } = this.#state;
    if (feed === null) return;
    this.#isBehind = true;
    try {
      const { signal } = this.#ending;
      book.add(await recount({ ...this.#needs, feed }, { countedMs, untilMs, lastRows, signal }));
      this.#isBehind = signal.aborted;
    } catch (cause) {
      this.#failed(cause);
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#needs;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await clock.sleep(WRITE_EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#sample();
      await this.#write();
      await this.#keepUp();
    }
  }

  /** In each minute, while something waits and once after: one that was left out would look like an empty queue. */
  async #sample(): Promise<void> {
    const { clock, spool, book } = this.#needs;
    const nowMs = clock.nowMs();
    if (Math.floor(nowMs / MINUTE_MS) === Math.floor(this.#sampledMs / MINUTE_MS)) return;
    this.#sampledMs = nowMs;
    const overview = await spool.overview().catch(() => null);
    if (overview === null || (overview.deliveries === 0 && !this.#hasQueue)) return;
    this.#hasQueue = overview.deliveries > 0;
    const oldestMs = overview.oldestCreatedAtMs === null ? 0 : Math.max(0, nowMs - overview.oldestCreatedAtMs);
    book.sampleQueue(nowMs, { deliveries: overview.deliveries, oldestMs });
  }

  #write(isLast = false): Promise<void> {
    const before = this.#writing ?? Promise.resolve();
    const writing = before.then(() => this.#writeNow(isLast));
    this.#writing = writing;
    return writing.finally(() => {
      if (this.#writing === writing) this.#writing = null;
    });
  }

  async #writeNow(isLast: boolean): Promise<void> {
    const { book, clock } = this.#needs;
    this.#wroteMs = clock.monotonicMs();
    if (this.#waiting.length === 0) {
      this.#takenMs = clock.nowMs();
      this.#waiting = [...byHour(book.take())];
    }
    if (isLast && this.#waiting.length === 0) this.#waiting = [new Map()];
    try {
      for (let some = this.#waiting[0]; some !== undefined; some = this.#waiting[0]) {
        const isWhole = this.#waiting.length === 1 && !this.#isBehind;
        const state = isWhole ? { ...this.#state, countedMs: this.#takenMs, isOpen: !isLast } : this.#state;
        await this.#writer.write(some, state);
        this.#state = state;
        this.#waiting = this.#waiting.slice(1);
      }
      this.#isFailing = false;
      if (book.lost > 0) this.#failed(`${book.lost} events are not in the figures: the store was away for too long`);
      book.lost = 0;
    } catch (cause) {
      this.#failed(cause);
    }
  }

  async #keepUp(): Promise<void> {
    const { clock, marks, node } = this.#needs;
    const nowMs = clock.nowMs();
    if (Math.abs(nowMs - this.#keptUpMs) < HOUR_MS) return;
    this.#keptUpMs = nowMs;
    try {
      await keepUp({ marks, node, nowMs });
    } catch (cause) {
      this.#failed(cause);
    }
  }

  /** A store that is away tells so itself; this says once what waits. */
  #failed(cause: unknown): void {
    const { clock, emit } = this.#needs;
    if (this.#isFailing) return;
    this.#isFailing = true;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'figures', cause: String(cause) });
  }
}
