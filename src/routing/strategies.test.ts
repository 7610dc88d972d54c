import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aPolicy,
  asked,
  BUSY,
  closedBy,
  FREE,
  inTurn,
  OWNED,
  RESTING,
  standing,
  type States,
} from '../../tests/fakes/choosing.ts';
import type { Policy, PolicyInput } from '../policy/schema.ts';
import { turnsAfter } from '../spool/tallies.ts';
import { choose, walk, type ExitState } from './choose.ts';
import { circleOf } from './circle.ts';

type Strategy = NonNullable<NonNullable<PolicyInput['pools']>[string]['strategy']>;

function poolOf(strategy: Strategy, weights: readonly number[] = [1, 1, 1]): Policy {
  const members = OWNED.map((egress, place) => ({ egress, weight: weights[place] ?? 1 }));
  return aPolicy({ pools: { owned: { members, strategy } } });
}

/** Uniform, and the same in every run. */
function fractions(): () => number {
  let state = 42;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function counted(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}

describe('weights', () => {
  test.each([
    [[1, 1, 1], 'abc'],
    [[3, 1, 1], 'abaca'],
    [[2, 4, 2], 'babc'],
    [[5, 5, 5], 'abc'],
    [[1, 1, 2], 'cabc'],
  ])('%j make a circle that is as even as can be', (weights, circle) => {
    const turns = circleOf(weights);
    const names = turns.map((member) => OWNED[member]);
    expect(counted(names as string[])).toEqual(counted(circle.split('')));
    const doubled = [...names, ...names];
    const isRun = doubled.some((name, at) => name === doubled[at + 1] && name === doubled[at + 2]);
    expect(isRun).toBe(false);
  });

  test('hold in every round of a circle, for whichever members are open', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 });
    const property = fc.property(weights, fc.subarray(OWNED, { minLength: 1 }), (parts, open) => {
      const states = Object.fromEntries(OWNED.map((name) => [name, open.includes(name) ? FREE : RESTING]));
      const round = circleOf(parts).filter((member) => open.includes(OWNED[member] ?? '')).length;
      const sent = counted(inTurn(round * 3, states, { policy: poolOf('round-robin', parts) }));
      const factor = (sent[open[0] ?? ''] ?? 0) / (parts[OWNED.indexOf(open[0] ?? '')] ?? 1);
      for (const name of open) expect(sent[name]).toBeCloseTo(factor * (parts[OWNED.indexOf(name)] ?? 1));
    });
    expect(fc.check(property)).toMatchObject({ failed: false });
  });

  test('of large and of multiplied pools make no circle without end', () => {
    expect(circleOf([10_000, 1, 9_999]).length).toBeLessThanOrEqual(1_002);
  });
});

describe('a circle', () => {
  test('is exactly circular, whoever comes and goes: the next is the first open one after the last', () => {
    const states = fc.array(fc.subarray(OWNED, { minLength: 1 }), { minLength: 1, maxLength: 60 });
    const property = fc.property(states, (open) => {
      const at = (message: number): States =>
        Object.fromEntries(OWNED.map((name) => [name, open[message]?.includes(name) === true ? FREE : BUSY]));
      let last = -1;
      for (const [message, name] of inTurn(open.length, at).entries()) {
        const after = [1, 2, 3].map((step) => OWNED[(last + step) % 3] ?? '');
        expect(name).toBe(after.find((one) => open[message]?.includes(one)));
        last = OWNED.indexOf(name);
      }
    });
    expect(fc.check(property)).toMatchObject({ failed: false });
  });

  test('of five servers takes six messages in the order 1 2 3 4 5 1', () => {
    const five = ['s1', 's2', 's3', 's4', 's5'];
    const policy = aPolicy({
      egress: Object.fromEntries(five.map((name) => [name, { type: 'mx' }])),
      pools: { owned: { members: five } },
      routes: [{ name: 'all', use: ['owned'] }],
    });
    expect(inTurn(6, {}, { policy })).toEqual([...five, 's1']);
  });

  test('goes on behind the last one when members come into the pool before it', () => {
    const rotation = new Map([['owned', { place: 0, egress: 'b' }]]);
    expect(choose(asked({}, { rotation }))).toMatchObject({ name: 'c', place: 2 });
  });
});

