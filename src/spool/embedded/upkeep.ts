import { forgetFigures } from './figures.ts';
import { forgetDedupe } from './forget.ts';
import { sqliteFault } from './sqlite-error.ts';
import type { Store } from './store.ts';
import { forgetCircles } from './turn.ts';

/** Free pages given back to the file system in one step: a few ms. */
const PAGES_AT_ONCE = 256;
/** Free space inside the database that is kept for what comes next. */
const FREE_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Keeps the database's files small. The log is checkpointed between groups, after their answers went out: when nobody
 * asks for anything, or when it has grown to its limit.
 */
export class Upkeep {
  readonly #store: Store;
  readonly #walPages: number;
  readonly #pageBytes: number;

  /** @param walBytes where the log must be checkpointed even under load */
  constructor(store: Store, walBytes: number) {
    this.#store = store;
    this.#pageBytes = this.#pragma('page_size');
    this.#walPages = Math.max(64, Math.floor(walBytes / this.#pageBytes));
  }

  /** Bytes of pages inside the database that hold nothing. */
  freeBytes(): number {
    return this.#pragma('freelist_count') * this.#pageBytes;
  }

  afterGroup(): void {
    if (this.#walLength() >= this.#walPages) this.checkpoint();
  }

  /**
   * One bounded step of what is not urgent; returns whether there is more to do.
   * @param now `idle`: nobody asks for anything, so that what takes longer holds nobody up
   */
  step(now: { readonly idle: boolean }): boolean {
    const more = this.#tidy(now.idle) || this.#count();
    if (more) this.afterGroup();
    else if (now.idle && this.#walLength() > 0) this.checkpoint();
    return more;
  }

  /** What a long queue was made of before the opening, for `Spool.shape`. */
  #count(): boolean {
    this.#store.census.extend(this.#store);
    return !this.#store.census.isWhole;
  }

  #tidy(idle: boolean): boolean {
    try {
      this.#store.begin();
      const more = [forgetDedupe, forgetFigures, forgetCircles].map((forget) => forget(this.#store)).includes(true);
      this.#store.commit();
      if (!idle || this.freeBytes() <= FREE_KEPT_BYTES) return more;
      this.#store.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
      return true;
    } catch (error) {
      this.#store.rollback();
      rethrowUnlessDisk(error);
      return false;
    }
  }

  /** Without space the log stays as it is: nothing is lost, and the next try may do better. */
  checkpoint(): void {
    try {
      this.#store.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      rethrowUnlessDisk(error);
    }
  }

  /** The log emptied into the database, so that the files are at rest. */
  close(): void {
    this.#store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Pages in the log that are not in the database yet. */
  #walLength(): number {
    const row = this.#store.get<{ log: number; checkpointed: number }>('PRAGMA wal_checkpoint(NOOP)');
    return row === undefined ? 0 : row.log - row.checkpointed;
  }

  #pragma(name: string): number {
    return Object.values(this.#store.get<Record<string, number>>(`PRAGMA ${name}`) ?? {})[0] ?? 0;
  }
}

/** A disk that is full or failing shows itself to whoever asks for something; upkeep only waits for better times. */
function rethrowUnlessDisk(error: unknown): void {
  const fault = sqliteFault(error);
  if (fault !== 'full' && fault !== 'broken-disk') throw error;
}
