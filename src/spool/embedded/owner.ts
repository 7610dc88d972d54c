/** The thread that owns the spool's database: started by `openEmbeddedSpool`, never imported. */
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { collectGarbage, Rest } from '../memory-at-rest.ts';
import type { SpoolTrouble } from '../spool.ts';
import { returnAllBlocks } from './block.ts';
import { spoolFiles } from './database.ts';
import { openStore } from './open.ts';
import { Owner } from './serve.ts';
import { Space } from './space.ts';
import { describe, sqliteFault } from './sqlite-error.ts';
import { Upkeep } from './upkeep.ts';
import type { OwnerNews, OwnerOrder, OwnerStart } from './wire.ts';

/** Where the log is checkpointed under load: measured, docs/decisions/0001. */
const WAL_BYTES = 4 * 1024 * 1024;
/** Nobody asked for so long: time for what would hold others up. */
const IDLE_MS = 100;
const LOOK_MS = 1_000;
/** Between two steps when one is not enough. */
const PAUSE_MS = 10;

const start = workerData as OwnerStart;
// architecture: a thread has no injected clock; this one only measures durations, and no promise of the spool hangs on it.
const monotonicMs = (): number => performance.now();

function news(message: OwnerNews): void {
  parentPort?.postMessage(message);
}

function refused(error: unknown): OwnerNews {
  const fault = sqliteFault(error);
  const trouble: SpoolTrouble = fault === 'locked' ? 'in-use' : fault === 'full' ? 'full' : 'unavailable';
  const message = trouble === 'in-use' ? `another process uses the spool in ${start.folder}` : describe(error);
  return { kind: 'refused', trouble, message };
}

function run(): void {
  const { store, report } = openStore(start, (events) => news({ kind: 'events', events }));
  if (!start.restart) {
    store.begin();
    returnAllBlocks(store);
    store.commit();
  }
  const { wal, reserve, suspect } = spoolFiles(start.folder);
  const space = new Space({ ...start, wal, reserve, walBytes: WAL_BYTES, nowMs: monotonicMs });
  const upkeep = new Upkeep(store, space.walBytes);
  // The first look makes the reserve: not while somebody waits for an answer.
  space.refusal(() => upkeep.freeBytes());
  const owner = new Owner({
    store,
    space,
    upkeep,
    nowMs: monotonicMs,
    onCorrupt: (cause) => {
      // The next start, which follows at once, finds this and salvages.
      closeSync(openSync(suspect, 'a', 0o600));
      throw new Error(`the database is damaged: ${cause}`);
    },
  });
  const rest = new Rest({
    collect: () => {
      // Pages that the database keeps in memory; the system has them too.
      store.exec('PRAGMA shrink_memory');
      collectGarbage();
    },
  });
  const look = (): void => {
    owner.look();
    const more = upkeep.step({ idle: monotonicMs() - owner.lastAskedMs >= IDLE_MS });
    if (!more) rest.look();
    // architecture: a thread has no injected clock, and no promise of the spool hangs on this timer.
    looking = setTimeout(look, more ? PAUSE_MS : LOOK_MS);
  };
  let looking = setTimeout(look, LOOK_MS); // architecture: as above, a thread has no injected clock
  parentPort?.on('message', (order: OwnerOrder) => {
    if (order.kind === 'port') {
      owner.addPort(order.port);
      return;
    }
    clearTimeout(looking);
    owner.close();
    upkeep.close();
    store.close();
    news({ kind: 'closed' });
    parentPort?.close();
  });
  news({ kind: 'opened', report });
}

try {
  run();
} catch (error) {
  news(refused(error));
  parentPort?.close();
}
