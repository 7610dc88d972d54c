import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MIGRATIONS } from './schema.ts';

/** The files of an embedded spool in its folder. */
export function spoolFiles(folder: string): {
  readonly database: string;
  readonly wal: string;
  readonly reserve: string;
  readonly suspect: string;
} {
  return {
    database: join(folder, 'spool.db'),
    wal: join(folder, 'spool.db-wal'),
    /** Space that is given up so that settling goes on when the disk is full. */
    reserve: join(folder, 'reserve'),
    /** Says that the database was found damaged while in use: the next start salvages it. */
    suspect: join(folder, 'spool.suspect'),
  };
}

/**
 * Makes the folder (0700) and those above it, durably, where they are missing.
 * @throws Node's system error where it cannot be made
 */
export function prepareFolder(folder: string): void {
  // Not `recursive`: under /proc, where nothing can be made, Node looks for the missing parent for ever.
  if (isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) prepareFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have been quicker.
    if (!isFolder(folder)) throw error;
    return;
  }
  chmodSync(folder, 0o700);
  syncFolder(parent);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Makes an empty file (0600), durably, where there is none. */
export function prepareFile(file: string): void {
  // Never open and close a database that exists: POSIX would drop the locks that this process holds on it.
  if (existsSync(file)) return;
  closeSync(openSync(file, 'wx', 0o600));
  syncFolder(dirname(file));
}

/** Makes names that were just made or changed in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens the database and takes it for this connection alone, until it is closed or the process dies.
 * @throws what SQLite throws; see `sqliteFault`
 */
export function openDatabase(file: string, durability: 'fsync' | 'relaxed'): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA page_size = 4096;
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === 'fsync' ? 'FULL' : 'NORMAL'};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
      PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;
      PRAGMA cell_size_check = ON;
      BEGIN IMMEDIATE;
      COMMIT;
    `);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Larger than the log ever should be: a log that outgrew it, behind a large message, is cut back. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (version > MIGRATIONS.length) {
    throw new Error(
      `the spool was written by a newer relevo (its version is ${version}, known is ${MIGRATIONS.length})`,
    );
  }
  for (const [done, sql] of MIGRATIONS.entries()) {
    if (done < version) continue;
    database.exec(`BEGIN; ${sql} PRAGMA user_version = ${done + 1}; COMMIT;`);
  }
}