describe('a circle that processes share', () => {
  test('is asked for turns among the open members, and the delivery waits', () => {
    const choice = choose(asked({ b: RESTING }, { turnsOf: () => [] }));
    expect(choice).toMatchObject({ kind: 'wait', busy: true, turn: { pool: 'owned', places: 3, open: [0, 2] } });
  });

  test('gives its turns in their order; who has closed meanwhile is passed over', () => {
    expect(choose(asked({}, { turnsOf: () => [2, 0] }))).toMatchObject({ name: 'c', place: 2, isShared: true });
    expect(choose(asked({ c: BUSY }, { turnsOf: () => [2, 0] }))).toMatchObject({ name: 'a', place: 0 });
    expect(choose(asked({ c: BUSY }, { turnsOf: () => [2] }))).toMatchObject({ turn: { open: [0, 1] } });
  });

  test('is not asked where no member is open: mail goes to the route’s next exit', () => {
    const none = { a: BUSY, b: RESTING, c: closedBy('down') };
    expect(choose(asked(none, { turnsOf: () => [] }))).toMatchObject({ kind: 'egress', name: 'spare' });
  });

  test('is not asked for a second exit in one turn, nor for what another node handed over', () => {
    expect(choose(asked({}, { turnsOf: () => [], tried: new Set(['a']) }))).toMatchObject({
      name: 'b',
      isShared: false,
    });
    expect(choose(asked({}, { turnsOf: () => [], here: true }))).toMatchObject({ name: 'a', isShared: false });
    expect(choose(asked({}, { turnsOf: () => [], keep: 'c' }))).toMatchObject({ name: 'c', place: null });
  });

  test('gives every exit its part where nodes have the addresses, and hand mail to one another', () => {
    const away = (node: string): ExitState => ({ ...FREE, place: { kind: 'elsewhere', node } });
    const states = { A: { b: away('B'), c: away('B') }, B: { a: away('A') } };
    const rotations = { A: new Map(), B: new Map() };
    let last: number | null = null;
    const sent: string[] = [];
    for (let message = 0; message < 30; message++) {
      const taker = message % 3 === 2 || message % 4 === 0 ? 'B' : 'A';
      const turns: number[] = [...turnsAfter(last, { account: '', places: 3, open: [0, 1, 2], count: 1 })];
      last = turns[0] ?? last;
      const choice = choose(asked(states[taker], { turnsOf: () => turns }));
      if (choice.kind === 'egress' && choice.place !== null) {
        rotations[taker].set('owned', { place: choice.place, egress: choice.name });
        sent.push(choice.name);
      }
      if (choice.kind !== 'elsewhere') continue;
      const node = choice.node === 'A' ? 'A' : 'B';
      const there = choose(asked(states[node], { turnsOf: () => [], here: true, rotation: rotations[node] }));
      if (there.kind !== 'egress' || there.pool === null) throw new Error('it has an exit there');
      rotations[node].set(there.pool, { place: there.place, egress: there.name });
      sent.push(there.name);
    }
    expect(Object.values(counted(sent)).toSorted()).toEqual([10, 10, 10]);
  });

  test('is exactly circular over all of them, however they take turns', () => {
    const steps = fc.array(fc.record({ process: fc.nat(2), count: fc.integer({ min: 1, max: 5 }) }), { maxLength: 40 });
    const property = fc.property(steps, (asks) => {
      let last: number | null = null;
      const sent: string[] = [];
      for (const { count } of asks) {
        const first = choose(asked({}, { turnsOf: () => [] }));
        const wanted = first.kind === 'wait' ? first.turn : undefined;
        const turns: number[] = [...turnsAfter(last, { account: '', places: 3, open: wanted?.open ?? [], count })];
        last = turns.at(-1) ?? last;
        while (turns.length > 0) {
          const choice = choose(asked({}, { turnsOf: () => turns }));
          if (choice.kind !== 'egress') throw new Error('it has turns');
          sent.push(choice.name);
          turns.splice(0, turns.indexOf(choice.place ?? -1) + 1);
        }
      }
      expect(sent).toEqual(sent.map((_, at) => OWNED[at % 3]));
    });
    expect(fc.check(property)).toMatchObject({ failed: false });
  });
});

