import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../spool/engine.contract.ts';
import { openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import { testHooks } from './hooks.contract.ts';

const notHere = (): Promise<never> => Promise.reject(new Error('not in these tests'));

const embedded: Engine = {
  name: 'embedded',
  fresh: async (clock) => {
    const path = await mkdtemp(join(tmpdir(), 'relevo-hooks-'));
    const spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
    return {
      spool,
      told: async () => [],
      reopened: notHere,
      withCorruptContent: notHere,
      remove: async () => {
        await spool[Symbol.asyncDispose]();
        await rm(path, { recursive: true, force: true });
      },
    };
  },
};

testHooks(embedded);
