/** What every engine keeps of `Marks`. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine, ODD } from './engine.contract.ts';
import type { Mark, MarkExchange, Marks, MarkStore } from './marks.ts';
import { SpoolError } from './spool.ts';

const KB = 1024;

export function testMarks(engine: Engine): void {
  testTexts(engine);
  testNames(engine);
  testExchanges(engine);
}

const mark = (change: Partial<Mark> = {}): Mark => ({
  name: 'health:smtp-1',
  text: '{"up":true}',
  atMs: 1_000,
  ...change,
});

function testTexts(engine: Engine): void {
  describe(`${engine.name}: marks`, () => {
    const fixture = eachWith(engine);
    const marks = (): Marks => fixture().spool.marks;

    test('are read as they were made', async () => {
      const made = [
        mark({ name: 'a:empty', text: '' }),
        mark({ name: 'a:odd', text: 'é 日 😀 \0 \r\n %s "\'\\', atMs: 1_767_225_600_123.5 }),
        mark({ name: 'a:zero', atMs: 0 }),
        mark({ name: 'b', text: ' begins with a space', atMs: -5 }),
      ];
      await marks().mark(made);
      expect(await marks().marks('')).toEqual(made);
    });

    test('are replaced by what was made later, or at the same time', async () => {
      await marks().mark([mark()]);
      await marks().mark([mark({ text: 'later', atMs: 1_001 })]);
      await marks().mark([mark({ text: 'as late', atMs: 1_001 })]);
      expect(await marks().marks('health:')).toEqual([mark({ text: 'as late', atMs: 1_001 })]);
    });

    test('stay where what comes was made before, and the others of the call are made', async () => {
      await marks().mark([mark({ atMs: 10_000 })]);
      await marks().mark([mark({ name: 'health:smtp-0' }), mark({ text: 'older', atMs: 9_999 })]);
      expect(await marks().marks('health:')).toEqual([mark({ name: 'health:smtp-0' }), mark({ atMs: 10_000 })]);
    });

    test('of one name twice in a call are the later one', async () => {
      await marks().mark([mark({ text: 'new', atMs: 5 }), mark({ text: 'old', atMs: 4 })]);
      expect(await marks().marks('health:')).toEqual([mark({ text: 'new', atMs: 5 })]);
    });

    test('of several processes at once: the last by time stays, whoever was quicker', async () => {
      const { store } = fixture();
      const four = await Promise.all(
        Array.from({ length: 4 }, async () => ((await store.beside?.()) ?? store.spool).marks),
      );
      const made = four.flatMap((each, process) =>
        Array.from({ length: 15 }, (_, n) => 15 * process + n).map((n) =>
          each.mark([mark({ text: String(n), atMs: (n * 37) % 60 }), mark({ name: `health:${n}`, atMs: n })]),
        ),
      );
      await Promise.all(made);
      const found = (await four[0]?.marks('health:')) ?? [];
      expect(found).toHaveLength(61);
      const latest = Array.from({ length: 60 }, (_, n) => n).find((n) => (n * 37) % 60 === 59);
      expect(found.find(({ name }) => name === 'health:smtp-1')).toEqual(mark({ text: String(latest), atMs: 59 }));
    });

    test('are remembered over a restart', async () => {
      await marks().mark([mark()]);
      fixture().store = await fixture().store.reopened();
      expect(await marks().marks('health:')).toEqual([mark()]);
    });

    test('are gone once they are removed, of exactly these names, and can be made again, older than before', async () => {
      await marks().mark([mark(), mark({ name: 'health:smtp-10' }), mark({ name: 'health:smtp-%' })]);
      await marks().unmark(['health:smtp-1', 'health:smtp-%', 'health:none', 'health:*']);
      expect(await marks().marks('health:')).toEqual([mark({ name: 'health:smtp-10' })]);
      await marks().mark([mark({ atMs: 1 })]);
      expect(await marks().marks('health:smtp-1')).toHaveLength(2);
      await marks().unmark([]);
      await marks().mark([]);
      expect(await marks().marks('')).toHaveLength(2);
    });

    test('have 64 KB, and not a byte more: all of the call is refused for good', async () => {
      const longest = mark({ text: 'x'.repeat(64 * KB) });
      await marks().mark([longest]);
      const tooLong = mark({ name: 'health:long', text: `${'x'.repeat(64 * KB - 1)}é` });
      const making = marks().mark([mark({ name: 'health:other' }), tooLong]);
      await expect(making).rejects.toThrow(SpoolError);
      await expect(making).rejects.toMatchObject({ isFinal: true });
      expect(await marks().marks('')).toEqual([longest]);
    });

    test('that cannot be are refused for good', async () => {
      const wrong: (readonly Mark[])[] = [
        [mark({ name: '' })],
        [mark({ name: 'a\0' })],
        [mark({ atMs: Number.NaN })],
        Array.from({ length: 1_001 }, (_, n) => mark({ name: `health:${n}` })),
        Array.from({ length: 200 }, (_, n) => mark({ name: `h:${n}`, text: 'x'.repeat(60 * KB) })),
      ];
      for (const made of wrong) await expect(marks().mark(made)).rejects.toMatchObject({ isFinal: true });
      expect(await marks().marks('')).toEqual([]);
    });
  });
}

function testNames(engine: Engine): void {
  describe(`${engine.name}: marks by how their names begin`, () => {
    const fixture = eachWith(engine);
    const marks = (): Marks => fixture().spool.marks;
    const names = async (prefix: string) => (await marks().marks(prefix)).map(({ name }) => name);

    test('with odd characters in them, and no others', async () => {
      for (const [n, odd] of ODD.entries()) {
        const stem = `h${n}:a`;
        const odds = [`${stem}${odd}`, `${stem}${odd}b`, `${stem}${odd}\u{10ffff}`];
        await marks().mark([...odds, stem, `${stem}xb`, `h${n}:b`, `h${n}`].map((name) => mark({ name })));
        expect(await names(`${stem}${odd}`)).toEqual(odds);
        expect(await names(`${stem}${odd}b`)).toEqual([odds[1]]);
        expect((await names(stem)).toSorted()).toEqual([...odds, stem, `${stem}xb`].toSorted());
      }
    });

    test('at most 10,000 of them, the first by name, however long they are', async () => {
      const all = Array.from({ length: 10_020 }, (_, n) => mark({ name: `h:${String(n).padStart(5, '0')}` }));
      for (let from = 0; from < all.length; from += 1_000) await marks().mark(all.slice(from, from + 1_000));
      const found = await marks().marks('h:');
      expect(found).toEqual(all.slice(0, 10_000));
      expect(await names('h:1001')).toEqual(all.slice(10_010).map(({ name }) => name));
    });

    test('long ones too, all of them', async () => {
      const all = Array.from({ length: 150 }, (_, n) =>
        mark({ name: `h:${String(n).padStart(5, '0')}`, text: `${n}`.padEnd(40 * KB) }),
      );
      await marks().mark(all);
      expect(await marks().marks('h:')).toEqual(all);
    });
  });
}

function testExchanges(engine: Engine): void {
  describe(`${engine.name}: marks that are exchanged`, () => {
    const fixture = eachWith(engine);
    const marks = (): MarkStore => fixture().spool.marks;
    const exchange = (change: Partial<MarkExchange>): Promise<boolean> =>
      marks().exchange({ given: [], made: [], gone: [], ...change });
    const all = async () => (await marks().marks('')).map(({ name, text }) => `${name} ${text}`);

    test('are made and removed in one go while the others are as they were read', async () => {
      await marks().mark([mark({ name: 'a', text: 'one' }), mark({ name: 'b', text: '' }), mark({ name: 'c' })]);
      const given = [
        { name: 'a', text: 'one' },
        { name: 'b', text: '' },
        { name: 'none', text: null },
      ];
      const made = [mark({ name: 'a', text: 'two', atMs: 1 }), mark({ name: 'd', text: ' é \0', atMs: 2.5 })];
      expect(await exchange({ given, made, gone: ['b', 'c', 'never'] })).toBe(true);
      expect(await marks().marks('')).toEqual(made);
      expect(await exchange({ given: [{ name: 'd', text: ' é \0' }], gone: ['d'] })).toBe(true);
      expect(await all()).toEqual(['a two']);
    });

    test('are left as they are where one is not as it was read, with all of the call', async () => {
      await marks().mark([mark({ name: 'a', text: 'one' }), mark({ name: 'c', text: 'three' })]);
      for (const wrong of [
        { name: 'a', text: 'on' },
        { name: 'a', text: 'one ' },
        { name: 'a', text: null },
        { name: 'b', text: '' },
      ]) {
        const given = [{ name: 'c', text: 'three' }, wrong];
        expect(await exchange({ given, made: [mark({ name: 'd' })], gone: ['c'] })).toBe(false);
        expect(await exchange({ given: given.toReversed(), made: [mark({ name: 'c' })] })).toBe(false);
      }
      expect(await all()).toEqual(['a one', 'c three']);
    });

    test('by many at once are exchanged by one at a time: a sum is that of all', async () => {
      const { store } = fixture();
      const four = await Promise.all(
        Array.from({ length: 4 }, async () => ((await store.beside?.()) ?? store.spool).marks),
      );
      await Promise.all(
        four.map(async (each, process) => {
          for (let n = 0; n < 10; n++) {
            for (let isDone = false; !isDone;) {
              const [known] = await each.marks('sum');
              const text = String(Number(known?.text ?? 0) + 10 ** process);
              const given = [{ name: 'sum', text: known?.text ?? null }];
              isDone = await each.exchange({ given, made: [mark({ name: 'sum', text })], gone: [] });
            }
          }
        }),
      );
      expect((await marks().marks('sum'))[0]?.text).toBe('11110');
    });

    test('are durable, and as many as marks can be made at once', async () => {
      const given = Array.from({ length: 1_000 }, (_, n) => ({ name: `given:${n}`, text: null }));
      const made = Array.from({ length: 1_000 }, (_, n) => mark({ name: `h:${String(n).padStart(5, '0')}` }));
      expect(await exchange({ given, made })).toBe(true);
      fixture().store = await fixture().store.reopened();
      expect(await marks().marks('h:')).toEqual(made);
      const names = made.map(({ name }) => name);
      expect(await exchange({ gone: names })).toBe(true);
      expect(await all()).toEqual([]);
      for (const wrong of [
        { gone: [...names, 'more'] },
        { given: [...given, { name: 'more', text: null }] },
        { made: [...made, mark()] },
        { made: [mark({ text: 'x'.repeat(64 * KB + 1) })] },
        { given: [{ name: '', text: null }] },
      ])
        await expect(exchange(wrong)).rejects.toMatchObject({ isFinal: true });
      expect(await all()).toEqual([]);
    });
  });
}
