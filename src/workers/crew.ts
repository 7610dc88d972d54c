/**
 * The threads of the workers: started, started again when they end, and ended. What they tell goes where it belongs. The
 * leases of one that died need nobody here: every scheduler looks for those of the dead each second.
 */
import type { Event } from '../message/event.ts';
import type { Clock, Emit } from '../ports.ts';
import { WorkerAlerts } from './worker-alerts.ts';
import { WorkerError, WorkerThread } from './worker-thread.ts';
import type { SpoolReach, Told, ToWorker, WorkerStart } from './worker-wire.ts';

export type CrewNeeds = {
  readonly workers: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** How a worker reaches the spool; asked for each. */
  readonly reach: () => SpoolReach;
  /** Calls `run` whenever the spool must be reached anew. Returns what ends it. */
  readonly onReachLost: (run: () => void) => () => void;
  /** What every worker starts with. */
  readonly start: () => Pick<WorkerStart, 'policy' | 'version' | 'refusals' | 'node'>;
  /** A worker takes mail now, before it counts as one that does. */
  readonly onUp?: (worker: WorkerThread) => Promise<void>;
  /** What a worker's thread runs. Default: `worker.ts`. */
  readonly entry?: URL;
};

const FIRST_RESTART_MS = 100;
const SLOWEST_RESTART_MS = 10_000;
/** One that ran for so long is well again. */
const WELL_MS = 60_000;
/** How often a worker is asked whether it is there, and how long it may take to say so; twice silent, it hangs. */
const WATCH_EVERY_MS = 10_000;
const WATCH_ANSWER_MS = 15_000;
const SILENT_MOST = 2;
/** For connections to be closed and the last news to be told. */
const END_MS = 3_000;

type Slot = {
  readonly number: number;
  thread: WorkerThread | null;
  isUp: boolean;
  restartMs: number;
  failures: number;
  cancel: () => void;
};

export class Crew implements AsyncDisposable {
  /** Why the last worker that ended did. */
  lastCause = 'none was started';
  readonly #needs: CrewNeeds;
  readonly #alerts = new WorkerAlerts();
  readonly #slots: readonly Slot[];
  readonly #unsubscribe: () => void;
  readonly #ending = new AbortController();

  constructor(needs: CrewNeeds) {
    this.#needs = needs;
    this.#slots = Array.from({ length: needs.workers }, (_, index) => ({
      number: index + 1,
      thread: null,
      isUp: false,
      restartMs: FIRST_RESTART_MS,
      failures: 0,
      cancel: () => {},
    }));
    this.#unsubscribe = needs.onReachLost(() => {
      for (const { thread } of this.#slots) thread?.tell({ kind: 'reach', reach: needs.reach() });
    });
  }

  /** Resolves once each takes mail, or ended before it did. */
  async startAll(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#start(slot)));
  }

  /** Those that take mail. */
  live(): readonly WorkerThread[] {
    return this.#slots.flatMap(({ thread, isUp }) => (thread !== null && isUp ? [thread] : []));
  }

  tellAll(message: ToWorker, except: number | null = null): void {
    for (const { thread, number } of this.#slots) if (number !== except) thread?.tell(message);
  }

  tellFailure(worker: number, cause: string): void {
    const { emit, clock } = this.#needs;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'worker', cause: `worker ${worker}: ${cause}` });
  }

  /** Who ends from now on stays so. */
  startNoMore(): void {
    this.#ending.abort();
    for (const slot of this.#slots) slot.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.startNoMore();
    this.#unsubscribe();
    await Promise.all(this.#slots.map(async ({ thread }) => thread?.end(END_MS)));
  }

  async #start(slot: Slot): Promise<void> {
    const { workers, clock, entry, start, reach, onUp } = this.#needs;
    const thread = new WorkerThread({
      entry: entry ?? new URL('./worker.ts', import.meta.url),
      start: { ...start(), worker: slot.number, workers, reach: reach() },
      clock,
      onTold: (told) => this.#hear(slot.number, told),
      onEnd: (cause) => this.#ended(slot, cause),
    });
    slot.thread = thread;
    try {
      await thread.up;
    } catch {
      // `onEnd` has seen to it.
      return;
    }
    await onUp?.(thread);
    if (slot.thread !== thread) return;
    slot.isUp = true;
    slot.cancel = clock.after(WELL_MS, () => this.#isWell(slot));
    this.tellAll({ kind: 'introduce' }, slot.number);
    void this.#watch(thread);
  }

  async #startAgain(slot: Slot): Promise<void> {
    await this.#start(slot);
    if (!slot.isUp) return;
    const { emit, clock } = this.#needs;
    const text = `worker ${slot.number} runs again`;
    emit({ event: 'worker-restarted', atMs: clock.nowMs(), text, worker: slot.number });
  }

  /** A thread that hangs takes no mail and frees no port: it is ended, and `#ended` sees to the rest. */
  async #watch(thread: WorkerThread): Promise<void> {
    const { signal } = this.#ending;
    for (let silent = 0; !signal.aborted;) {
      try {
        await this.#needs.clock.sleep(WATCH_EVERY_MS, signal);
        await thread.ask('figures', null, WATCH_ANSWER_MS);
        silent = 0;
      } catch (error) {
        if (!(error instanceof WorkerError) || error.kind === 'ended') return;
        // Once may be this process having been stopped: then its answer is there a moment later.
        if (error.kind === 'silent') silent += 1;
        if (silent < SILENT_MOST) continue;
        this.tellFailure(thread.number, `it hangs, and is ended: ${error.message}`);
        return await thread.end(0);
      }
    }
  }

  #ended(slot: Slot, cause: string): void {
    const { emit, clock } = this.#needs;
    slot.thread = null;
    slot.isUp = false;
    slot.cancel();
    this.lastCause = cause;
    for (const alert of this.#alerts.forget(slot.number, clock.nowMs())) emit(alert);
    this.tellAll({ kind: 'gone', worker: slot.number });
    if (this.#ending.signal.aborted) return;
    this.tellFailure(slot.number, `it ended, and is started again in ${slot.restartMs} ms: ${cause}`);
    slot.failures += 1;
    if (slot.failures > 1) this.#alert(slot, `worker ${slot.number} ends again and again: ${cause}`, true);
    slot.cancel = clock.after(slot.restartMs, () => void this.#startAgain(slot));
    slot.restartMs = Math.min(slot.restartMs * 2, SLOWEST_RESTART_MS);
  }

  #isWell(slot: Slot): void {
    if (slot.failures > 1) this.#alert(slot, `worker ${slot.number} is well again`, false);
    slot.failures = 0;
    slot.restartMs = FIRST_RESTART_MS;
  }

  #alert({ number }: Slot, text: string, raised: boolean): void {
    const { emit, clock } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `worker-failing:${number}`, text, raised });
  }

  #hear(from: number, { events, news, wake }: Told): void {
    for (const event of events) this.#emit(from, event);
    for (const one of news) this.tellAll({ kind: 'news', from, news: one }, from);
    if (wake) this.tellAll({ kind: 'wake' }, from);
  }

  #emit(from: number, event: Event): void {
    const told = event.event === 'alert' ? this.#alerts.merge(from, event) : event;
    if (told !== null) this.#needs.emit(told);
  }
}
