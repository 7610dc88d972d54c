import { describe, expect, test } from 'vitest';
import { aPolicy, asked, BUSY, closedBy, FREE, inTurn, RESTING } from '../../tests/fakes/choosing.ts';
import { choose, type ExitState, walk } from './choose.ts';

const USED_UP: ExitState = {
  ...FREE,
  budget: { untilMs: 90_000, cause: 'budget 90.00 of 90 USD used', exempt: new Set(['urgent']) },
};

describe('an exit whose budget is used up', () => {
  test('is passed over, in its pool and before the next step', () => {
    expect(inTurn(4, { b: USED_UP })).toEqual(['a', 'c', 'a', 'c']);
    const all = { a: USED_UP, b: USED_UP, c: USED_UP };
    expect(inTurn(2, all)).toEqual(['spare', 'spare']);
    expect(choose(asked(all))).toMatchObject({ name: 'spare', limited: ['a', 'b', 'c'] });
  });

  test('takes the streams that are exempt, in their turn', () => {
    expect(inTurn(4, { b: USED_UP }, { stream: 'urgent' })).toEqual(['a', 'b', 'c', 'a']);
  });

  test('is waited for until the month turns where there is no other', () => {
    const policy = aPolicy({ routes: [{ name: 'all', use: ['a'] }] });
    const choice = choose(asked({ a: USED_UP }, { policy }));
    expect(choice).toMatchObject({ kind: 'wait', busy: false, untilMs: 90_000, limited: ['a'] });
    const daily = { ...USED_UP, limit: { kind: 'limited' as const, untilMs: 95_000, cause: 'daily limit 5/5' } };
    expect(choose(asked({ a: daily }, { policy }))).toMatchObject({ untilMs: 95_000 });
  });

  test('is told of behind what an operator or a check closed, and before the node and its limits', () => {
    const policy = aPolicy({ routes: [{ name: 'all', use: ['owned'] }] });
    const { budget } = USED_UP;
    const states = {
      a: { ...closedBy('paused'), budget: budget ?? null },
      b: { ...BUSY, budget: budget ?? null, place: { kind: 'elsewhere' as const, node: 'other' } },
      c: { ...RESTING, budget: budget ?? null },
    };
    const gates = walk(asked(states, { policy })).map(({ gate, others }) => [
      gate,
      ...others.map((other) => other.gate),
    ]);
    expect(gates).toEqual([
      ['paused', 'budget'],
      ['budget', 'elsewhere'],
      ['budget', 'resting'],
    ]);
    // Nobody is asked to send what is not paid for.
    expect(choose(asked(states, { policy })).kind).toBe('wait');
    expect(choose(asked(states, { policy, stream: 'urgent' }))).toMatchObject({ kind: 'elsewhere', node: 'other' });
  });
});
