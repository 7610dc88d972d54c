/** What every engine keeps of `Suppressions`. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine, ODD } from './engine.contract.ts';
import { SpoolError } from './spool.ts';
import { suppressionAddress, type Suppression, type SuppressionFilter, type Suppressions } from './suppressions.ts';

export function testSuppressions(engine: Engine): void {
  testHolding(engine);
  testPages(engine);
}

/** One that says nothing special. */
export const entry = (change: Partial<Suppression> = {}): Suppression => ({
  address: 'ann@dest.example',
  client: null,
  stream: null,
  reason: 'hard-bounce',
  evidence: '550 5.1.1 no such user',
  source: 'bounce',
  atMs: 1_000,
  untilMs: null,
  ...change,
});

/** Addresses in order. */
export const numbered = (n: number): string => `n${String(n).padStart(5, '0')}@dest.example`;

/** All pages of so many at once. */
async function all(of: Suppressions, filter: SuppressionFilter = {}, limit = 1_000): Promise<readonly Suppression[]> {
  const found: Suppression[] = [];
  for (let after: string | null = null; ;) {
    const page: Awaited<ReturnType<Suppressions['suppressions']>> = await of.suppressions(filter, { limit, after });
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    found.push(...page.entries);
    if (page.next === null) return found;
    after = page.next;
  }
}

function testHolding(engine: Engine): void {
  describe(`${engine.name}: suppressions`, () => {
    const fixture = eachWith(engine);
    const of = (): Suppressions => fixture().spool.suppressions;
    const held = async (change: { client?: string; stream?: string; nowMs?: number; addresses?: string[] } = {}) =>
      of().suppressed({ addresses: ['ann@dest.example'], client: 'shop', stream: 'bulk', nowMs: 5_000, ...change });

    test('are told as they were made, of the addresses that were asked for and no others', async () => {
      const odd = entry({
        address: 'odd@dest.example',
        evidence: 'é 😀 " \\ \r\n \0 %s',
        client: 'shop',
        untilMs: 9e12 + 0.5,
      });
      const made = [entry(), odd, entry({ address: 'bob@dest.example', reason: 'complaint', source: 'hook:ses' })];
      await of().suppress(made);
      expect(await held()).toEqual([entry()]);
      const addresses = [
        'odd@dest.example',
        'ann@dest.example',
        'ann@dest.exampl',
        'nn@dest.example',
        'ann@dest.example',
      ];
      const found = await held({ addresses });
      expect(found.toSorted((a, b) => (a.address < b.address ? -1 : 1))).toEqual([entry(), odd]);
      expect(await held({ addresses: [] })).toEqual([]);
    });

    test.each([
      [null, null, true],
      ['shop', null, true],
      [null, 'bulk', true],
      ['shop', 'bulk', true],
      ['other', null, false],
      ['shop', 'other', false],
      ['other', 'bulk', false],
      ['bulk', 'shop', false],
    ])('of client %s and stream %s: hold for mail of shop and bulk: %s', async (client, stream, isHeld) => {
      await of().suppress([entry({ client, stream })]);
      expect(await held()).toEqual(isHeld ? [entry({ client, stream })] : []);
    });

    test('of one address several hold: the first made by its time is told', async () => {
      await of().suppress([
        entry({ client: 'shop', atMs: 30 }),
        entry({ stream: 'bulk', atMs: 20, reason: 'complaint' }),
        entry({ atMs: 40 }),
        entry({ client: 'other', atMs: 10 }),
        entry({ client: 'shop', stream: 'bulk', atMs: 5, untilMs: 4_000 }),
      ]);
      expect(await held()).toEqual([entry({ stream: 'bulk', atMs: 20, reason: 'complaint' })]);
      expect(await held({ stream: 'x' })).toEqual([entry({ client: 'shop', atMs: 30 })]);
      expect(await held({ nowMs: 3_999 })).toMatchObject([{ atMs: 5 }]);
    });

    test('hold until their end and not at it; without one, for good', async () => {
      await of().suppress([entry({ untilMs: 5_000 }), entry({ address: 'bob@dest.example' })]);
      expect(await held({ nowMs: 4_999 })).toHaveLength(1);
      expect(await held({ nowMs: 5_000 })).toEqual([]);
      expect(await held({ addresses: ['bob@dest.example'], nowMs: Number.MAX_SAFE_INTEGER })).toHaveLength(1);
    });

    test('of an address in whatever case', async () => {
      await of().suppress([entry({ address: 'Ann@DEST.example' })]);
      expect(await held({ addresses: ['aNN@dest.EXAMPLE'] })).toEqual([entry()]);
      expect(await all(of(), { address: 'ANN@dest.example' })).toEqual([entry()]);
      expect(await of().unsuppress([{ address: 'ANN@dest.example', client: null, stream: null }])).toBe(1);
    });

    test('are replaced by what was made later or at the same time, and stay where it was made before', async () => {
      await of().suppress([entry({ untilMs: 9_000 }), entry({ client: 'shop', atMs: 2_000 })]);
      await of().suppress([
        entry({ reason: 'manual', atMs: 1_001 }),
        entry({ client: 'shop', atMs: 1_999, reason: 'manual' }),
      ]);
      await of().suppress([entry({ reason: 'complaint', atMs: 1_001 })]);
      expect(await all(of())).toEqual([
        entry({ reason: 'complaint', atMs: 1_001 }),
        entry({ client: 'shop', atMs: 2_000 }),
      ]);
      expect(await of().sweepSuppressions(10_000)).toBe(0);
    });

    test('taken back are gone, of exactly these keys', async () => {
      await of().suppress([entry(), entry({ client: 'shop' }), entry({ stream: 'shop' })]);
      const gone = [
        entry({ client: 'shop' }),
        entry({ client: 'shop', stream: 'shop' }),
        entry({ address: 'x@y.example' }),
      ];
      expect(await of().unsuppress(gone)).toBe(1);
      expect(await all(of())).toEqual([entry(), entry({ stream: 'shop' })]);
      expect(await of().unsuppress([])).toBe(0);
      await of().suppress([entry({ client: 'shop', atMs: 1 })]);
      expect(await all(of())).toHaveLength(3);
    });

    test('are remembered over a restart', async () => {
      await of().suppress([entry(), entry({ client: 'shop', untilMs: 7 })]);
      fixture().store = await fixture().store.reopened();
      expect(await all(of())).toEqual([entry(), entry({ client: 'shop', untilMs: 7 })]);
      expect(await held()).toEqual([entry()]);
    });

    test('that ended are swept, some at a time, and no others', async () => {
      const ended = Array.from({ length: 700 }, (_, n) => entry({ address: numbered(n), untilMs: 2_000 }));
      await of().suppress([...ended, entry(), entry({ client: 'shop', untilMs: 2_001 })]);
      expect(await of().sweepSuppressions(1_999)).toBe(0);
      expect(await of().sweepSuppressions(2_000)).toBe(500);
      expect(await of().sweepSuppressions(2_000)).toBe(200);
      expect(await of().sweepSuppressions(2_000)).toBe(0);
      expect(await all(of())).toEqual([entry(), entry({ client: 'shop', untilMs: 2_001 })]);
    });

    test('that cannot be are refused for good, and all of the call with them', async () => {
      const wrong: (readonly Suppression[])[] = [
        [entry({ address: '' })],
        [entry({ address: 'a\0b@dest.example' })],
        [entry({ client: '' })],
        [entry({ stream: 'a\0' })],
        [entry({ atMs: Number.NaN })],
        [entry({ untilMs: Number.POSITIVE_INFINITY })],
        [entry({ evidence: 'x'.repeat(1_001) })],
        Array.from({ length: 1_001 }, (_, n) => entry({ address: numbered(n) })),
      ];
      for (const entries of wrong) {
        const making = of().suppress([...entries.slice(0, 1_001), entry({ address: 'with@dest.example' })]);
        await expect(making).rejects.toThrow(SpoolError);
        await expect(making).rejects.toMatchObject({ isFinal: true });
      }
      await expect(held({ addresses: Array.from({ length: 1_001 }, (_, n) => numbered(n)) })).rejects.toMatchObject({
        isFinal: true,
      });
      expect(await all(of())).toEqual([]);
    });
  });
}

