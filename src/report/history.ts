import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import type { Spool } from '../spool/spool.ts';
import { forgetTranscripts } from './transcripts.ts';

/** Between two rounds, and between two steps of one round: pruning must never be felt by mail. */
const ROUND_MS = 10 * 60_000;
const STEP_MS = 100;
const ROUNDS_OF_TRANSCRIPTS = 36;
/** How often it looks whether there is room. */
const LOOK_MS = 2_000;
/** Where there is none, so many messages are forgotten at least: to free one at a time would refuse mail again and again. */
const CUT_LEAST = 10_000;
/** A store that fails is left alone for so long. */
const FAILED_MS = 60_000;

type HistoryNeeds = {
  readonly clock: Clock;
  readonly spool: Pick<Spool, 'prune' | 'isFull'>;
  readonly policy: () => Policy;
  readonly emit: Emit;
  /** Where transcripts are kept, which are forgotten as well. Default: nowhere. */
  readonly marks?: Marks;
};

/**
 * Forgets finished messages once they are older than the policy's `history`, in bounded steps with pauses; the oldest of
 * them before, while the spool is full: mail goes before history, and an alert says so. A failing store ends the round; a
 * later one tries again. Disposing waits for the step under way.
 */
export function startHistory(needs: HistoryNeeds): AsyncDisposable {
  const history = new History(needs);
  const running = history.run();
  return {
    [Symbol.asyncDispose]: async () => {
      history.stop.abort();
      await running;
    },
  };
}

class History {
  readonly stop = new AbortController();
  readonly #needs: HistoryNeeds;
  #roundDueMs: number;
  /** Monotonic time at which it was cut short last; null: no alert is raised. */
  #cutMs: number | null = null;
  #rounds = 0;

  constructor(needs: HistoryNeeds) {
    this.#needs = needs;
    this.#roundDueMs = needs.clock.monotonicMs() + ROUND_MS;
  }

  async run(): Promise<void> {
    const { clock, emit } = this.#needs;
    let pauseMs = LOOK_MS;
    while (!this.stop.signal.aborted) {
      try {
        await clock.sleep(pauseMs, this.stop.signal);
        pauseMs = LOOK_MS;
        await this.#look();
      } catch (cause) {
        if (this.stop.signal.aborted) return;
        pauseMs = FAILED_MS;
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'history', cause: String(cause) });
      }
    }
  }

  async #look(): Promise<void> {
    const { clock, policy, spool, marks } = this.#needs;
    if (spool.isFull?.() === true) await this.#cut();
    else if (this.#cutMs !== null && clock.monotonicMs() - this.#cutMs >= ROUND_MS) this.#alert(false);
    if (clock.monotonicMs() < this.#roundDueMs) return;
    this.#roundDueMs = clock.monotonicMs() + ROUND_MS;
    while ((await this.#step(clock.nowMs() - policy().historyMs)) > 0);
    if (this.#rounds++ % ROUNDS_OF_TRANSCRIPTS === 0 && marks !== undefined)
      await forgetTranscripts(marks, clock.nowMs());
  }

  /** Ends when there is room again, or no history left: then it is the queue that fills the spool. */
  async #cut(): Promise<void> {
    const { clock, spool } = this.#needs;
    let sum = 0;
    while (sum < CUT_LEAST || spool.isFull?.() === true) {
      const forgotten = await this.#step(clock.nowMs());
      if (forgotten === 0) return;
      sum += forgotten;
      if (this.#cutMs === null) this.#alert(true);
      this.#cutMs = clock.monotonicMs();
    }
  }

  /** @returns how many messages were forgotten; 0: no more are to be */
  async #step(beforeMs: number): Promise<number> {
    const { clock, spool } = this.#needs;
    if (this.stop.signal.aborted) return 0;
    const forgotten = await spool.prune(beforeMs);
    if (forgotten > 0) await clock.sleep(STEP_MS, this.stop.signal);
    return forgotten;
  }

  #alert(raised: boolean): void {
    const { clock, emit } = this.#needs;
    this.#cutMs = null;
    const text = raised
      ? 'history cut short because the spool is full: give it more memory, or shorten history in the policy'
      : 'history is kept as long as the policy says again';
    emit({ event: 'alert', atMs: clock.nowMs(), name: 'history-cut', text, raised });
  }
}
