import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContentCollector } from './content-collector.ts';
import { MemoryBudget } from './memory-budget.ts';
import { MessageDecoder } from './message-decoder.ts';

type Decoded = {
  readonly content: string;
  /** Of the wire bytes that belong to the message; -1: it did not end. */
  readonly end: number;
  readonly bare: boolean;
  readonly nul: boolean;
  readonly eightBit: boolean;
  readonly longest: number;
};

/** Decodes wire bytes given in chunks of the sizes asked for, the last one repeated. @param before bytes in the memory of a chunk before it */
function decode(wire: Buffer | string, sizes: readonly number[] = [], before = 0): Decoded {
  const bytes = Buffer.from(wire as string, 'latin1');
  const budget = new MemoryBudget(() => Number.MAX_SAFE_INTEGER);
  const collector = new ContentCollector({ budget, limitBytes: Number.MAX_SAFE_INTEGER, reservedBytes: 0 });
  const decoder = new MessageDecoder(collector);
  let offset = 0;
  let end = -1;
  for (let turn = 0; offset < bytes.length && end === -1; turn++) {
    const size = Math.max(1, sizes[Math.min(turn, sizes.length - 1)] ?? Number.MAX_SAFE_INTEGER);
    const chunk = bytes.subarray(offset, offset + size);
    const memory = Buffer.concat([Buffer.alloc(before), chunk]);
    const after = decoder.write(memory.subarray(before), 0);
    end = after === -1 ? -1 : offset + after;
    offset += chunk.length;
  }
  expect(decoder.lengthBytes).toBe(collector.lengthBytes);
  const content = collector.finish().toString('latin1');
  expect(content.length).toBe(decoder.lengthBytes);
  collector.release();
  expect(budget.usedBytes).toBe(0);
  const { hasBareNewline: bare, hasNul: nul, isEightBit: eightBit, longestLine: longest } = decoder;
  return { content, end, bare, nul, eightBit, longest };
}

const END = '.\r\n';
/** RFC 5321 §4.5.2, the obvious way. */
function stuff(content: string): string {
  return content.replace(/(^|\r\n)\./g, '$1..') + END;
}

/** Every way to cut the text in two, and one byte at a time. */
function chunkings(text: string): number[][] {
  return [[text.length], [1], ...Array.from({ length: text.length - 1 }, (_, cut) => [cut + 1, text.length])];
}

test.each([
  ['', ''],
  ['hello\r\n', 'hello\r\n'],
  ['..\r\n', '.\r\n'],
  ['...\r\n', '..\r\n'],
  ['.hidden dot\r\n', 'hidden dot\r\n'],
  ['a\r\n..b\r\n', 'a\r\n.b\r\n'],
  ['\r\n\r\n', '\r\n\r\n'],
  ['..\r\n..\r\n..\r\n', '.\r\n.\r\n.\r\n'],
  ['a.b\r\n', 'a.b\r\n'],
])('wire %j is content %j, however it is cut', (wire, content) => {
  for (const sizes of chunkings(`${wire}${END}`)) {
    expect(decode(`${wire}${END}`, sizes)).toMatchObject({ content, end: wire.length + 3, bare: false });
  }
});

// What SMTP smuggling needs: a sequence that one server takes as the end of the message and another does not.
test.each([
  ['\n.\n', '\r\n.\r\n'],
  ['\n.\r\n', '\r\n.\r\n'],
  ['\r\n.\n', '\r\n\r\n'],
  ['\r.\r', '\r\n.\r\n'],
  ['\r\n.\r', '\r\n\r\n'],
  ['\r.\r\n', '\r\n.\r\n'],
  ['\n..\r\n', '\r\n..\r\n'],
  ['\r\r\n.\r\r\n', '\r\n\r\n\r\n\r\n'],
  ['\n\n.\r\n', '\r\n\r\n.\r\n'],
  ['\r\n.\r\r', '\r\n\r\n\r\n'],
  ['\r\n.\0\r\n', '\r\n\0\r\n'],
  ['\r\n\0.\r\n', '\r\n\0.\r\n'],
  ['\r\n .\r\n', '\r\n .\r\n'],
])('%j ends no message, however it is cut', (sequence, content) => {
  const wire = `one${sequence}two\r\n${END}`;
  for (const sizes of chunkings(wire)) {
    expect(decode(wire, sizes)).toMatchObject({ content: `one${content}two\r\n`, end: wire.length });
  }
});

test.each(['.\n', '.\r', '.', '\r\n', '.\r\r\n', ' .\r\n', '..\r\n', '.\n\r\n'])(
  '%j at the start ends no message',
  (start) => {
    for (const sizes of chunkings(start)) expect(decode(start, sizes).end).toBe(-1);
    for (const sizes of chunkings(`${start}x\r\n${END}`))
      expect(decode(`${start}x\r\n${END}`, sizes).end).toBe(start.length + 6);
  },
);

