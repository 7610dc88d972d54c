/** What every engine keeps of `Quotas`. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine, type Store } from './engine.contract.ts';
import type { Quotas, ReturnBlock, SpendBlock, TakeBlock } from './ledger.ts';

const DAY_MS = 86_400_000;
const LEASE_MS = 60_000;

export function testQuotas(engine: Engine): void {
  testBlocks(engine);
  testReturns(engine);
  testSlots(engine);
}

type Ask = Pick<TakeBlock, 'account' | 'startsAtMs' | 'endsAtMs' | 'holder' | 'limit' | 'nowMs' | 'untilMs'>;

/** The day that has `nowMs` in it, and who asks: `a`, of 500 a day, until a lease from now. */
function today(nowMs: number, change: Partial<Ask> = {}): Ask {
  const startsAtMs = Math.floor((change.nowMs ?? nowMs) / DAY_MS) * DAY_MS;
  const untilMs = (change.nowMs ?? nowMs) + LEASE_MS;
  const endsAtMs = startsAtMs + DAY_MS;
  return { account: 'egress:ip-1', startsAtMs, endsAtMs, holder: 'a', limit: 500, nowMs, untilMs, ...change };
}

const NOTHING = { unused: 0, unspent: 0 } satisfies Partial<ReturnBlock>;
const ONE = { amount: 1 } satisfies Partial<SpendBlock>;

async function several(store: Store, count: number): Promise<Quotas[]> {
  return Promise.all(Array.from({ length: count }, async () => ((await store.beside?.()) ?? store.spool).ledger));
}

/** Takes and spends blocks until nothing is granted any more; returns how much it spent. */
async function spendAll(quotas: Quotas, ask: Ask, wanted: number): Promise<number> {
  let spent = 0;
  for (;;) {
    const { left } = await quotas.takeBlock({ ...ask, wanted });
    if (left === 0) return spent;
    for (let count = 0; count < left; count++) if ((await quotas.spend({ ...ask, ...ONE })) === 'spent') spent += 1;
  }
}

function testBlocks(engine: Engine): void {
  describe(`${engine.name}: blocks of a quota`, () => {
    const fixture = eachWith(engine);
    const asked = (change: Partial<Ask> = {}): Ask => today(fixture().nowMs, change);
    const quotas = (): Quotas => fixture().spool.ledger;

    test('add up to the limit, and to no more', async () => {
      expect(await quotas().takeBlock({ ...asked(), wanted: 400 })).toEqual({ left: 400, used: 400 });
      expect(await quotas().takeBlock({ ...asked({ holder: 'b' }), wanted: 400 })).toEqual({ left: 100, used: 500 });
      expect(await quotas().takeBlock({ ...asked({ holder: 'c' }), wanted: 1 })).toEqual({ left: 0, used: 500 });
      expect(await quotas().takeBlock({ ...asked(), wanted: 0 })).toEqual({ left: 400, used: 500 });
    });

    test('are spent up to their end, all of an amount or nothing', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 3 });
      expect(await quotas().spend({ ...asked(), amount: 2 })).toBe('spent');
      expect(await quotas().spend({ ...asked(), amount: 2 })).toBe('lost');
      expect(await quotas().spend({ ...asked(), amount: 1 })).toBe('spent');
      expect(await quotas().spend({ ...asked(), amount: 1 })).toBe('lost');
      expect(await quotas().takeBlock({ ...asked(), wanted: 0 })).toEqual({ left: 0, used: 3 });
    });

    test('are their holder’s own', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 3 });
      expect(await quotas().spend({ ...asked({ holder: 'b' }), ...ONE })).toBe('lost');
      expect(await quotas().spend({ ...asked({ account: 'egress:ip-2' }), ...ONE })).toBe('lost');
    });

    test('of four processes that draw together come to 500, not 501', async () => {
      const four = await several(fixture().store, 4);
      const spent = await Promise.all(four.map((one, place) => spendAll(one, asked({ holder: `p${place}` }), 7)));
      expect(spent.reduce((sum, one) => sum + one)).toBe(500);
      expect(await quotas().takeBlock({ ...asked(), wanted: 1 })).toEqual({ left: 0, used: 500 });
    });

    test('shrink with a limit that is lowered below what was used, and grow with one that is raised', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 100 });
      await quotas().spend({ ...asked(), amount: 60 });
      const lowered = asked({ limit: 50 });
      expect(await quotas().takeBlock({ ...lowered, wanted: 10 })).toEqual({ left: 0, used: 60 });
      expect(await quotas().spend({ ...lowered, ...ONE })).toBe('lost');
      expect(await quotas().takeBlock({ ...asked({ limit: 70 }), wanted: 100 })).toEqual({ left: 10, used: 70 });
    });

    test('begin anew with the next window', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 500 });
      await quotas().spend({ ...asked(), amount: 500 });
      const tomorrow = asked({ nowMs: fixture().nowMs + DAY_MS });
      expect(await quotas().takeBlock({ ...tomorrow, wanted: 5 })).toEqual({ left: 5, used: 5 });
      // The clock may go back a little.
      expect(await quotas().takeBlock({ ...asked(), wanted: 5 })).toEqual({ left: 0, used: 500 });
    });

    test('of windows of another length are apart', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 500 });
      const hour = asked();
      const endsAtMs = hour.startsAtMs + 3_600_000;
      expect(await quotas().takeBlock({ ...hour, endsAtMs, wanted: 5 })).toEqual({ left: 5, used: 5 });
    });
  });
}

