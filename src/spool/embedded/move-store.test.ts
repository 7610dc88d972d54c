import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { type MoveEngine, TARGET } from '../../../tests/fakes/movable.ts';
import type { MessageId } from '../../message/ids.ts';
import type { StoredRecord } from '../move.ts';
import { testMove } from '../move.contract.ts';
import { testMoveBeside } from '../move-beside.contract.ts';
import { testMoveSuppressions } from '../move-suppressions.contract.ts';
import { openEmbeddedMoveStore } from './move-store.ts';
import { openEmbeddedSpool } from './spool.ts';

const embedded: MoveEngine = {
  name: 'embedded',
  fresh: async (clock) => {
    const path = await mkdtemp(join(tmpdir(), 'relevo-move-'));
    return {
      spool: () => openEmbeddedSpool({ path, durability: 'relaxed', clock }),
      store: () => openEmbeddedMoveStore({ path, clock, holdWhenInDoubt: () => [] }),
      remove: () => rm(path, { recursive: true, force: true }),
    };
  },
};

testMove(embedded);
testMoveBeside(embedded);
testMoveSuppressions(embedded);

test('a database that is salvaged in the middle of a move keeps its mark, its cursor and what arrived', async () => {
  const path = await mkdtemp(join(tmpdir(), 'relevo-move-'));
  const clock = new FakeClock();
  const open = () => openEmbeddedMoveStore({ path, clock, holdWhenInDoubt: () => [] });
  {
    await using store = await open();
    await store.setMark(TARGET);
    await store.write([{ kind: 'digest', key: 'k', messageId: 'm' as MessageId, untilMs: clock.nowMs() + 9 }], 'here');
  }
  writeFileSync(join(path, 'spool.suspect'), '');
  await using store = await open();
  expect(store.report.salvaged).not.toBeNull();
  expect(await store.mark()).toEqual(TARGET);
  expect(await store.cursor()).toBe('here');
  expect(await store.remove('arrivals')).toBe(1);
  await rm(path, { recursive: true, force: true });
});

test('without enough space nothing is written, and what arrived before stays', async () => {
  const path = await mkdtemp(join(tmpdir(), 'relevo-move-'));
  const clock = new FakeClock();
  const digest = (key: string): StoredRecord => ({ kind: 'digest', key, messageId: 'm' as MessageId, untilMs: 9e12 });
  {
    await using store = await openEmbeddedMoveStore({ path, clock, holdWhenInDoubt: () => [] });
    await store.setMark(TARGET);
    await store.write([digest('one')], 'one');
  }
  await using store = await openEmbeddedMoveStore({ path, clock, holdWhenInDoubt: () => [], floorBytes: 2 ** 60 });
  await expect(store.write([digest('two')], 'two')).rejects.toMatchObject({ kind: 'full' });
  expect(await store.cursor()).toBe('one');
  expect((await store.read(null)).records).toEqual([]);
  expect((await store.read('d')).records).toEqual([digest('one')]);
  await rm(path, { recursive: true, force: true });
});
