import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { BodyReader } from './bodies.ts';
import { hasMoreValues } from './value-count.ts';

test.each([
  ['{}', 1],
  ['{"a":1,"b":[1,2,3]}', 5],
  ['["a,b","[{,","\\",[","\\\\"]', 4],
  ['["\\\\\\",,,",1]', 2],
  ['"a string without an end,,,', 0],
])('%s has %i', (json, values) => {
  expect(hasMoreValues(Buffer.from(json), values)).toBe(false);
  if (values > 0) expect(hasMoreValues(Buffer.from(json), values - 1)).toBe(true);
});

test.each(['{},', '[],', '"",', '0,'])('a body of nothing but %s is refused, and the process lives', async (value) => {
  await using bodies = new BodyReader(new FakeClock());
  const body = Buffer.from(`[${value.repeat((34 * 1024 ** 2) / value.length)}0]`);
  const faults = [{ in: 'body', path: '', text: 'has more than 1,000,000 values' }];
  expect(await bodies.read('batch', body)).toEqual({ kind: 'unread', faults });
});