function testPages(engine: Engine): void {
  describe(`${engine.name}: suppressions by pages`, () => {
    const fixture = eachWith(engine);
    const of = (): Suppressions => fixture().spool.suppressions;

    test('are all told once, by address, whatever was made or gone meanwhile', async () => {
      const made = Array.from({ length: 150 }, (_, n) =>
        entry({ address: numbered(n), client: n % 3 === 0 ? 'shop' : null }),
      );
      await of().suppress(made.toReversed());
      expect(await all(of(), {}, 7)).toEqual(made);
      const first = await of().suppressions({}, { limit: 50, after: null });
      await of().unsuppress([made[49], made[50]].filter((one) => one !== undefined));
      const rest = await of().suppressions({}, { limit: 1_000, after: first.next });
      expect(rest).toEqual({ entries: made.slice(51), next: null });
    });

    test('by what was asked for', async () => {
      const made = [
        entry({ address: 'a@one.example' }),
        entry({ address: 'a@one.example', client: 'shop' }),
        entry({ address: 'a@one.example', client: 'shop', stream: 'bulk', reason: 'unsubscribe' }),
        entry({ address: 'a@sub.one.example', stream: 'bulk' }),
        entry({ address: 'b@two.example', client: 'shop', reason: 'complaint' }),
      ];
      await of().suppress(made);
      const places = async (filter: SuppressionFilter) =>
        (await all(of(), filter, 2)).map((one) =>
          made.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)),
        );
      expect(await places({ address: 'A@one.example' })).toEqual([0, 1, 2]);
      expect(await places({ address: 'a@one.exampl' })).toEqual([]);
      expect(await places({ domain: 'ONE.example' })).toEqual([0, 1, 2]);
      expect(await places({ client: 'shop' })).toEqual([1, 2, 4]);
      expect(await places({ stream: 'bulk' })).toEqual([2, 3]);
      expect(await places({ reason: 'unsubscribe' })).toEqual([2]);
      expect(await places({ client: 'shop', domain: 'two.example', reason: 'complaint' })).toEqual([4]);
      expect(await places({ client: 'shop', stream: 'none' })).toEqual([]);
    });

    test('with odd characters in their addresses', async () => {
      const made = ODD.map((odd) => entry({ address: suppressionAddress(`x${odd}y@dest.example`) }));
      await of().suppress(made);
      expect((await all(of(), {}, 3)).map(({ address }) => address).toSorted()).toEqual(
        made.map(({ address }) => address).toSorted(),
      );
      for (const one of made) expect(await all(of(), { address: one.address })).toEqual([one]);
    });

    test('of very many that do not fit, a few that do are found', async () => {
      for (let from = 0; from < 6_000; from += 1_000)
        await of().suppress(Array.from({ length: 1_000 }, (_, n) => entry({ address: numbered(from + n) })));
      const rare = [
        entry({ address: numbered(17), client: 'rare' }),
        entry({ address: numbered(5_990), client: 'rare' }),
      ];
      await of().suppress(rare);
      expect(await all(of(), { client: 'rare' }, 10)).toEqual(rare);
      expect(await all(of(), { client: 'rare' }, 1)).toEqual(rare);
    });
  });
}
