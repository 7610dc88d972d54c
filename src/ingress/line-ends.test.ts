import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withLineEnds } from './line-ends.ts';

/** What the text is, told the short way. */
function expectedOf(content: Buffer): { text: string; longestLine: number } {
  const lines = content.toString('latin1').split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return {
    text: lines.map((line) => `${line}\r\n`).join(''),
    longestLine: lines.reduce((longest, line) => Math.max(longest, line.length), 0),
  };
}

test('CR, LF and CR LF end a line, wherever a slice ends', async () => {
  const piece = fc.constantFrom('a', 'line', '\r', '\n', '\r\n', '\xe9', '.');
  const runs = fc.array(fc.tuple(piece, fc.constantFrom(1, 2, 65_536, 262_143)), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(runs, async (parts) => {
      const content = Buffer.from(parts.map(([text, times]) => text.repeat(times)).join(''), 'latin1');
      const { text, longestLine } = await withLineEnds(content);
      const { text: rightText, longestLine: rightLongest } = expectedOf(content);
      expect(text.equals(Buffer.from(rightText, 'latin1'))).toBe(true);
      expect(longestLine).toBe(rightLongest);
    }),
    { numRuns: 30 },
  );
});
