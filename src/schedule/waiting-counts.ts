import type { Clock } from '../ports.ts';
import type { Count } from '../spool/tallies.ts';

/** A count, with what is to be known of it when it is written. */
export type Waiting<Note> = { readonly count: Count; readonly note: Note };

export type WaitingCountsNeeds<Note> = {
  readonly clock: Clock;
  /** What it rejects with waits on, and is told. */
  readonly write: (waiting: readonly Waiting<Note>[]) => Promise<void>;
  readonly failed: (cause: unknown) => void;
};

export const WRITE_EVERY_MS = 2_000;
/** Of a store that is away for hours or days: what is not among them by then is not counted. */
const WAITING_MOST = 20_000;

/** Counts that wait to be written, those of one account and day as one. A process that is killed takes the last of them along. */
export class WaitingCounts<Note> {
  readonly #needs: WaitingCountsNeeds<Note>;
  #waiting = new Map<string, Waiting<Note>>();
  #writing: Promise<void> | null = null;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(needs: WaitingCountsNeeds<Note>) {
    this.#needs = needs;
  }

  /** @param note in place of that of the counts before it */
  add(count: Count, note: Note): void {
    const key = `${count.startsAtMs} ${count.account}`;
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= WAITING_MOST) return;
    this.#waiting.set(key, { count: { ...count, amount: (known?.count.amount ?? 0) + count.amount }, note });
  }

  tick(): void {
    if (this.#needs.clock.monotonicMs() - this.#writtenMs >= WRITE_EVERY_MS) void this.write();
  }

  /** Writes what waits. Never rejects: what the store did not take is written with what comes. */
  async write(): Promise<void> {
    await this.#writing;
    if (this.#waiting.size === 0) return;
    this.#writtenMs = this.#needs.clock.monotonicMs();
    this.#writing ??= this.#writeNow().finally(() => (this.#writing = null));
    await this.#writing;
  }

  async #writeNow(): Promise<void> {
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    try {
      await this.#needs.write(waiting);
    } catch (cause) {
      for (const { count, note } of waiting) this.add(count, note);
      this.#needs.failed(cause);
    }
  }
}
