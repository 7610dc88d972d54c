import { existsSync, rmSync } from 'node:fs';
import type { MessageEvent } from '../../message/event.ts';
import { openDatabase, prepareFile, prepareFolder, spoolFiles } from './database.ts';
import { refuseWhileMoved } from './move-mark.ts';
import { reap } from './operate.ts';
import { finishSalvage, salvage } from './salvage.ts';
import { describe, sqliteFault } from './sqlite-error.ts';
import { Store } from './store.ts';
import type { OpenReport, OwnerStart, SalvageReport } from './wire.ts';

type OnEvents = (events: readonly MessageEvent[]) => void;

type Opened = { readonly store: Store; readonly report: OpenReport };

/**
 * Opens the spool in a folder, made where it is missing. A damaged database is set aside and salvaged; leases of a dead
 * owner are freed.
 * @throws what SQLite throws where even that is impossible: `locked` when another process owns the spool
 */
export function openStore(start: OwnerStart, onEvents: OnEvents): Opened {
  const files = spoolFiles(start.folder);
  if (!start.restart) prepareFolder(start.folder);
  else if (!existsSync(start.folder)) throw gone(start);
  if (finishSalvage(start.folder) !== null) rmSync(files.suspect, { force: true });
  if (!start.restart) prepareFile(files.database);
  else if (!existsSync(files.database)) throw gone(start);
  let salvaged: SalvageReport | null = null;
  if (existsSync(files.suspect)) {
    salvaged = salvage({ ...start, cause: 'it was found damaged while in use', onEvents });
    rmSync(files.suspect, { force: true });
  }
  for (;;) {
    try {
      return openOnce(start, salvaged, onEvents);
    } catch (error) {
      if (sqliteFault(error) !== 'corrupt' || salvaged !== null) throw error;
      salvaged = salvage({ ...start, cause: describe(error), onEvents });
    }
  }
}

function gone(start: OwnerStart): Error {
  return new Error(`the spool is gone from ${start.folder}`);
}

function openOnce(start: OwnerStart, salvaged: SalvageReport | null, onEvents: OnEvents): Opened {
  const store = new Store(openDatabase(spoolFiles(start.folder).database, start.durability), onEvents);
  try {
    store.load();
    if (start.forMove !== true) refuseWhileMoved(store, start.folder);
    return { store, report: { reaped: reapDead(store, start), salvaged } };
  } catch (error) {
    store.close();
    throw error;
  }
}

function reapDead(store: Store, start: OwnerStart): number {
  if (start.restart) return 0;
  const reason = 'the relay stopped while it was being tried';
  const steps = reap(store, { beforeMs: null, atMs: start.nowMs, reason, hold: start.hold });
  for (;;) {
    store.begin();
    const step = steps.next();
    store.commit();
    if (step.done === true) return step.value;
  }
}