function testReturns(engine: Engine): void {
  describe(`${engine.name}: what is left of a block`, () => {
    const fixture = eachWith(engine);
    const asked = (change: Partial<Ask> = {}): Ask => today(fixture().nowMs, change);
    const quotas = (): Quotas => fixture().spool.ledger;

    test('can be handed back, and what was spent for nothing too', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 10 });
      await quotas().spend({ ...asked(), amount: 4 });
      await quotas().returnBlock({ ...asked(), unused: 5, unspent: 1 });
      expect(await quotas().takeBlock({ ...asked(), wanted: 0 })).toEqual({ left: 1, used: 4 });
    });

    test('is handed back up to what there is', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 2 });
      await quotas().spend({ ...asked(), ...ONE });
      await quotas().returnBlock({ ...asked(), unused: 50, unspent: 50 });
      expect(await quotas().takeBlock({ ...asked(), wanted: 0 })).toEqual({ left: 0, used: 0 });
      await quotas().returnBlock({ ...asked(), ...NOTHING, unused: 1 });
      expect(await quotas().takeBlock({ ...asked(), wanted: 600 })).toEqual({ left: 500, used: 500 });
    });

    test('counts for nothing once the window has turned', async () => {
      const yesterday = asked({ nowMs: fixture().nowMs - DAY_MS });
      await quotas().takeBlock({ ...yesterday, wanted: 10 });
      await quotas().spend({ ...yesterday, amount: 5 });
      await quotas().takeBlock({ ...asked(), wanted: 10 });
      await quotas().spend({ ...asked(), amount: 5 });
      await quotas().returnBlock({ ...yesterday, unused: 5, unspent: 5 });
      expect(await quotas().takeBlock({ ...asked(), wanted: 0 })).toEqual({ left: 5, used: 10 });
    });

    test('returns when its holder is dead and its time is over, what it spent does not', async () => {
      await quotas().takeBlock({ ...asked({ holder: 'dead' }), wanted: 100 });
      await quotas().spend({ ...asked({ holder: 'dead' }), amount: 7 });
      const early = asked({ nowMs: fixture().nowMs + LEASE_MS });
      expect(await quotas().takeBlock({ ...early, wanted: 500 })).toEqual({ left: 400, used: 500 });
      const later = asked({ nowMs: fixture().nowMs + LEASE_MS + 1 });
      expect(await quotas().takeBlock({ ...later, wanted: 500 })).toEqual({ left: 493, used: 500 });
    });

    test('stays as long as its holder renews it', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 100 });
      await quotas().takeBlock({ ...asked({ nowMs: fixture().nowMs + LEASE_MS }), wanted: 0 });
      const later = asked({ holder: 'b', nowMs: fixture().nowMs + LEASE_MS + 1 });
      expect(await quotas().takeBlock({ ...later, wanted: 500 })).toEqual({ left: 400, used: 500 });
      expect(await quotas().spend({ ...asked(), amount: 100 })).toBe('spent');
    });

    test('cannot be spent by a holder that was frozen, once it was given to others', async () => {
      await quotas().takeBlock({ ...asked({ holder: 'frozen' }), wanted: 300 });
      const later = asked({ nowMs: fixture().nowMs + 2 * LEASE_MS });
      expect(await quotas().takeBlock({ ...later, wanted: 500 })).toEqual({ left: 500, used: 500 });
      expect(await quotas().spend({ ...asked({ holder: 'frozen' }), ...ONE })).toBe('lost');
      expect(await quotas().takeBlock({ ...asked({ holder: 'frozen' }), wanted: 1 })).toEqual({ left: 0, used: 500 });
    });

    test('returns with a restart, what was spent is remembered', async () => {
      await quotas().takeBlock({ ...asked(), wanted: 100 });
      await quotas().spend({ ...asked(), amount: 30 });
      fixture().store = await fixture().store.reopened();
      const later = asked({ holder: 'b', nowMs: fixture().nowMs + LEASE_MS + 1 });
      expect(await quotas().takeBlock({ ...later, wanted: 500 })).toEqual({ left: 470, used: 500 });
    });
  });
}

