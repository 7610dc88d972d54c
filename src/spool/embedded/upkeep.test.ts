import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { accept } from './accept.ts';
import { openDatabase } from './database.ts';
import { count } from './figures.ts';
import { endDelivery } from './queue.ts';
import { deliveriesOf } from './find.ts';
import { acceptAsk } from './port-spool.ts';
import { Store } from './store.ts';
import { CIRCLE_KEPT_MS, takeTurns } from './turn.ts';
import { Upkeep } from './upkeep.ts';

const MB = 1024 * 1024;
const AT_MS = Date.UTC(2026, 0, 1);
let folder = '';
let file = '';
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-upkeep-'));
  file = join(folder, 'spool.db');
  store = new Store(openDatabase(file, 'relaxed'));
  store.load();
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

function inTransaction(change: () => void): void {
  store.begin();
  change();
  store.commit();
}

function acceptOne(options: { readonly bytes: number; readonly atMs?: number; readonly key?: string }): void {
  const atMs = options.atMs ?? AT_MS;
  const dedupe = options.key === undefined ? null : { key: options.key, windowMs: 1_000 };
  inTransaction(() => accept(store, acceptAsk(aSubmission({ atMs, content: Buffer.alloc(options.bytes), dedupe }))));
}

function tidied(upkeep: Upkeep): void {
  while (upkeep.step({ idle: true })) {
    // One bounded step after the other.
  }
}

test('the log is checkpointed at its limit, under load too, and does not grow on', () => {
  const upkeep = new Upkeep(store, 2 * MB);
  for (let n = 0; n < 100; n++) {
    acceptOne({ bytes: 100_000 });
    upkeep.afterGroup();
  }
  expect(statSync(file).size).toBeGreaterThan(7 * MB);
  expect(statSync(`${file}-wal`).size).toBeLessThan(3 * MB);
});

test('what was delivered gives its space back to the disk, bit by bit', () => {
  const upkeep = new Upkeep(store, 4 * MB);
  for (let n = 0; n < 60; n++) acceptOne({ bytes: MB });
  tidied(upkeep);
  expect(statSync(file).size).toBeGreaterThan(60 * MB);
  inTransaction(() => {
    for (let message = 1; message <= 60; message++)
      for (const row of deliveriesOf(store, message)) endDelivery(store, row, AT_MS);
  });
  tidied(upkeep);
  expect(statSync(file).size).toBeLessThan(20 * MB);
  expect(upkeep.freeBytes()).toBeLessThan(17 * MB);
});

test('keys of resends are forgotten once their window is over', () => {
  const upkeep = new Upkeep(store, 4 * MB);
  for (let n = 0; n < 1_200; n++) acceptOne({ bytes: 10, key: `old-${n}` });
  acceptOne({ bytes: 10, atMs: AT_MS + 1_001, key: 'new' });
  tidied(upkeep);
  expect(store.all('SELECT key FROM dedupe')).toEqual([{ key: 'new' }]);
});

test('a clock that jumped ahead and back does not make it forget fresh keys', () => {
  const upkeep = new Upkeep(store, 4 * MB);
  acceptOne({ bytes: 10, atMs: AT_MS + 30 * 86_400_000, key: 'ahead' });
  acceptOne({ bytes: 10, atMs: AT_MS, key: 'fresh' });
  tidied(upkeep);
  expect(store.all('SELECT key FROM dedupe ORDER BY key')).toEqual([{ key: 'ahead' }, { key: 'fresh' }]);
});

test('figures are forgotten once their time is over, and circles that nobody asks for', () => {
  const upkeep = new Upkeep(store, 4 * MB);
  const figure = (n: number, keepUntilMs: number) => ({ account: 'sent', startsAtMs: n, amount: 1, keepUntilMs });
  const turn = (account: string, nowMs: number) =>
    inTransaction(() => void takeTurns(store, { account, places: 1, open: [0], count: 1, nowMs }));
  const tallies = Array.from({ length: 1_200 }, (_, n) => figure(n, AT_MS + 1_000));
  inTransaction(() => count(store, { tallies: [...tallies, figure(5_000, AT_MS + 1_001)], nowMs: AT_MS }));
  turn('old', AT_MS + 1_000 - CIRCLE_KEPT_MS);
  turn('new', AT_MS + 1_001 - CIRCLE_KEPT_MS);
  tidied(upkeep);
  expect(store.all('SELECT count(*) AS left FROM figure')).toEqual([{ left: 1_201 }]);
  inTransaction(() => count(store, { tallies: [], nowMs: AT_MS + 1_001 }));
  tidied(upkeep);
  expect(store.all('SELECT starts_at AS n FROM figure')).toEqual([{ n: 5_000 }]);
  expect(store.all('SELECT account FROM turn')).toEqual([{ account: 'new' }]);
});
