import { closeSync, existsSync, openSync } from 'node:fs';
import type { Clock } from '../../ports.ts';
import type { MoveMark, MoveStore, StoredPage, StoredRecord, WriteResult } from '../move.ts';
import { type AuditReport, SpoolError } from '../spool.ts';
import type { Written } from './arrival.ts';
import { audit } from './audit.ts';
import { spoolFiles } from './database.ts';
import { renewFeed } from './feed.ts';
import { readMark, writeMark } from './move-mark.ts';
import { openStore } from './open.ts';
import { removeAll, removeArrivals } from './removal.ts';
import { Space } from './space.ts';
import { describe, sqliteFault } from './sqlite-error.ts';
import type { Store } from './store.ts';
import { readPage, writeCounter, writeDigest, writeMessage } from './stored.ts';
import { writeFigures, writeStoredMark, writeSuppressions } from './stored-beside.ts';
import { Upkeep } from './upkeep.ts';
import type { OpenReport } from './wire.ts';

/** Where the log is checkpointed: docs/decisions/0001. */
const WAL_BYTES = 8 * 1024 * 1024;

export type EmbeddedMoveOptions = {
  readonly path: string;
  readonly clock: Clock;
  /** See `EmbeddedSpoolOptions`. */
  readonly holdWhenInDoubt: () => readonly string[];
  readonly floorBytes?: number;
};

/** Whether there is a store in this folder. */
export function hasEmbeddedStore(path: string): boolean {
  return existsSync(spoolFiles(path).database);
}

/**
 * Opens the spool in a folder, made where it is missing, for a move. Leases of a dead owner are freed, each in doubt.
 * @throws SpoolError `in-use` when another process has it
 */
export async function openEmbeddedMoveStore(options: EmbeddedMoveOptions): Promise<EmbeddedMoveStore> {
  const { path: folder, clock } = options;
  try {
    const { store, report } = openStore(
      {
        folder,
        durability: 'fsync',
        restart: false,
        nowMs: clock.nowMs(),
        hold: options.holdWhenInDoubt(),
        floorBytes: options.floorBytes ?? null,
        forMove: true,
      },
      () => undefined,
    );
    return new EmbeddedMoveStore(store, report, options);
  } catch (error) {
    if (sqliteFault(error) !== 'locked') throw spoolError(error);
    throw new SpoolError('in-use', `another process uses the spool in ${folder}`);
  }
}

/** A spool in a local folder as the end of a move. In the caller's thread: there is nobody else to wait for the disk. */
export class EmbeddedMoveStore implements MoveStore {
  readonly name: string;
  /** What the opening found. */
  readonly report: OpenReport;
  readonly #store: Store;
  readonly #space: Space;
  readonly #upkeep: Upkeep;
  readonly #clock: Clock;
  readonly #suspect: string;

  constructor(store: Store, report: OpenReport, { path, clock, floorBytes }: EmbeddedMoveOptions) {
    const { wal, reserve, suspect } = spoolFiles(path);
    this.name = `the embedded store in ${path}`;
    this.report = report;
    this.#store = store;
    this.#clock = clock;
    this.#suspect = suspect;
    this.#space = new Space({
      folder: path,
      reserve,
      wal,
      floorBytes: floorBytes ?? null,
      walBytes: WAL_BYTES,
      nowMs: () => clock.monotonicMs(),
    });
    this.#upkeep = new Upkeep(store, this.#space.walBytes);
  }

  mark(): Promise<MoveMark | null> {
    return this.#run(() => readMark(this.#store));
  }

  setMark(mark: MoveMark | null): Promise<void> {
    return this.#run(() => {
      // What arrives is no news: who follows the history goes on behind it.
      if (mark?.role === 'target') renewFeed(this.#store);
      writeMark(this.#store, mark);
    });
  }

  read(after: string | null): Promise<StoredPage> {
    return this.#run(() => readPage(this.#store, after, this.#clock.nowMs()));
  }

  write(records: readonly StoredRecord[], cursor: string | null): Promise<WriteResult> {
    const refusal = this.#space.refusal(() => this.#upkeep.freeBytes());
    if (refusal !== null) return Promise.reject(new SpoolError('full', refusal));
    return this.#run(() => {
      const result = { written: 0, known: 0, conflicts: [] as WriteResult['conflicts'][number][] };
      let bytes = 0;
      for (const record of records) {
        const became = write(this.#store, record, this.#clock.nowMs());
        if (became !== 'conflict') result[became] += 1;
        else if (record.kind === 'message') result.conflicts.push(record.message.id);
        if (record.kind === 'message') bytes += record.content?.bytes.byteLength ?? 0;
      }
      this.#store.run('UPDATE move SET cursor = ?', cursor);
      this.#space.accepted(bytes);
      return result;
    });
  }

  cursor(): Promise<string | null> {
    return this.#run(() => this.#store.get<{ cursor: string | null }>('SELECT cursor FROM move')?.cursor ?? null);
  }

  remove(which: 'all' | 'arrivals'): Promise<number> {
    return this.#run(() => (which === 'all' ? removeAll(this.#store) : removeArrivals(this.#store)));
  }

  async audit(): Promise<AuditReport> {
    for (const steps = audit(this.#store); ;) {
      const step = await this.#run(() => steps.next());
      if (step.done === true) return step.value;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#upkeep.close();
    } catch {
      // A full or failing disk: the log is taken over at the next opening.
    }
    this.#store.close();
    return Promise.resolve();
  }

  /** One transaction, on disk when it resolves; then signals and output have their turn. */
  async #run<Result>(change: () => Result): Promise<Result> {
    try {
      this.#store.begin();
      const result = change();
      this.#store.commit();
      this.#upkeep.afterGroup();
      await new Promise<void>((resolve) => void setImmediate(resolve));
      return result;
    } catch (error) {
      this.#store.rollback();
      // The next opening salvages.
      if (sqliteFault(error) === 'corrupt') closeSync(openSync(this.#suspect, 'a', 0o600));
      throw spoolError(error);
    }
  }
}

function write(store: Store, record: StoredRecord, nowMs: number): Written {
  switch (record.kind) {
    case 'message':
      return writeMessage(store, record);
    case 'digest':
      return writeDigest(store, record);
    case 'counter':
      return writeCounter(store, record);
    case 'mark':
      return writeStoredMark(store, record);
    case 'figures':
      return writeFigures(store, record, nowMs);
    case 'suppressions':
      return writeSuppressions(store, record);
  }
}

function spoolError(error: unknown): unknown {
  const fault = sqliteFault(error);
  if (fault === null) return error;
  return new SpoolError(fault === 'full' ? 'full' : 'unavailable', describe(error), { cause: error });
}
