import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { newMessageId, parseMessageId } from '../../message/ids.ts';
import { samplerOf, traceNamesOf } from './trace-id.ts';

const NOW = Date.UTC(2026, 10, 22);
const IDS = Array.from({ length: 4_000 }, (_, at) => newMessageId(NOW + at, randomBytes(10)));

test('a trace is named by the number that the message id is: its time, and its random bits', () => {
  const entropy = Buffer.from('00112233445566778899', 'hex');
  const { traceId, rootId } = traceNamesOf(newMessageId(NOW, entropy));
  expect(traceId).toBe(NOW.toString(16).padStart(12, '0') + entropy.toString('hex'));
  expect(rootId).toBe('2233445566778899');
});

test('no name is of nothing but zeros, which would be none', () => {
  const id = newMessageId(NOW, Buffer.alloc(10));
  expect(traceNamesOf(id).rootId).toBe('0000000000000001');
  expect(parseMessageId(id)).toBe(id);
});

test('a share of the messages is kept, and a smaller share keeps no other ones', () => {
  const keptBy = (percent: number): Set<string> =>
    new Set(IDS.filter((id) => samplerOf(percent)(traceNamesOf(id).traceId)));
  const [some, more] = [keptBy(10), keptBy(40)];
  expect(some.size / IDS.length).toBeCloseTo(0.1, 1);
  expect(more.size / IDS.length).toBeCloseTo(0.4, 1);
  expect(some.isSubsetOf(more)).toBe(true);
  expect([keptBy(0).size, keptBy(100).size]).toEqual([0, IDS.length]);
});

test('what is kept is what OpenTelemetry keeps by the last 56 bits of a trace id', () => {
  const isKept = samplerOf(25);
  expect(isKept(`${'0'.repeat(18)}bfffffffffffff`)).toBe(false);
  expect(isKept(`${'0'.repeat(18)}c0000000000000`)).toBe(true);
  expect(isKept(`${'f'.repeat(18)}00000000000000`)).toBe(false);
});
