import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import type { FakeClock } from '../../../tests/fakes/clock.ts';
import { PRIORITIES } from '../../message/message.ts';
import { testConservation, type OpenedEngine } from '../property.contract.ts';
import { openEmbeddedSpool } from './spool.ts';

testConservation('embedded', async (clock) => open(await mkdtemp(join(tmpdir(), 'relevo-property-')), clock));

async function open(path: string, clock: FakeClock): Promise<OpenedEngine> {
  return {
    spool: await openEmbeddedSpool({ path, durability: 'relaxed', clock }),
    reopened: () => open(path, clock),
    agree: () => Promise.resolve(agree(path)),
    remove: () => rm(path, { recursive: true }),
  };
}

/** Lanes and counters are what the rows say. */
function agree(path: string): void {
  const database = new DatabaseSync(join(path, 'spool.db'));
  const all = (sql: string): unknown[] => database.prepare(sql).all();
  const ready = 'FROM delivery WHERE state = 0 AND lease_until IS NULL';
  expect(all('SELECT domain, priority, next_due FROM lane ORDER BY 1, 2')).toEqual(
    all(`SELECT domain, priority, min(due_at) AS next_due ${ready} GROUP BY 1, 2 ORDER BY 1, 2`),
  );
  const tally = (name: string): unknown =>
    (all(`SELECT count FROM tally WHERE name = '${name}'`)[0] as { count: number } | undefined)?.count ?? 0;
  const sum = (sql: string): unknown => (all(sql)[0] as { n: number | null }).n ?? 0;
  expect(tally('messages')).toBe(sum('SELECT count(*) AS n FROM message WHERE finished_at IS NULL'));
  expect(tally('deliveries')).toBe(sum('SELECT count(*) AS n FROM delivery'));
  expect(tally('leased')).toBe(sum('SELECT count(*) AS n FROM delivery WHERE lease_until IS NOT NULL'));
  expect(tally('contentBytes')).toBe(sum('SELECT sum(length(bytes)) AS n FROM content'));
  for (const [number, name] of ['queued', 'held', 'quarantined'].entries()) {
    expect(tally(name)).toBe(sum(`SELECT count(*) AS n FROM delivery WHERE state = ${number}`));
  }
  for (const [number, name] of PRIORITIES.entries()) {
    expect(tally(name)).toBe(sum(`SELECT count(*) AS n FROM delivery WHERE priority = ${number}`));
  }
  expect(
    all('SELECT seq FROM message m WHERE open <> (SELECT count(*) FROM delivery d WHERE d.message = m.seq)'),
  ).toEqual([]);
  expect(all('SELECT seq FROM message WHERE (open = 0) <> (finished_at IS NOT NULL)')).toEqual([]);
  expect(all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  database.close();
}
