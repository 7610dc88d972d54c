/** Marks on their way into the store: one that is away gets them later, the last of each name. */
import type { Clock } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';

export class MarkWriter {
  readonly #marks: Marks;
  readonly #clock: Clock;
  /** By name; null: to be removed. */
  readonly #waiting = new Map<string, string | null>();
  /** Of what was written last, by name: a later one counts, also after the clock was set back. */
  readonly #lastMs = new Map<string, number>();
  #flushing: Promise<void> | null = null;

  constructor(marks: Marks, clock: Clock) {
    this.#marks = marks;
    this.#clock = clock;
  }

  /** @param atMs of the mark that is to be replaced, where that is known */
  put(name: string, text: string, atMs = 0): void {
    this.#waiting.set(name, text);
    this.#lastMs.set(name, Math.max(atMs, this.#lastMs.get(name) ?? 0));
  }

  remove(name: string): void {
    this.#waiting.set(name, null);
  }

  /** Writes what waits. Never rejects: what could not be written waits for the next time. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = null));
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const entries = [...this.#waiting];
    if (entries.length === 0) return;
    const nowMs = this.#clock.nowMs();
    const made = entries.flatMap(([name, text]) => {
      const atMs = Math.max(nowMs, (this.#lastMs.get(name) ?? 0) + 1);
      return text === null ? [] : [{ name, text, atMs }];
    });
    const gone = entries.flatMap(([name, text]) => (text === null ? [name] : []));
    try {
      if (made.length > 0) await this.#marks.mark(made);
      if (gone.length > 0) await this.#marks.unmark(gone);
    } catch {
      // That the store is away is told where it is opened.
      return;
    }
    for (const { name, atMs } of made) this.#lastMs.set(name, atMs);
    for (const name of gone) this.#lastMs.delete(name);
    for (const [name, text] of entries) if (this.#waiting.get(name) === text) this.#waiting.delete(name);
  }
}
