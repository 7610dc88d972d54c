/** What every engine keeps of `Peek`. */
import { describe, expect, test } from 'vitest';
import { accepted, eachWith, type Engine } from './engine.contract.ts';

export function testPeek(engine: Engine): void {
  describe(`${engine.name}: a look at the queue`, () => {
    const fixture = eachWith(engine);

    test('says how many deliveries a filter names before they are changed, within bounds', async () => {
      for (let n = 0; n < 6; n++) await accepted(fixture(), { to: [`u${n}@one.test`, `u${n}@two.test`] });
      const { spool } = fixture();
      await fixture().claimed();
      const peeked = await spool.peek({ domain: 'one.test' }, { show: 4, looksAt: 10_000 });
      expect(peeked).toMatchObject({ count: 6, busy: 6, isWhole: true });
      expect(peeked.found).toHaveLength(4);
      expect(new Set(peeked.found.map(({ delivery }) => delivery.domain))).toEqual(new Set(['one.test']));
      expect(await spool.peek({ domain: 'none.test' }, { show: 4, looksAt: 10_000 })).toEqual({
        found: [],
        count: 0,
        busy: 0,
        isWhole: true,
      });
      const [first] = peeked.found;
      expect(await spool.peek({ ids: [first!.delivery.id] }, { show: 4, looksAt: 1 })).toMatchObject({
        count: 1,
        isWhole: true,
      });
    });

    test('it stops where it has looked at as many as it may, and says so', async () => {
      for (let n = 0; n < 1_000; n += 100)
        await Promise.all(Array.from({ length: 100 }, () => accepted(fixture(), { to: ['u@one.test'] })));
      const { spool } = fixture();
      const peeked = await spool.peek({ domain: 'one.test' }, { show: 1, looksAt: 300 });
      expect(peeked.isWhole).toBe(false);
      expect(peeked.count).toBeGreaterThanOrEqual(300);
      expect(peeked.count).toBeLessThan(1_000);
      expect(await spool.peek({ state: 'held' }, { show: 1, looksAt: 300 })).toMatchObject({
        count: 0,
        isWhole: false,
      });
      await spool.hold({ domain: 'one.test' }, fixture().nowMs);
      expect(await spool.peek({ state: 'held', client: 'shop' }, { show: 1, looksAt: 5_000 })).toMatchObject({
        count: 1_000,
        isWhole: true,
      });
    });
  });
}
