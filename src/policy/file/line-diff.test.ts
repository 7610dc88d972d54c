import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changedLines, unifiedText } from './line-diff.ts';

test('a changed line stands between the lines around it, with its numbers', () => {
  const from = 'a\nb\nc\nd\ne\nf\n';
  const changes = changedLines(from, 'a\nb\nc\nD\ne\nf\n', 1);
  expect(unifiedText(changes)).toBe('@@ -3,3 +3,3 @@\n c\n-d\n+D\n e\n');
});

test('changes that are far from each other are told apart', () => {
  const lines = Array.from({ length: 30 }, (_, place) => `line ${place}`);
  const to = lines.with(2, 'two').with(25, 'twenty-five');
  const text = unifiedText(changedLines(lines.join('\n'), to.join('\n')));
  expect(text.match(/^@@.*@@$/gm)).toEqual(['@@ -1,6 +1,6 @@', '@@ -23,7 +23,7 @@']);
});

test('equal texts have nothing to tell', () => {
  expect(changedLines('a\nb\n', 'a\nb\n')).toEqual([]);
});

test('with all lines around it, the changes make one text of the other', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (from, to) => {
      const changes = changedLines(`${from.join('\n')}\n`, `${to.join('\n')}\n`, 1_000);
      if (changes.length === 0) return from.join('\n') === to.join('\n');
      const side = (without: string): string[] =>
        changes.filter(({ kind }) => kind !== without).map((change) => change.text);
      expect(side('added')).toEqual(from.length === 0 ? [''].slice(0, side('added').length) : withoutLast(from));
      expect(side('removed')).toEqual(to.length === 0 ? [''].slice(0, side('removed').length) : withoutLast(to));
      return true;
    }),
  );
});

/** A text's last line feed ends its last line. */
function withoutLast(lines: readonly string[]): readonly string[] {
  return `${lines.join('\n')}\n`.split('\n').slice(0, -1);
}

test('two long texts that have nothing in common are told as two blocks', () => {
  const [from, to] = ['a', 'b'].map((letter) => Array.from({ length: 3_000 }, (_, place) => `${letter}${place}`));
  const changes = changedLines(from?.join('\n') ?? '', to?.join('\n') ?? '');
  expect([changes.length, changes[0]?.kind, changes.at(-1)?.kind]).toEqual([6_000, 'removed', 'added']);
});
