import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { MessageId } from '../../message/ids.ts';
import { accept } from './accept.ts';
import { openStore } from './open.ts';
import { endDelivery } from './queue.ts';
import { DELIVERY_COLUMNS, type DeliveryRow } from './rows.ts';
import type { Store } from './store.ts';

const MINUTE_MS = 60_000;
const NOW_MS = new FakeClock().nowMs();

let folder: string;
let store: Store;
let made = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-census-'));
  store = openAgain();
});

afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

function openAgain(): Store {
  const of = { folder, durability: 'relaxed', restart: false, nowMs: NOW_MS, hold: [], floorBytes: null } as const;
  return openStore(of, () => undefined).store;
}

/** One message to each of the domains. */
function take(domains: readonly string[], receivedAtMs: number): void {
  const id = String(made++).padStart(26, '0') as MessageId;
  const due = { dueAtMs: receivedAtMs, leaseUntilMs: null, recipients: '[{"address":"ann@one.test"}]' };
  accept(store, {
    id,
    sender: '',
    client: 'shop',
    priority: 1,
    receivedAtMs,
    sizeBytes: 1,
    meta: '{}',
    dedupe: null,
    endsMail: false,
    deliveries: domains.map((domain) => ({ ...due, domain })),
    content: Buffer.from('x'),
    event: { kind: 'received', atMs: receivedAtMs, body: '{}' },
  });
}

function finish(where: string): void {
  const rows = store.all<DeliveryRow>(
    `SELECT ${DELIVERY_COLUMNS} FROM delivery d JOIN message m ON m.seq = d.message WHERE ${where}`,
  );
  for (const row of rows) endDelivery(store, row, NOW_MS);
}

function change(what: () => void): void {
  store.begin();
  what();
  store.commit();
}

function counted(): Record<string, number> {
  while (!store.census.isWhole) store.census.extend(store);
  return Object.fromEntries(
    store.census.rows({ nowMs: NOW_MS, agesMs: [] }).map(({ domain, total }) => [domain, total]),
  );
}

test('mail that comes and goes while the queue is being counted is counted once', () => {
  change(() => {
    for (let at = 0; at < 1_500; at++) take(['one.test', 'two.test'], NOW_MS);
  });
  store.close();
  store = openAgain();
  store.census.extend(store);
  expect(store.census.isWhole).toBe(false);
  // Counted already, not yet counted, and new; the place where the counting stands is inside message 500.
  change(() => finish("m.seq = 3 OR m.seq = 1400 OR (m.seq = 500 AND d.domain = 'two.test')"));
  change(() => take(['one.test'], NOW_MS));
  expect(counted()).toEqual({ 'one.test': 1_499, 'two.test': 1_497 });
  change(() => finish("d.domain = 'two.test'"));
  expect(counted()).toEqual({ 'one.test': 1_499 });
});

test('what is undone was never counted', () => {
  expect(counted()).toEqual({});
  store.begin();
  take(['one.test'], NOW_MS);
  store.rollback();
  store.begin();
  expect(() =>
    store.guarded(() => {
      take(['two.test'], NOW_MS);
      throw new Error('not this one');
    }),
  ).toThrow('not this one');
  take(['three.test'], NOW_MS);
  store.commit();
  expect(counted()).toEqual({ 'three.test': 1 });
});

test('ages are told apart, and the oldest have a column of their own', () => {
  change(() => {
    for (const minutes of [0, 4, 5, 9, 11, 600]) take(['one.test'], NOW_MS - minutes * MINUTE_MS);
  });
  counted();
  const agesMs = [5 * MINUTE_MS, 10 * MINUTE_MS];
  expect(store.census.rows({ nowMs: NOW_MS, agesMs })).toEqual([{ domain: 'one.test', total: 6, byAge: [2, 2, 2] }]);
});

test('a queue over very many times is told less finely, and every delivery still counts', () => {
  counted();
  for (let at = 0; at < 60_000; at++) {
    const of = { message: at, ordinal: 1, domain: 'one.test', createdAtMs: NOW_MS - at * 10_000, by: 1 } as const;
    store.census.note(of);
  }
  store.census.commit();
  const agesMs = [1_000 * MINUTE_MS];
  const [row] = store.census.rows({ nowMs: NOW_MS, agesMs });
  expect(row?.total).toBe(60_000);
  expect(Math.abs((row?.byAge[0] ?? 0) - 6_000)).toBeLessThanOrEqual(2);
  for (let at = 0; at < 60_000; at++) {
    store.census.note({ message: at, ordinal: 1, domain: 'one.test', createdAtMs: NOW_MS - at * 10_000, by: -1 });
  }
  store.census.commit();
  expect(store.census.rows({ nowMs: NOW_MS, agesMs })).toEqual([]);
});
