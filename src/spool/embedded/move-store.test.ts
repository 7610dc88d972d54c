import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MoveEngine } from '../../../tests/fakes/movable.ts';
import { testMove } from '../move.contract.ts';
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
