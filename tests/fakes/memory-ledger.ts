import type { Draw, Ledger } from '../../src/spool/ledger.ts';
import { openDatabase } from '../../src/spool/embedded/database.ts';
import { draw } from '../../src/spool/embedded/draw.ts';
import { Store } from '../../src/spool/embedded/store.ts';

/** A ledger in memory: draws alone. */
export function memoryLedger(): Ledger {
  const store = new Store(openDatabase(':memory:', 'relaxed'));
  return {
    draw: async (ask: Draw) => {
      store.begin();
      const drawn = draw(store, ask);
      store.commit();
      return drawn;
    },
  };
}
