/** What every engine keeps of `Tallies` and `Circles`. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine, type Fixture, ODD } from './engine.contract.ts';
import { SpoolError } from './spool.ts';
import type { Accounts, Tally, TakeTurns } from './tallies.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function testTallies(engine: Engine): void {
  testSums(engine);
  testForgetting(engine);
  testCircles(engine);
}

/** As many processes. */
async function several({ store }: Fixture, count: number): Promise<Accounts[]> {
  return Promise.all(Array.from({ length: count }, async () => ((await store.beside?.()) ?? store.spool).ledger));
}

/** One towards `sent:ip-1`, in the hour that has `nowMs` in it, kept for a day. */
function one(nowMs: number, change: Partial<Tally> = {}): Tally {
  const startsAtMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  return { account: 'sent:ip-1', startsAtMs, amount: 1, keepUntilMs: nowMs + DAY_MS, ...change };
}

function testSums(engine: Engine): void {
  describe(`${engine.name}: figures that are added to`, () => {
    const fixture = eachWith(engine);
    const ledger = (): Accounts => fixture().spool.ledger;
    const tally = (change: Partial<Tally> = {}): Tally => one(fixture().nowMs, change);
    const names = async (prefix: string) => (await ledger().counts(prefix, 0)).map(({ account }) => account);

    test('are summed by account and stretch, and a repeat counts again', async () => {
      const { startsAtMs } = tally();
      await ledger().count([tally(), tally({ amount: 4 }), tally({ startsAtMs: startsAtMs - HOUR_MS })]);
      await ledger().count([tally({ account: 'sent:ip-2', amount: 0 }), tally({ account: 'sent:ip-10', amount: 7 })]);
      await ledger().count([tally()]);
      expect(await ledger().counts('sent:', 0)).toEqual([
        { account: 'sent:ip-1', startsAtMs: startsAtMs - HOUR_MS, amount: 1 },
        { account: 'sent:ip-1', startsAtMs, amount: 6 },
        { account: 'sent:ip-10', startsAtMs, amount: 7 },
        { account: 'sent:ip-2', startsAtMs, amount: 0 },
      ]);
    });

    test('are read from a time on, of accounts that begin so', async () => {
      const { startsAtMs } = tally();
      await ledger().count([
        tally({ startsAtMs: startsAtMs - HOUR_MS }),
        tally(),
        tally({ account: 'sent:ip-2', startsAtMs: startsAtMs - HOUR_MS }),
        tally({ account: 'bounced:ip-1' }),
        tally({ account: 'sen' }),
        tally({ account: 'sent;' }),
      ]);
      expect(await ledger().counts('sent:', startsAtMs)).toEqual([{ account: 'sent:ip-1', startsAtMs, amount: 1 }]);
      expect(await ledger().counts('sent:', startsAtMs + 1)).toEqual([]);
      expect(await names('sent:ip-2')).toEqual(['sent:ip-2']);
      expect(await names('nothing')).toEqual([]);
      expect(await names('')).toEqual(['bounced:ip-1', 'sen', 'sent:ip-1', 'sent:ip-1', 'sent:ip-2', 'sent;']);
    });

    test('are found by names with odd characters in them, and others are not', async () => {
      for (const [n, odd] of ODD.entries()) {
        const [stem, account] = [`sent${n}:a`, `sent${n}:a${odd}b`];
        await ledger().count([account, `${stem}xb`, stem, `${stem}xyb`].map((name) => tally({ account: name })));
        expect(await names(`${stem}${odd}`)).toEqual([account]);
        expect(await names(account)).toEqual([account]);
        expect(await names(`${stem}${odd}${odd}`)).toEqual([]);
        expect((await names(stem)).toSorted()).toEqual([account, `${stem}xb`, stem, `${stem}xyb`].toSorted());
      }
    });

    test('of four processes that add at once are exact', async () => {
      const four = await several(fixture(), 4);
      const adding = four.flatMap((each) =>
        Array.from({ length: 25 }, (_, n) =>
          each.count([tally({ amount: n }), tally({ account: 'sent:ip-2' }), tally({ account: 'sent:ip-2' })]),
        ),
      );
      await Promise.all(adding);
      const { startsAtMs } = tally();
      expect(await four[3]?.counts('sent:', 0)).toEqual([
        { account: 'sent:ip-1', startsAtMs, amount: 4 * 300 },
        { account: 'sent:ip-2', startsAtMs, amount: 200 },
      ]);
    });

    test('are remembered over a restart', async () => {
      await ledger().count([tally({ amount: 5 })]);
      fixture().store = await fixture().store.reopened();
      await ledger().count([tally()]);
      expect(await ledger().counts('sent:', 0)).toEqual([
        { account: 'sent:ip-1', startsAtMs: tally().startsAtMs, amount: 6 },
      ]);
    });

    test('are all read, however many there are, in order', async () => {
      const { startsAtMs } = tally();
      const accounts = Array.from({ length: 640 }, (_, n) => `sent:ip-${String(n).padStart(4, '0')}`);
      const long = Array.from({ length: 2_300 }, (_, n) =>
        tally({ account: 'sent:ip-0300', startsAtMs: startsAtMs - n, amount: n }),
      );
      await ledger().count([...accounts.map((account) => tally({ account })), ...long]);
      await ledger().count([tally({ account: 'sent' }), tally({ account: 'sent;' })]);
      const found = await ledger().counts('sent:', 0);
      expect(found.filter(({ account }) => account !== 'sent:ip-0300').map(({ account }) => account)).toEqual(
        accounts.filter((account) => account !== 'sent:ip-0300'),
      );
      const ofOne = found.filter(({ account }) => account === 'sent:ip-0300');
      expect(ofOne.map((each) => each.startsAtMs)).toEqual(long.map((each) => each.startsAtMs).toReversed());
      expect(await ledger().counts('sent:ip-0300', 0)).toEqual(ofOne);
      expect(ofOne.reduce((sum, each) => sum + each.amount, 0)).toBe((2_299 * 2_300) / 2 + 1);
    });

    test('that cannot be are refused for good, and all of the call with them', async () => {
      const wrong: Partial<Tally>[] = [
        { amount: 0.5 },
        { amount: Number.NaN },
        { startsAtMs: 0.5 },
        { keepUntilMs: Number.NaN },
        { account: '' },
        { account: 'a\0b' },
        { account: 'a\ud800' },
        { account: 'a'.repeat(1_001) },
      ];
      for (const change of wrong) {
        const counting = ledger().count([tally(), tally(change)]);
        await expect(counting, JSON.stringify(change)).rejects.toThrow(SpoolError);
        await expect(counting).rejects.toMatchObject({ isFinal: true });
      }
      expect(await ledger().counts('', 0)).toEqual([]);
    });

    test('of a store that is closed are refused, and so is everything beside the mail', async () => {
      const { spool } = fixture();
      await spool[Symbol.asyncDispose]();
      const circle = { account: 'pool:main', places: 1, open: [0], count: 1 };
      const calls = [
        spool.ledger.count([tally()]),
        spool.ledger.counts('', 0),
        spool.ledger.takeTurns(circle),
        spool.marks.marks(''),
        spool.marks.mark([{ name: 'health:a', text: '', atMs: 0 }]),
        spool.marks.unmark(['health:a']),
      ];
      for (const result of await Promise.allSettled(calls))
        expect(result).toMatchObject({ status: 'rejected', reason: { name: 'SpoolError', isFinal: false } });
    });

    test('may be none', async () => {
      await ledger().count([]);
      expect(await ledger().counts('', 0)).toEqual([]);
    });
  });
}

