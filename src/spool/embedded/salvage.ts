import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { MessageEvent } from '../../message/event.ts';
import { type Carried, carryOver } from './carry.ts';
import { openDatabase, prepareFile, spoolFiles, syncFolder } from './database.ts';
import { skipRows } from './feed.ts';
import { restoreFirstPage, restoreSchema } from './first-page.ts';
import { mend } from './mend.ts';
import { describe, sqliteFault } from './sqlite-error.ts';
import { Store } from './store.ts';
import type { SalvageReport } from './wire.ts';

/**
 * Replaces a damaged database by a fresh one with every row that can still be read; the damaged one is kept beside it.
 * A crash at any moment leaves either the damaged database where it was or the fresh one complete.
 */
export function salvage(options: {
  readonly folder: string;
  readonly nowMs: number;
  readonly cause: string;
  /** Hears of what is quarantined. */
  readonly onEvents: (events: readonly MessageEvent[]) => void;
}): SalvageReport {
  const { folder, nowMs } = options;
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const fresh = join(folder, 'spool.salvage.db');
  const copy = join(folder, 'spool.unreadable.db');
  discard(fresh);
  discard(copy);
  prepareFile(fresh);
  const store = new Store(openDatabase(fresh, 'fsync'), options.onEvents);
  let found: Omit<SalvageReport, 'keptAs' | 'cause'>;
  try {
    let carried: Carried;
    const source = openDamaged(spoolFiles(folder).database, copy);
    try {
      carried = carryOver(source, store);
    } finally {
      source.close();
    }
    skipNumbers(store, { nowMs, epoch: carried.epoch });
    const { messagesQuarantined, messagesRebuilt } = mend(store, nowMs);
    store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const messagesCarried = carried.messagesCarried + messagesRebuilt;
    found = { messagesCarried, messagesQuarantined, rowsUnreadable: carried.rowsUnreadable };
  } finally {
    store.close();
    discard(copy);
  }
  // From here on the fresh database is the better one, whatever happens.
  renameSync(fresh, join(folder, `spool.salvaged-${stamp}.db`));
  syncFolder(folder);
  const keptAs = finishSalvage(folder) ?? '';
  return { keptAs, cause: options.cause, ...found };
}

/** What could not be read may have been told: its numbers are not given again, nor any that could be reached until now. */
function skipNumbers(store: Store, of: { readonly nowMs: number; readonly epoch: number | null }): void {
  store.begin();
  skipRows(store, of.epoch);
  store.run("DELETE FROM sqlite_sequence WHERE name = 'suppression'");
  store.run("INSERT INTO sqlite_sequence(name, seq) VALUES ('suppression', ?)", Math.floor(of.nowMs) * 1_000);
  store.commit();
}

/** Puts a complete salvaged database in its place, if one is waiting; returns where the damaged one is kept. */
export function finishSalvage(folder: string): string | null {
  const found = readdirSync(folder).find((name) => /^spool\.salvaged-.*\.db$/.test(name));
  if (found === undefined) return null;
  const { database } = spoolFiles(folder);
  const keptAs = join(folder, found.replace('salvaged-', 'corrupt-'));
  for (const ending of ['-wal', '-shm', '']) {
    if (existsSync(database + ending)) renameSync(database + ending, keptAs + ending);
  }
  renameSync(join(folder, found), database);
  syncFolder(folder);
  return keptAs;
}

/** The damaged database, or, where SQLite does not even open it, a copy with a first page, or a schema, that it accepts. */
function openDamaged(database: string, copy: string): DatabaseSync {
  try {
    return openToRead(database);
  } catch (error) {
    if (sqliteFault(error) !== 'corrupt') throw error;
  }
  copyFileSync(database, copy);
  if (existsSync(`${database}-wal`)) copyFileSync(`${database}-wal`, `${copy}-wal`);
  const template = `${copy}.template`;
  discard(template);
  prepareFile(template);
  openDatabase(template, 'relaxed').close();
  try {
    let cause: unknown;
    for (const restore of [restoreFirstPage, restoreSchema]) {
      restore(copy, template);
      try {
        return openToRead(copy);
      } catch (error) {
        if (sqliteFault(error) !== 'corrupt') throw error;
        cause = error;
      }
    }
    return nothing(describe(cause));
  } finally {
    discard(template);
  }
}

function openToRead(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 0;');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Nothing can be read at all: an empty database stands in. */
function nothing(cause: string): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  database.exec(`CREATE TABLE unreadable(cause TEXT)`);
  database.prepare('INSERT INTO unreadable VALUES (?)').run(cause);
  return database;
}

function discard(file: string): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
}
