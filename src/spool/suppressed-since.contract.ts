/** What every engine keeps of suppressions for those who follow what is made. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine } from './engine.contract.ts';
import type { Suppressions } from './suppressions.ts';
import { entry, numbered } from './suppressions.contract.ts';

export function testSuppressedSince(engine: Engine): void {
  describe(`${engine.name}: suppressions since a number`, () => {
    const fixture = eachWith(engine);
    const of = (): Suppressions => fixture().spool.suppressions;

    test('are all told, some at a time, and then nothing', async () => {
      expect(await of().suppressedSince(0, 10)).toEqual({ addresses: [], upTo: 0 });
      await of().suppress(Array.from({ length: 25 }, (_, n) => entry({ address: numbered(n) })));
      const found: string[] = [];
      let since = 0;
      for (let calls = 0; calls < 3; calls++) {
        const { addresses, upTo } = await of().suppressedSince(since, 10);
        expect(upTo).toBeGreaterThan(since);
        found.push(...addresses);
        since = upTo;
      }
      expect(found.toSorted()).toEqual(Array.from({ length: 25 }, (_, n) => numbered(n)));
      expect(await of().suppressedSince(since, 10)).toEqual({ addresses: [], upTo: since });
    });

    test('tell what is made, replaced, or made again after the last was taken back', async () => {
      await of().suppress([entry(), entry({ address: 'bob@dest.example' })]);
      let { upTo } = await of().suppressedSince(0, 10);
      const news = async () => {
        const found = await of().suppressedSince(upTo, 10);
        ({ upTo } = found);
        return found.addresses;
      };
      await of().suppress([entry({ untilMs: 5 })]);
      expect(await news()).toEqual(['ann@dest.example']);
      await of().suppress([entry({ atMs: 1 })]);
      expect(await news()).toEqual([]);
      await of().unsuppress([entry(), entry({ address: 'bob@dest.example' })]);
      await of().suppress([entry({ address: 'cat@dest.example' })]);
      expect(await news()).toEqual(['cat@dest.example']);
      fixture().store = await fixture().store.reopened();
      await of().unsuppress([entry({ address: 'cat@dest.example' })]);
      await of().suppress([entry({ address: 'dan@dest.example' })]);
      expect(await news()).toEqual(['dan@dest.example']);
    });

    test('a number that was never given counts as none', async () => {
      await of().suppress([entry()]);
      expect((await of().suppressedSince(Number.MAX_SAFE_INTEGER, 10)).addresses).toEqual(['ann@dest.example']);
    });

    test('miss none of several processes that write at once', async () => {
      const { store } = fixture();
      const writers = await Promise.all(
        Array.from({ length: 3 }, async () => ((await store.beside?.()) ?? store.spool).suppressions),
      );
      let writing = true;
      const seen = new Set<string>();
      let since = 0;
      const look = async () => {
        const { addresses, upTo } = await of().suppressedSince(since, 7);
        for (const one of addresses) seen.add(one);
        const isNew = upTo !== since;
        since = upTo;
        return isNew;
      };
      const reading = (async () => {
        while (writing) await look();
        while (await look());
      })();
      await Promise.all(
        writers.flatMap((writer, who) =>
          Array.from({ length: 60 }, (_, n) =>
            writer.suppress([
              entry({ address: numbered(1_000 * who + n) }),
              entry({ address: numbered(9_000), atMs: n }),
            ]),
          ),
        ),
      );
      writing = false;
      await reading;
      expect(seen.size).toBe(181);
    });
  });
}
