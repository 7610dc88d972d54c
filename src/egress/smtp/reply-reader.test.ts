import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplyReader, type RawReply } from './reply-reader.ts';

function read(...chunks: readonly (string | Buffer)[]): { replies: RawReply[]; fault: string | null } {
  const reader = new ReplyReader();
  const replies: RawReply[] = [];
  let fault: string | null = null;
  for (const chunk of chunks) {
    fault ??= reader.push(Buffer.from(chunk));
    for (let reply = reader.take(); reply !== null; reply = reader.take()) replies.push(reply);
  }
  return { replies, fault };
}

describe('replies', () => {
  test('one line, several lines, several replies in one packet', () => {
    expect(read('250 ok\r\n', '250-a\r\n250-b\r\n250 c\r\n354 go\r\n550 no\r\n')).toEqual({
      fault: null,
      replies: [
        { code: 250, lines: ['ok'] },
        { code: 250, lines: ['a', 'b', 'c'] },
        { code: 354, lines: ['go'] },
        { code: 550, lines: ['no'] },
      ],
    });
  });

  test('habits of odd servers are understood', () => {
    expect(read('250\r\n220 bare line feed\n250 \r\n250  two spaces\r\n').replies).toEqual([
      { code: 250, lines: [''] },
      { code: 220, lines: ['bare line feed'] },
      { code: 250, lines: [''] },
      { code: 250, lines: [' two spaces'] },
    ]);
    expect(read('250-\r\n250\r\n').replies).toEqual([{ code: 250, lines: ['', ''] }]);
  });

  test('wherever packets end, the replies are the same', () => {
    const text = Buffer.from('220 größe ✈\r\n250-a\r\n250-ü\r\n250 c\r\n354 go\r\n');
    const whole = read(text);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 10 }), (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        expect(read(...edges.slice(1).map((end, at) => text.subarray(edges[at], end)))).toEqual(whole);
      }),
    );
    expect(read(...Array.from(text, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('control characters cannot break a log line or a report', () => {
    expect(read('550 no\rDSN: forged\u0000\u001b[31m\r\n').replies).toEqual([
      { code: 550, lines: ['no DSN: forged  [31m'] },
    ]);
  });
});

describe('what is no reply is noticed', () => {
  test.each([
    ['words', 'hello\r\n', '"hello"'],
    ['an empty line', '\r\n', '""'],
    ['four digits', '2500 ok\r\n', '"2500 ok"'],
    ['a code that no server may use', '199 ok\r\n', '"199 ok"'],
    ['a code above 599', '600 ok\r\n', '"600 ok"'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n', '"HTTP/1.1 400 Bad Request"'],
    ['two codes in one reply', '250-a\r\n550 b\r\n', 'a reply with two codes, 250 and 550'],
    ['an endless line', '250 '.padEnd(5_000, 'x'), 'an endless line'],
    ['an overlong line', `${'250 '.padEnd(5_000, 'x')}\r\n`, 'an overlong line'],
    ['endless lines', '250-x\r\n'.repeat(101), 'an endless reply'],
    ['long lines without end', `250-${'x'.repeat(4_000)}\r\n`.repeat(17), 'an endless reply'],
  ])('%s', (_, text, fault) => {
    expect(read(text)).toEqual({ replies: [], fault });
  });

  test('replies that nobody asked for do not pile up', () => {
    const reader = new ReplyReader();
    expect(reader.push(Buffer.from('250 ok\r\n'.repeat(10_000)))).toBe('replies without end');
  });

  test('a good reply before the garbage still counts', () => {
    expect(read('250 kept\r\nbye\r\n')).toEqual({ replies: [{ code: 250, lines: ['kept'] }], fault: '"bye"' });
  });

  test('a line of the greatest length is taken', () => {
    expect(read(`250 ${'x'.repeat(4_000)}\r\n`).fault).toBeNull();
  });

  test('whatever comes, a reply stays within its bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        const { replies } = read(...chunks.map((chunk) => Buffer.from(chunk)));
        for (const { code, lines } of replies) {
          expect(code).toBeGreaterThanOrEqual(200);
          expect(lines.length).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});
