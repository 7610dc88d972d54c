import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPLY_PATTERNS } from '../message/reply-patterns.ts';
import { repliesReference } from './replies-reference.ts';

test('docs/replies.md is what the table of replies says', () => {
  const file = join(import.meta.dirname, '../../docs/replies.md');
  expect(readFileSync(file, 'utf8')).toBe(repliesReference());
});

test('its table has a line for each row, in the order in which they are tried', () => {
  const lines = repliesReference()
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line));
  expect(lines).toHaveLength(REPLY_PATTERNS.length);
  for (const [at, line] of lines.entries()) expect(line.split(/(?<!\\)\|/).length, String(at)).toBe(10);
});
