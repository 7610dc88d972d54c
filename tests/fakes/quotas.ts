/** The quotas of a store in memory, whose answers take as long as the test says. */
import type { Quotas } from '../../src/spool/ledger.ts';
import { returnBlock, spend, takeBlock, takeSlot } from '../../src/spool/embedded/block.ts';
import { openDatabase } from '../../src/spool/embedded/database.ts';
import { Store } from '../../src/spool/embedded/store.ts';
import type { FakeClock } from './clock.ts';

export type FakeQuotas = Quotas & {
  /** Of each answer, after the store did what was asked; asked anew for each. */
  latencyMs: () => number;
  /** Rejects what is asked from now on, and does it all the same where `done`. */
  failing: 'no' | 'undone' | 'done';
};

export function fakeQuotas(clock: FakeClock): FakeQuotas {
  const store = new Store(openDatabase(':memory:', 'relaxed'));
  const answering = async <Ask, Answer>(work: (store: Store, ask: Ask) => Answer, ask: Ask): Promise<Answer> => {
    const { failing } = quotas;
    if (failing === 'undone') throw new Error('the store is away');
    store.begin();
    const answer = work(store, ask);
    store.commit();
    const latencyMs = quotas.latencyMs();
    if (latencyMs > 0) await clock.sleep(latencyMs);
    if (failing === 'done') throw new Error('the answer was lost');
    return answer;
  };
  const quotas: FakeQuotas = {
    latencyMs: () => 0,
    failing: 'no',
    takeBlock: (ask) => answering(takeBlock, ask),
    spend: (ask) => answering(spend, ask),
    returnBlock: async (ask) => void (await answering(returnBlock, ask)),
    takeSlot: (ask) => answering(takeSlot, ask),
  };
  return quotas;
}