function testForgetting(engine: Engine): void {
  describe(`${engine.name}: figures whose time is over`, () => {
    const fixture = eachWith(engine);
    const ledger = (): Accounts => fixture().spool.ledger;
    const tally = (change: Partial<Tally> = {}): Tally => one(fixture().nowMs, change);

    test('are forgotten, the others are not', async () => {
      const { startsAtMs } = tally();
      await ledger().count([
        tally({ keepUntilMs: fixture().nowMs + HOUR_MS }),
        tally({ startsAtMs: startsAtMs - HOUR_MS, keepUntilMs: fixture().nowMs + 2 * HOUR_MS }),
      ]);
      await fixture().clock.advance(HOUR_MS);
      expect(await ledger().counts('sent:', 0)).toHaveLength(2);
      await fixture().clock.advance(1);
      expect(await ledger().counts('sent:', 0)).toEqual([
        { account: 'sent:ip-1', startsAtMs: startsAtMs - HOUR_MS, amount: 1 },
      ]);
    });

    test('are kept until the latest time that was said of them', async () => {
      const { startsAtMs } = tally();
      await ledger().count([tally({ keepUntilMs: fixture().nowMs + 2 * HOUR_MS })]);
      await ledger().count([tally({ keepUntilMs: fixture().nowMs + HOUR_MS })]);
      await fixture().clock.advance(2 * HOUR_MS);
      expect(await ledger().counts('sent:', 0)).toEqual([{ account: 'sent:ip-1', startsAtMs, amount: 2 }]);
    });
  });
}

