import type { ShapeRow } from '../spool.ts';
import type { Store } from './store.ts';

/** Some ms. */
const ROWS_AT_ONCE = 1_000;
const FINEST_MS = 10_000;
const COARSEST_MS = 3_600_000;
/** Some 3 MB; beyond it times of creation are told apart less finely. */
const CELLS_AT_MOST = 50_000;

type Place = { readonly message: number; readonly ordinal: number };

/** `by`: 1 when it comes, -1 when it ends. */
export type CensusChange = Place & { readonly domain: string; readonly createdAtMs: number; readonly by: 1 | -1 };

type Counted = Place & { readonly domain: string; readonly createdAtMs: number };

/**
 * How many deliveries each domain has of each age, in memory, so that a million of them are not walked for each question.
 * Counted once after the opening, step by step, and kept with every change from there; on the disk there is nothing of it.
 */
export class Census {
  /** By domain and stretch of creation time. */
  readonly #cells = new Map<string, Map<number, number>>();
  #cellCount = 0;
  #widthMs = FINEST_MS;
  /** What stands up to here is counted. */
  #upTo: Place = { message: 0, ordinal: 0 };
  #isWhole = false;
  /** Of this transaction. */
  readonly #pending: CensusChange[] = [];

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Counts a bounded number of rows that were there before. Between two transactions, or in one that changes nothing. */
  extend(store: Store): void {
    if (this.#isWhole) return;
    const { message, ordinal } = this.#upTo;
    const rows = store.all<Counted>(
      `SELECT d.message, d.ordinal, d.domain, m.received_at AS createdAtMs
       FROM delivery d INDEXED BY delivery_of JOIN message m ON m.seq = d.message
       WHERE (d.message, d.ordinal) > (?, ?) ORDER BY d.message, d.ordinal LIMIT ${ROWS_AT_ONCE}`,
      message,
      ordinal,
    );
    for (const row of rows) this.#add(row, 1);
    this.#upTo = rows.at(-1) ?? this.#upTo;
    this.#isWhole = rows.length < ROWS_AT_ONCE;
  }

  /** With the commit. */
  note(change: CensusChange): void {
    this.#pending.push(change);
  }

  commit(): void {
    if (this.#pending.length === 0) return;
    for (const change of this.#pending) if (this.#isWhole || this.#isBehind(change)) this.#add(change, change.by);
    this.#pending.length = 0;
  }

  /** How many changes wait for the commit: the place that `undo` goes back to. */
  get mark(): number {
    return this.#pending.length;
  }

  undo(mark: number): void {
    this.#pending.length = mark;
  }

  /** @param ask `agesMs`: upper ends of the columns, rising; beyond the last there is one more. Ages are right to some seconds. */
  rows(ask: { readonly nowMs: number; readonly agesMs: readonly number[] }): ShapeRow[] {
    return [...this.#cells].map(([domain, cells]) => {
      const byAge = [...ask.agesMs.map(() => 0), 0];
      let total = 0;
      for (const [stretch, count] of cells) {
        const ageMs = ask.nowMs - stretch * this.#widthMs;
        const column = ask.agesMs.findIndex((endMs) => ageMs < endMs);
        const at = column === -1 ? ask.agesMs.length : column;
        byAge[at] = (byAge[at] ?? 0) + count;
        total += count;
      }
      return { domain, total, byAge };
    });
  }

  #isBehind({ message, ordinal }: Place): boolean {
    const upTo = this.#upTo;
    return message < upTo.message || (message === upTo.message && ordinal <= upTo.ordinal);
  }

  #add({ domain, createdAtMs }: Counted | CensusChange, by: number): void {
    let cells = this.#cells.get(domain);
    if (cells === undefined) {
      cells = new Map();
      this.#cells.set(domain, cells);
    }
    const stretch = Math.floor(createdAtMs / this.#widthMs);
    const before = cells.get(stretch) ?? 0;
    if (before + by > 0) {
      cells.set(stretch, before + by);
      if (before === 0) this.#cellCount += 1;
    } else if (cells.delete(stretch)) {
      this.#cellCount -= 1;
    }
    if (cells.size === 0) this.#cells.delete(domain);
    if (this.#cellCount > CELLS_AT_MOST && this.#widthMs < COARSEST_MS) this.#coarsen();
  }

  /** Two stretches become one. */
  #coarsen(): void {
    this.#widthMs *= 2;
    this.#cellCount = 0;
    for (const [domain, cells] of this.#cells) {
      const merged = new Map<number, number>();
      for (const [stretch, count] of cells) {
        const half = Math.floor(stretch / 2);
        merged.set(half, (merged.get(half) ?? 0) + count);
      }
      this.#cells.set(domain, merged);
      this.#cellCount += merged.size;
    }
  }
}
