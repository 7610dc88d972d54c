/** Marks in memory, for tests of whoever writes and reads them; can be away. */
import type { Mark, MarkExchange, MarkStore } from '../../src/spool/marks.ts';
import { SpoolError } from '../../src/spool/spool.ts';

export class MemoryMarks implements MarkStore {
  /** Every call rejects, as while a store cannot be reached. */
  isAway = false;
  /** How often marks were written. */
  writes = 0;
  readonly #marks = new Map<string, Mark>();

  marks(prefix: string): Promise<readonly Mark[]> {
    const found = [...this.#marks.values()].filter(({ name }) => name.startsWith(prefix));
    return this.#here(found.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  }

  mark(marks: readonly Mark[]): Promise<void> {
    if (this.isAway) return this.#here(undefined);
    this.writes += 1;
    for (const mark of marks) {
      const known = this.#marks.get(mark.name);
      if (known === undefined || known.atMs <= mark.atMs) this.#marks.set(mark.name, mark);
    }
    return this.#here(undefined);
  }

  unmark(names: readonly string[]): Promise<void> {
    if (!this.isAway) for (const name of names) this.#marks.delete(name);
    return this.#here(undefined);
  }

  exchange({ given, made, gone }: MarkExchange): Promise<boolean> {
    if (this.isAway) return this.#here(false);
    if (given.some(({ name, text }) => (this.#marks.get(name)?.text ?? null) !== text)) return this.#here(false);
    this.writes += 1;
    for (const mark of made) this.#marks.set(mark.name, mark);
    for (const name of gone) this.#marks.delete(name);
    return this.#here(true);
  }

  /** What a mark says, read as JSON; null: there is none. */
  read(name: string): unknown {
    const mark = this.#marks.get(name);
    return mark === undefined ? null : JSON.parse(mark.text);
  }

  all(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  #here<T>(value: T): Promise<T> {
    return this.isAway ? Promise.reject(new SpoolError('unavailable', 'the store is away')) : Promise.resolve(value);
  }
}
