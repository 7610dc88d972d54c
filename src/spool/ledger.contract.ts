/** What every engine keeps of `Ledger`. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine } from './engine.contract.ts';
import type { Draw } from './ledger.ts';

const HOUR_MS = 3_600_000;

export function testLedger(engine: Engine): void {
  describe(`${engine.name}: ledger`, () => {
    const fixture = eachWith(engine);
    const draw = (change: Partial<Draw>): Draw => ({
      account: 'client:shop',
      amount: 1,
      limit: 10,
      windowMs: HOUR_MS,
      nowMs: fixture().nowMs,
      ...change,
    });

    test('grants all of an amount or nothing', async () => {
      const { ledger } = fixture().spool;
      const { nowMs } = fixture();
      expect(await ledger.draw(draw({ amount: 6 }))).toEqual({ kind: 'granted', used: 6 });
      expect(await ledger.draw(draw({ amount: 5 }))).toEqual({ kind: 'refused', used: 6, resetsAtMs: nowMs + HOUR_MS });
      expect(await ledger.draw(draw({ amount: 4 }))).toEqual({ kind: 'granted', used: 10 });
      expect(await ledger.draw(draw({ amount: 0 }))).toEqual({ kind: 'granted', used: 10 });
      expect(await ledger.draw(draw({}))).toMatchObject({ kind: 'refused', used: 10 });
    });

    test('never grants more than the limit, however many draw at once', async () => {
      const { ledger } = fixture().spool;
      const results = await Promise.all(Array.from({ length: 50 }, () => ledger.draw(draw({ amount: 3 }))));
      expect(results.filter(({ kind }) => kind === 'granted')).toHaveLength(3);
    });

    test('starts windows at multiples of their length', async () => {
      const { ledger } = fixture().spool;
      const nowMs = 7 * HOUR_MS + 59 * 60_000;
      expect(await ledger.draw(draw({ amount: 10, nowMs }))).toMatchObject({ kind: 'granted' });
      expect(await ledger.draw(draw({ nowMs: 8 * HOUR_MS - 1 }))).toEqual({
        kind: 'refused',
        used: 10,
        resetsAtMs: 8 * HOUR_MS,
      });
      expect(await ledger.draw(draw({ nowMs: 8 * HOUR_MS }))).toEqual({ kind: 'granted', used: 1 });
    });

    test('keeps accounts and windows apart', async () => {
      const { ledger } = fixture().spool;
      await ledger.draw(draw({ amount: 10 }));
      expect(await ledger.draw(draw({ account: 'client:crm' }))).toMatchObject({ kind: 'granted', used: 1 });
      expect(await ledger.draw(draw({ windowMs: 24 * HOUR_MS }))).toMatchObject({ kind: 'granted', used: 1 });
    });

    test('remembers what it granted over a restart', async () => {
      await fixture().spool.ledger.draw(draw({ amount: 9 }));
      fixture().store = await fixture().store.reopened();
      expect(await fixture().spool.ledger.draw(draw({ amount: 2 }))).toMatchObject({ kind: 'refused', used: 9 });
    });

    test('holds the limit when the clock goes back into the window before', async () => {
      const { ledger } = fixture().spool;
      const nowMs = 10 * HOUR_MS;
      await ledger.draw(draw({ amount: 10, nowMs: nowMs - 1 }));
      await ledger.draw(draw({ nowMs }));
      expect(await ledger.draw(draw({ nowMs: nowMs - 1 }))).toMatchObject({ kind: 'refused', used: 10 });
    });
  });
}
