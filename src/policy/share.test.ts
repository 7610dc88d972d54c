import { expect, test } from 'vitest';
import { policySchema } from './schema.ts';
import { deliveryShare, shareOf, WHOLE } from './share.ts';

test.each([
  [10, 1],
  [10, 3],
  [1, 4],
  [100, 7],
])('%i connections divided among %i workers are all there, and no more', (limit, of) => {
  const parts = Array.from({ length: of }, (_, index) => shareOf(limit, { index, of }));
  expect(parts.reduce((sum, part) => sum + part)).toBe(limit);
  expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
});

function policyWith(connections: { lane?: number; mx?: number; off?: number }) {
  return policySchema.parse({
    hostname: 'relay.test',
    egress: {
      direct: { type: 'mx', connections: connections.mx ?? 100 },
      spare: { type: 'mx', connections: connections.off ?? 100, enabled: false },
    },
    shaping: { default: { connections: connections.lane ?? 10 } },
  });
}

test('every worker delivers while each limit has a connection for it', () => {
  const shares = [0, 1, 2, 3].map((index) => deliveryShare(policyWith({}), { index, of: 4 }));
  expect(shares).toEqual([0, 1, 2, 3].map((index) => ({ index, of: 4 })));
  expect(deliveryShare(policyWith({ lane: 1, mx: 1 }), WHOLE)).toEqual(WHOLE);
});

test('with fewer connections to a destination, or by an exit, than workers, so many deliver', () => {
  const of = 4;
  const lanes = [0, 1, 2, 3].map((index) => deliveryShare(policyWith({ lane: 3 }), { index, of }));
  expect(lanes).toEqual([{ index: 0, of: 3 }, { index: 1, of: 3 }, { index: 2, of: 3 }, null]);
  const exits = [0, 1].map((index) => deliveryShare(policyWith({ mx: 1 }), { index, of }));
  expect(exits).toEqual([WHOLE, null]);
  expect(deliveryShare(policyWith({ off: 1 }), { index: 3, of })).toEqual({ index: 3, of: 4 });
});
