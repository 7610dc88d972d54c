import { expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test('a traceparent is read, and written as it was', () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  const read = parseTraceparent(text);
  expect(read).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true });
  expect(read === null ? '' : formatTraceparent(read)).toBe(text);
});

test.each([
  ['its other flags say nothing of sampling', `00-${TRACE}-${SPAN}-02`, false],
  ['white space around it', ` 00-${TRACE}-${SPAN}-03\t`, true],
  ['a later version with more to it', `01-${TRACE}-${SPAN}-01-what-comes-later`, true],
])('a traceparent may have %s', (_, text, isSampled) => {
  expect(parseTraceparent(text)).toMatchObject({ traceId: TRACE, isSampled });
});

test.each([
  ['nothing', ''],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a version that can never be', `ff-${TRACE}-${SPAN}-01`],
  ['version 00 with more to it', `00-${TRACE}-${SPAN}-01-x`],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['too few digits', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['two of them', `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
  ['another line', `00-${TRACE}-${SPAN}-01\r\nX: y`],
  ['a book', `01-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
])('%s is none', (_, text) => {
  expect(parseTraceparent(text)).toBeNull();
});