function testSlots(engine: Engine): void {
  describe(`${engine.name}: slots of time`, () => {
    const fixture = eachWith(engine);
    const asked = (holder: string, afterMs = 0): Parameters<Quotas['takeSlot']>[0] => ({
      account: 'egress:ip-1',
      holder,
      lengthMs: 1_000,
      nowMs: fixture().nowMs + afterMs,
    });
    const slot = async (holder: string, afterMs = 0): Promise<[number, number]> => {
      const { fromMs, toMs } = await fixture().spool.ledger.takeSlot(asked(holder, afterMs));
      return [fromMs - fixture().nowMs, toMs - fixture().nowMs];
    };

    test('follow one another without a gap and never overlap', async () => {
      expect(await slot('a')).toEqual([0, 1_000]);
      expect(await slot('b', 10)).toEqual([1_000, 2_000]);
      expect(await slot('a', 20)).toEqual([2_000, 3_000]);
      expect(await slot('a', 5_000)).toEqual([5_000, 6_000]);
    });

    test('of one holder after another are one', async () => {
      expect(await slot('a')).toEqual([0, 1_000]);
      expect(await slot('a', 600)).toEqual([0, 1_600]);
      expect(await slot('a', 600)).toEqual([0, 1_600]);
      expect(await slot('a', 1_600)).toEqual([0, 2_600]);
      expect(await slot('b', 1_700)).toEqual([2_600, 3_600]);
      expect(await slot('b', 1_700)).toEqual([2_600, 3_600]);
      expect(await slot('b', 3_601)).toEqual([3_601, 4_601]);
    });

    test('of several processes that ask together are apart', async () => {
      const four = await several(fixture().store, 4);
      const slots = await Promise.all(four.map((one, place) => one.takeSlot(asked(`p${place}`))));
      const starts = slots.map(({ fromMs }) => fromMs - fixture().nowMs).toSorted((a, b) => a - b);
      expect(starts).toEqual([0, 1_000, 2_000, 3_000]);
    });

    test('are remembered over a restart', async () => {
      await slot('a');
      fixture().store = await fixture().store.reopened();
      expect(await slot('b')).toEqual([1_000, 2_000]);
    });

    test('of a clock that was put back hold nobody up', async () => {
      await slot('a');
      expect(await slot('b', -3_600_000)).toEqual([-3_600_000, -3_599_000]);
    });
  });
}
