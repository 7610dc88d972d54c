import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { watchFiles } from './watch.ts';

/** Real files and a clock that stands still: what a look sees is decided here, and no time passes meanwhile. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-watch-'));
  const [file, include] = [join(folder, 'a.yaml'), join(folder, 'secret')];
  writeFileSync(file, 'one');
  const clock = new FakeClock();
  let changes = 0;
  const onChange = () => void (changes += 1);
  const watch = await watchFiles({ files: [file], clock, onChange, watchFolder: () => null });
  /** Lets the time pass and then the look, which reads the real file system, come to its next wait. */
  const pass = async (delayMs: number) => {
    await clock.advance(delayMs);
    await expect.poll(() => clock.pending).toBe(1);
  };
  /** As long as a file must rest before it is taken for whole. */
  const rest = async () => {
    for (let step = 0; step < 5; step++) await pass(80);
  };
  return { file, include, clock, watch, pass, rest, changes: () => changes };
}

test('a change is told once, when it has come to rest', async () => {
  const { file, watch, pass, rest, changes } = await start();
  writeFileSync(file, 'tw');
  await pass(200);
  writeFileSync(file, 'two');
  await rest();
  writeFileSync(file, 'two, and more');
  await rest();
  expect(changes()).toBe(0);
  await pass(80);
  expect(changes()).toBe(1);
  for (let looks = 0; looks < 5; looks++) await pass(200);
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('the same size, another content; another file of the same content; no file: each is a change', async () => {
  const { file, watch, pass, rest, changes } = await start();
  const look = async () => {
    await pass(200);
    await rest();
  };
  writeFileSync(file, 'eno');
  await look();
  expect(changes()).toBe(1);
  writeFileSync(`${file}.new`, 'eno');
  renameSync(`${file}.new`, file);
  await look();
  expect(changes()).toBe(2);
  rmSync(file);
  await look();
  expect(changes()).toBe(3);
  watch[Symbol.dispose]();
});

test('a file that is added is looked at from then on', async () => {
  const { file, include, watch, pass, rest, changes } = await start();
  writeFileSync(include, 'one');
  expect(await watch.setFiles([file, include])).toBe(true);
  expect(await watch.setFiles([file, include])).toBe(false);
  writeFileSync(include, 'two');
  await pass(200);
  await rest();
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('what changed since it was read is told, once it rests', async () => {
  const { file, watch, rest, changes } = await start();
  const seen = watch.changes();
  expect(await watch.isStill(seen)).toBe(true);
  writeFileSync(file, 'two');
  const still = watch.isStill(seen);
  await expect.poll(() => watch.changes()).toBe(seen + 1);
  expect(changes()).toBe(0);
  await rest();
  expect(await still).toBe(false);
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('the end ends a wait, and nothing is told after it', async () => {
  const { file, watch, changes, clock } = await start();
  writeFileSync(file, 'two');
  const waiting = watch.isStill(watch.changes());
  watch[Symbol.dispose]();
  expect(await waiting).toBe(false);
  expect(clock.pending).toBe(0);
  expect(changes()).toBe(0);
});