describe('random', () => {
  test('has each member’s part as its weight says, among those that may send', () => {
    const request = { policy: poolOf('random', [3, 1, 1]), fraction: fractions() };
    const sent = counted(inTurn(10_000, {}, request));
    expect(sent['a']).toBeGreaterThan(5_800);
    expect(sent['a']).toBeLessThan(6_200);
    expect(Math.abs((sent['b'] ?? 0) - (sent['c'] ?? 0))).toBeLessThan(250);
    const without = counted(inTurn(10_000, { a: RESTING }, request));
    expect(without['a']).toBeUndefined();
    expect(Math.abs((without['b'] ?? 0) - 5_000)).toBeLessThan(250);
  });

  test('tells what the probabilities are', () => {
    const request = { policy: poolOf('random', [3, 1, 1]) };
    const told = (states: States) => walk(asked(states, request)).map(({ probability }) => probability);
    expect(told({})).toEqual([0.6, 0.2, 0.2, undefined]);
    expect(told({ a: BUSY })).toEqual([0, 0.5, 0.5, undefined]);
    expect(told({ a: BUSY, b: BUSY, c: BUSY })).toEqual([0, 0, 0, undefined]);
  });
});

describe('least-used', () => {
  const used = (shares: Readonly<Record<string, number>>) => (name: string) => shares[name] ?? 0;

  test('takes the member with the smallest share of its limits used, for its weight', () => {
    const policy = poolOf('least-used');
    const shareOf = used({ a: 0.5, b: 0.2, c: 0.3 });
    expect(choose(asked({}, { policy, shareOf }))).toMatchObject({ name: 'b' });
    expect(choose(asked({ b: BUSY }, { policy, shareOf }))).toMatchObject({ name: 'c' });
    expect(walk(asked({}, { policy, shareOf })).map(({ egress }) => egress)).toEqual(['b', 'c', 'a', 'spare']);
    expect(choose(asked({}, { policy: poolOf('least-used', [5, 1, 1]), shareOf }))).toMatchObject({ name: 'a' });
  });

  test('has members that have used as much take turns', () => {
    expect(inTurn(4, {}, { policy: poolOf('least-used') })).toEqual(['a', 'b', 'c', 'a']);
    const shareOf = used({ b: 0.1 });
    expect(inTurn(4, {}, { policy: poolOf('least-used'), shareOf })).toEqual(['a', 'c', 'a', 'c']);
  });
});

describe('best-performance', () => {
  const policy = poolOf('best-performance');

  test('takes the best reputation, then the best success rate, in whole points', () => {
    const scored = (score: number, successRate = 1): ExitState => standing({ score, successRate });
    expect(choose(asked({ a: scored(80), b: scored(95), c: scored(90) }, { policy }))).toMatchObject({ name: 'b' });
    const rates = { a: scored(90, 0.9), b: scored(90.2, 0.95), c: scored(89, 1) };
    expect(choose(asked(rates, { policy }))).toMatchObject({ name: 'b' });
    expect(walk(asked(rates, { policy })).map(({ egress }) => egress)).toEqual(['b', 'a', 'c', 'spare']);
    expect(choose(asked({ ...rates, b: BUSY }, { policy }))).toMatchObject({ name: 'a' });
  });

  test('has members that are as good take turns', () => {
    const good = standing({ score: 97.4, successRate: 0.991 });
    const same = { a: good, b: standing({ score: 96.9, successRate: 0.993 }), c: standing({ score: 96 }) };
    expect(inTurn(4, same, { policy })).toEqual(['a', 'b', 'a', 'b']);
  });
});
