import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bodyOffsetOf, bytesOfFields, parseHeaderBlock, rawOf, spelledName, unfoldedValue } from './header.ts';

function parse(text: string): ReturnType<typeof parseHeaderBlock> {
  return parseHeaderBlock(Buffer.from(text, 'latin1'));
}

describe('a header block', () => {
  test('is split into fields that keep their folding and their final line end', () => {
    const { fields, malformed } = parse(
      'From: a@example.com\r\nSUBJECT: one\r\n\ttwo\r\n three\r\nTo:b@example.net\r\n',
    );
    expect(fields).toEqual([
      { name: 'from', raw: 'From: a@example.com\r\n' },
      { name: 'subject', raw: 'SUBJECT: one\r\n\ttwo\r\n three\r\n' },
      { name: 'to', raw: 'To:b@example.net\r\n' },
    ]);
    expect(malformed).toEqual([]);
  });

  test('ends at the empty line, and may lack its last line end', () => {
    expect(parse('A: 1\r\n\r\nB: 2\r\n').fields).toEqual([{ name: 'a', raw: 'A: 1\r\n' }]);
    expect(parse('A: 1\r\nB: 2').fields[1]).toEqual({ name: 'b', raw: 'B: 2' });
    expect(parse('').fields).toEqual([]);
    expect(parse('\r\nA: 1\r\n').fields).toEqual([]);
  });

  test('keeps bytes above 127 one by one', () => {
    const bytes = Buffer.concat([Buffer.from('Subject: '), Buffer.from([0xc3, 0xbc, 0xff, 0xa0]), Buffer.from('\r\n')]);
    const [field] = parseHeaderBlock(bytes).fields;
    expect(Buffer.from(field?.raw ?? '', 'latin1')).toEqual(bytes);
  });

  test('takes a line of nothing but whitespace as a fold, not as its end', () => {
    const { fields } = parse('A: 1\r\n \r\n 2\r\nB: 3\r\n');
    expect(fields.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test.each([
    ['From : a@example.com\r\n', 'From'],
    ['From\t \t: a@example.com\r\n', 'From'],
    ['From\r\n : a@example.com\r\n', 'From'],
  ])('finds the field name in %j', (raw, spelled) => {
    const [field] = parse(raw).fields;
    expect(field).toEqual({ name: 'from', raw });
    expect(field && spelledName(field)).toBe(spelled);
  });

  test('names the lines that are no fields, and keeps their bytes', () => {
    const text =
      ' stray\r\nFrom me@example.com Tue Dec 1 10:00:00 2026\r\nA: 1\r\n 2\r\nno colon\r\n: empty\r\nÄ: 1\r\n';
    const { fields, malformed } = parse(text);
    expect(malformed).toEqual([
      { line: 1, reason: 'stray-fold' },
      { line: 2, reason: 'bad-name' },
      { line: 5, reason: 'no-colon' },
      { line: 6, reason: 'bad-name' },
      { line: 7, reason: 'bad-name' },
    ]);
    expect(fields.map(({ name }) => name)).toEqual(['', '', 'a', '', '', '']);
    expect(fields.map(({ raw }) => raw).join('')).toBe(text);
  });

  test('joins its fields to the very same bytes, whatever they are', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      ':',
      ' ',
      '\t',
      '\r\n',
      '\r\n ',
      '\r',
      '\n',
      '\0',
      '\xe9',
      'From',
      ': x\r\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join('');
        const joined = parse(text)
          .fields.map(({ raw }) => raw)
          .join('');
        expect(text.startsWith(joined)).toBe(true);
        const rest = text.slice(joined.length);
        expect(rest === '' || rest.startsWith('\r\n')).toBe(true);
      }),
    );
  });

  test.each([
    ['100,000 short fields', 'a:\r\n'.repeat(100_000)],
    ['one field of 200,000 folds', `Subject: x\r\n${' y\r\n'.repeat(200_000)}`],
    ['100,000 lines that are no fields', 'a\r\n'.repeat(100_000)],
    ['a megabyte of spaces', `${' '.repeat(1_000_000)}\r\n`],
    ['a name with a megabyte of whitespace and no colon', `A${' \t'.repeat(500_000)}x\r\n`],
  ])('of %s is read in linear time', (_what, text) => {
    const block = Buffer.from(text);
    const startedAt = process.hrtime.bigint();
    parseHeaderBlock(block);
    expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(1000);
  });
});

test('a value is shown without its folds and without whitespace around it', () => {
  const [field] = parse('Subject:  one\r\n\ttwo \r\n').fields;
  expect(field && unfoldedValue(field)).toBe('one\ttwo');
});

test.each([
  ['A: 1\r\n\r\nbody', 8],
  ['\r\nbody', 2],
  ['A: 1\r\n', 6],
  ['A: 1\r\n\r\n', 8],
  ['', 0],
])('the body of %j starts at %i', (message, offset) => {
  expect(bodyOffsetOf(Buffer.from(message))).toBe(offset);
});

test('text becomes a field as UTF-8, and text that was not made so is never cut to its low bytes', () => {
  const raw = rawOf('X: \u010d\u010a\u{1f40d}\r\n');
  expect(bytesOfFields([{ name: 'x', raw }]).toString()).toBe('X: \u010d\u010a\u{1f40d}\r\n');
  expect(() => bytesOfFields([{ name: 'x', raw: 'X: \u010d\r\n' }])).toThrow('no byte');
});
