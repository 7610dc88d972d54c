import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { memoryLedger } from '../../tests/fakes/memory-ledger.ts';
import type { Token } from './token.ts';
import { TokenLimits } from './token-limits.ts';

const MINUTE_MS = 60_000;
const TOKEN: Token = {
  name: 'ci',
  scopes: ['read'],
  createdAtMs: 0,
  lifetimeMs: null,
  secrets: [{ sha256: '', createdAtMs: 0, expiresAtMs: null }],
  rate: { count: 10, windowMs: MINUTE_MS },
};

function world({ isShared = true, isAway = false } = {}) {
  const clock = new FakeClock(MINUTE_MS * 1_000_000);
  const books = memoryLedger();
  const ledger: typeof books = { draw: (ask) => (isAway ? Promise.reject(new Error('away')) : books.draw(ask)) };
  const node = () => new TokenLimits({ clock, ledger, isShared: () => isShared });
  /** How often a token opens before it is refused. */
  const opens = async (at: TokenLimits, most = 30): Promise<number> => {
    for (let count = 0; count < most; count++) {
      if (at.refusal(TOKEN, '192.0.2.1') !== null) return count;
      await turn();
    }
    return most;
  };
  return { clock, node, opens };
}

test('what a token may is for all nodes together, and one more at each that learns of it', async () => {
  const { clock, node, opens } = world();
  const [one, other, third] = [node(), node(), node()];
  expect(await opens(one, 6)).toBe(6);
  expect(await opens(other)).toBe(4);
  expect(await opens(one)).toBe(1);
  expect(await opens(third)).toBe(1);
  const refused = other.refusal(TOKEN, '192.0.2.1');
  expect([refused?.status, refused?.headers?.['retry-after']]).toEqual([429, '60']);
  await clock.advance(MINUTE_MS);
  expect(await opens(other, 5)).toBe(5);
});

test('a node by itself, or without its store, counts for itself', async () => {
  for (const given of [{ isShared: false }, { isAway: true }]) {
    const { node, opens } = world(given);
    expect(await opens(node())).toBe(10);
    expect(await opens(node())).toBe(10);
  }
});

test('requests that come at once cost the store two questions', async () => {
  const clock = new FakeClock(MINUTE_MS * 1_000_000);
  const amounts: number[] = [];
  const limits = new TokenLimits({
    clock,
    isShared: () => true,
    ledger: {
      draw: async ({ amount }) => {
        amounts.push(amount);
        await turn();
        return { kind: 'granted', used: amount };
      },
    },
  });
  for (let more = 0; more < 9; more++) expect(limits.refusal(TOKEN, '192.0.2.1')).toBeNull();
  for (let more = 0; more < 4; more++) await turn();
  expect(amounts).toEqual([1, 8]);
});
