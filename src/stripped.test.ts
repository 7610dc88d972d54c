import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { strippedSource } from './stripped.ts';

const SOURCE = `/** “Typed” → ünd */
export type Size = number;
export const size: Size = 1;
`;

function folders() {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-stripped-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [source, kept] = [join(folder, 'size.ts'), join(folder, 'kept/here')];
  writeFileSync(source, SOURCE);
  return { source, kept };
}

/** What the source exports as `size`, and in which line. */
async function sizeIn(stripped: string) {
  const line = stripped.split('\n').findIndex((one) => one.includes('export const size')) + 1;
  const url = `data:text/javascript,${encodeURIComponent(stripped)}`;
  const { size } = (await import(/* @vite-ignore */ url)) as { size: unknown };
  return { size, line };
}

test('a source runs without its types, where it was, and all of its text is kept', async () => {
  const { source, kept } = folders();
  const made = strippedSource(source, kept);
  expect(await sizeIn(made)).toEqual({ size: 1, line: 3 });
  expect(made).toContain('/** “Typed” → ünd */');
  expect(strippedSource(source, kept)).toBe(made);
});

test('the second time nothing is made', () => {
  const { source, kept } = folders();
  strippedSource(source, kept);
  const [name = ''] = readdirSync(kept);
  const file = join(kept, name);
  const before = statSync(file);
  expect(strippedSource(source, kept)).toContain('= 1');
  expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
});

test('a source that changed is made anew, in the same place', () => {
  const { source, kept } = folders();
  strippedSource(source, kept);
  writeFileSync(source, SOURCE.replace('= 1', '= 2'));
  expect(strippedSource(source, kept)).toContain('= 2');
  expect(readdirSync(kept)).toHaveLength(1);
});

test('what a power failure left half of is made anew', () => {
  const { source, kept } = folders();
  const made = strippedSource(source, kept);
  const [name = ''] = readdirSync(kept);
  for (const bytes of [0, 10, 128, 129, 150]) {
    writeFileSync(join(kept, name), readFileSync(join(kept, name)).subarray(0, bytes));
    expect(strippedSource(source, kept)).toBe(made);
  }
});

test('where nothing can be kept, it is made each time', () => {
  const { source, kept } = folders();
  mkdirSync(join(kept, '..'));
  writeFileSync(kept, 'a file, no folder');
  expect(strippedSource(source, kept)).toContain('= 1');
  expect(strippedSource(source, kept)).toContain('= 1');
  expect(readFileSync(kept, 'utf8')).toBe('a file, no folder');
});
