import { existsSync, rmSync } from 'node:fs';
import { openDatabase, prepareFolder, spoolFiles } from './database.ts';
import { describe } from './group.ts';
import { reap } from './operate.ts';
import { finishSalvage, salvage } from './salvage.ts';
import { sqliteFault } from './sqlite-error.ts';
import { Store } from './store.ts';
import type { OpenReport, OwnerStart, SalvageReport } from './wire.ts';

/**
 * Opens the spool in a folder, made where it is missing. A damaged database is set aside and salvaged; leases of a dead
 * owner are freed.
 * @throws what SQLite throws where even that is impossible: `locked` when another process owns the spool
 */
export function openStore(start: OwnerStart): { readonly store: Store; readonly report: OpenReport } {
  prepareFolder(start.folder);
  const opened = openSound(start);
  const { store } = opened;
  try {
    store.load();
    return { store, report: { reaped: start.reap ? reapAll(store, start.nowMs) : 0, salvaged: opened.salvaged } };
  } catch (error) {
    store.close();
    if (sqliteFault(error) !== 'corrupt' || opened.salvaged !== null) throw error;
    const salvaged = salvage({ ...start, cause: describe(error) });
    const again = new Store(openDatabase(spoolFiles(start.folder).database, start.durability));
    again.load();
    return { store: again, report: { reaped: start.reap ? reapAll(again, start.nowMs) : 0, salvaged } };
  }
}

function openSound(start: OwnerStart): { readonly store: Store; readonly salvaged: SalvageReport | null } {
  const files = spoolFiles(start.folder);
  if (finishSalvage(start.folder) !== null) rmSync(files.suspect, { force: true });
  let salvaged: SalvageReport | null = null;
  if (existsSync(files.suspect)) {
    salvaged = salvage({ ...start, cause: 'it was found damaged while in use' });
    rmSync(files.suspect, { force: true });
  }
  try {
    return { store: new Store(openDatabase(files.database, start.durability)), salvaged };
  } catch (error) {
    if (sqliteFault(error) !== 'corrupt') throw error;
    salvaged = salvage({ ...start, cause: describe(error) });
    return { store: new Store(openDatabase(files.database, start.durability)), salvaged };
  }
}

function reapAll(store: Store, atMs: number): number {
  const steps = reap(store, { beforeMs: null, atMs, reason: 'the relay stopped while it was being tried' });
  for (;;) {
    store.begin();
    const step = steps.next();
    store.commit();
    if (step.done === true) return step.value;
  }
}