function testCircles(engine: Engine): void {
  describe(`${engine.name}: turns in a circle`, () => {
    const fixture = eachWith(engine);
    const turns = (change: Partial<TakeTurns> = {}): Promise<readonly number[]> =>
      fixture().spool.ledger.takeTurns({ account: 'pool:main', places: 5, open: [0, 1, 2, 3, 4], count: 1, ...change });

    test('go round: six turns over five places are 0 1 2 3 4 0', async () => {
      const taken: number[] = [];
      for (let turn = 0; turn < 6; turn++) taken.push(...(await turns()));
      expect(taken).toEqual([0, 1, 2, 3, 4, 0]);
    });

    test('can be taken many at once, and go on where they ended', async () => {
      expect(await turns({ count: 6 })).toEqual([0, 1, 2, 3, 4, 0]);
      expect(await turns({ count: 2 })).toEqual([1, 2]);
      expect(await turns({ count: 11 })).toEqual([3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3]);
      expect(await turns()).toEqual([4]);
    });

    test('pass over places that are closed, the one after the last too', async () => {
      expect(await turns({ open: [1, 3] })).toEqual([1]);
      expect(await turns({ open: [1, 3], count: 3 })).toEqual([3, 1, 3]);
      expect(await turns({ open: [0, 1, 2], count: 2 })).toEqual([0, 1]);
      expect(await turns()).toEqual([2]);
      expect(await turns({ open: [4], count: 3 })).toEqual([4, 4, 4]);
      expect(await turns()).toEqual([0]);
    });

    test('of circles apart are apart', async () => {
      expect(await turns({ count: 3 })).toEqual([0, 1, 2]);
      expect(await turns({ account: 'pool:*' })).toEqual([0]);
      expect(await turns({ account: 'pool:[main]' })).toEqual([0]);
      expect(await turns()).toEqual([3]);
    });

    test('start over in a circle that became smaller than the place taken last', async () => {
      await turns({ count: 4 });
      expect(await turns({ places: 4, open: [0, 1, 2, 3] })).toEqual([0]);
      await turns({ count: 3 });
      expect(await turns({ places: 3, open: [1, 2] })).toEqual([1]);
      expect(await turns({ places: 9, open: [0, 5, 8] })).toEqual([5]);
    });

    test('of four processes that ask at once are one circle', async () => {
      const four = await several(fixture(), 4);
      const asked = four.flatMap((each, process) =>
        Array.from({ length: 13 }, (_, n) =>
          each.takeTurns({ account: 'pool:main', places: 5, open: [0, 1, 2, 3, 4], count: 1 + ((n + process) % 3) }),
        ),
      );
      const taken = await Promise.all(asked);
      // Whatever the order in which they came: each has what follows, and together every place as often as it should.
      for (const each of taken) {
        for (const [at, place] of each.entries()) expect(place).toBe(((each[0] ?? 0) + at) % 5);
      }
      const total = taken.flat().length;
      const times = [0, 1, 2, 3, 4].map((place) => taken.flat().filter((each) => each === place).length);
      expect(times).toEqual([0, 1, 2, 3, 4].map((place) => Math.floor((total + 4 - place) / 5)));
      expect(await turns()).toEqual([total % 5]);
    });

    test('are remembered over a restart', async () => {
      await turns({ count: 2 });
      fixture().store = await fixture().store.reopened();
      expect(await turns()).toEqual([2]);
    });

    test('that cannot be are refused for good, and nobody’s turn is used up', async () => {
      const wrong: Partial<TakeTurns>[] = [
        { open: [] },
        { open: [0, 5] },
        { open: [2, 1] },
        { open: [1, 1] },
        { open: [-1] },
        { open: [0.5] },
        { count: 0 },
        { count: 10_001 },
        { account: '' },
      ];
      for (const change of wrong)
        await expect(turns(change), JSON.stringify(change)).rejects.toMatchObject({ isFinal: true });
      expect(await turns()).toEqual([0]);
    });
  });
}