test('what follows the message is not touched', () => {
  for (const sizes of chunkings(`a\r\n${END}QUIT\r\n`)) {
    expect(decode(`a\r\n${END}QUIT\r\n`, sizes)).toMatchObject({ content: 'a\r\n', end: 6 });
  }
});

test('bare CR and LF, NUL, 8-bit bytes and long lines are noticed', () => {
  expect(decode(`a\nb\r\n${END}`)).toMatchObject({ bare: true, content: 'a\r\nb\r\n' });
  expect(decode(`a\rb\r\n${END}`)).toMatchObject({ bare: true, content: 'a\r\nb\r\n' });
  expect(decode(`a\0b\r\n${END}`)).toMatchObject({ nul: true, content: 'a\0b\r\n' });
  expect(decode(`a\xe9\r\n${END}`)).toMatchObject({ eightBit: true, content: 'a\xe9\r\n' });
  expect(decode(`plain\r\n${END}`)).toMatchObject({ bare: false, nul: false, eightBit: false });
  for (const sizes of [[Number.MAX_SAFE_INTEGER], [1], [7], [998], [999]]) {
    expect(decode(`ab\r\n${'x'.repeat(998)}\r\n${END}`, sizes).longest).toBe(998);
    expect(decode(`${'x'.repeat(999)}\r\nab\r\n${END}`, sizes).longest).toBe(999);
    // The stuffing is not part of the line.
    expect(decode(`..${'x'.repeat(997)}\r\n${END}`, sizes).longest).toBe(998);
  }
  expect(decode('x'.repeat(5000), [100]).longest).toBe(5000);
  // Nor is the end of the message a line, wherever it is cut.
  for (const sizes of chunkings(END)) expect(decode(END, sizes).longest).toBe(0);
});

const awkward = fc
  .array(
    fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom('\r\n', '.', '\r\n.', '..', '\r', '\n', '\0', '\xff', 'x'.repeat(1500)) },
      fc.string({ maxLength: 40 }),
    ),
    {
      maxLength: 60,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')).toString('latin1'));

test('any chunking gives the same message', () => {
  fc.assert(
    fc.property(
      awkward,
      fc.array(fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 8 })), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.integer({ min: 0, max: 3 }),
      (text, sizes, before) => {
        const wire = `${text}\r\n.\r\n`;
        expect(decode(wire, sizes, before)).toEqual(decode(wire));
      },
    ),
  );
});

test('what is looked at by four bytes is what is looked at by one', () => {
  const odd = ['\r', '\n', '\0', '\t', '\v', '\x0d\x0e', '\x0e', '\x7f', '\x80', '\xff', '\r\n', '\r\n..', '\n\x80\r'];
  for (const piece of odd)
    for (let place = 0; place < 12; place++) {
      const wire = `${'x'.repeat(130 + place)}${piece}${'y'.repeat(140)}\r\n.\r\n`;
      const byBytes = decode(wire, [1]);
      // Wherever in memory the chunk begins.
      for (let before = 0; before < 4; before++)
        for (const sizes of [[], [1], [2], [3, 200]]) expect(decode(wire, sizes, before)).toEqual(byBytes);
    }
});

test('unstuffing undoes stuffing', () => {
  fc.assert(
    fc.property(awkward, fc.integer({ min: 1, max: 3000 }), (text, size) => {
      // A client that keeps the rules: no bare CR or LF.
      const content = `${text.replace(/\r\n?|\n/g, '\r\n')}\r\n`;
      expect(decode(stuff(content), [size])).toMatchObject({ content, bare: false });
    }),
  );
});

test('whatever comes in, lines of what goes out end with CR LF only', () => {
  fc.assert(
    fc.property(awkward, (text) => {
      expect(decode(`${text}\r\n.\r\n`).content.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }),
  );
});

test.each([
  ['lines of dots', '..\r\n'],
  ['empty lines', '\r\n'],
  ['bare LF', '\n'],
  ['bare CR', '\r'],
  ['NUL', '\0'],
  ['one endless line', 'x'],
  ['dots and CR', '\r\n.\r'],
])('8 MB of %s take linear time, in slices that block nobody', (_what, unit) => {
  const chunk = Buffer.alloc(65_536, unit, 'latin1');
  const budget = new MemoryBudget(() => Number.MAX_SAFE_INTEGER);
  const decoder = new MessageDecoder(new ContentCollector({ budget, limitBytes: 1e9, reservedBytes: 0 }));
  // CPU time of this thread, since the machine has other work too.
  const cpuMs = () => process.threadCpuUsage().user / 1000;
  let slowestMs = 0;
  const began = cpuMs();
  for (let i = 0; i < 128; i++) {
    const sliceBegan = cpuMs();
    expect(decoder.write(chunk, 0)).toBe(-1);
    slowestMs = Math.max(slowestMs, cpuMs() - sliceBegan);
  }
  expect(cpuMs() - began).toBeLessThan(1_000);
  expect(slowestMs).toBeLessThan(50);
});
