import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PIECE_BYTES, stuffed } from './stuffing.ts';

function wire(content: string | Buffer): string {
  return Buffer.concat([...stuffed(Buffer.from(content))]).toString('latin1');
}

/** What a server makes of it (RFC 5321 §4.5.2). */
function received(text: string): string {
  return text.slice(0, -3).replace(/(^|\r\n)\./g, '$1');
}

test.each([
  ['', '.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['..\r\n', '...\r\n.\r\n'],
  ['a\r\n.b\r\n', 'a\r\n..b\r\n.\r\n'],
  ['a.\r\n', 'a.\r\n.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['a\r\n.', 'a\r\n..\r\n.\r\n'],
])('%j goes out as %j', (content, expected) => {
  expect(wire(content)).toBe(expected);
});

test('a line end or a dot at the border of two pieces makes no difference', () => {
  for (const shift of [-4, -3, -2, -1, 0, 1, 2]) {
    for (const end of ['\r\n.\r\n', '\r\n..\r\n', '.\r\n', '\r\n\r\n.x\r\n']) {
      const content = `${'x'.repeat(PIECE_BYTES + shift)}${end}${'y'.repeat(PIECE_BYTES)}\r\n.z\r\n`;
      const out = wire(content);
      expect(received(out)).toBe(content);
      expect(out.indexOf('\r\n.\r\n')).toBe(out.length - 5);
    }
  }
});

test('whatever the lines are, the server gets them back, and sees one final dot', () => {
  const line = fc.stringMatching(/^[.a\u00e9]{0,6}$/);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), fc.nat(6), (lines, pad) => {
      const text = `${'p'.repeat(PIECE_BYTES - 20 + pad)}\r\n${lines.map((each) => `${each}\r\n`).join('')}`;
      const out = wire(Buffer.from(text, 'latin1'));
      expect(received(out) === text).toBe(true);
      expect(`\r\n${out}`.indexOf('\r\n.\r\n')).toBe(out.length - 3);
    }),
  );
});

test('a message of dots only is cut into pieces that are soon done', () => {
  const content = Buffer.from('..\r\n'.repeat(500_000));
  const pieces = [...stuffed(content)];
  expect(pieces.length).toBeGreaterThan(20);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(PIECE_BYTES * 2 + 5);
});

test('a message in one piece goes out with its dot in one piece', () => {
  expect([...stuffed(Buffer.from('a\r\n'.repeat(1_000)))]).toHaveLength(1);
});
