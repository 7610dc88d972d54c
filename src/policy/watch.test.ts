import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
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
  return { file, include, clock, watch, pass, changes: () => changes };
}

test('a change is told once, when it has come to rest', async () => {
  const { file, watch, pass, changes } = await start();
  writeFileSync(file, 'tw');
  await pass(300);
  writeFileSync(file, 'two');
  await pass(80);
  writeFileSync(file, 'two, and more');
  await pass(80);
  expect(changes()).toBe(0);
  await pass(80);
  expect(changes()).toBe(1);
  for (let looks = 0; looks < 5; looks++) await pass(300);
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('the same size, another content; another file of the same content; no file: each is a change', async () => {
  const { file, watch, pass, changes } = await start();
  const rest = async () => {
    await pass(300);
    await pass(80);
  };
  writeFileSync(file, 'eno');
  await rest();
  expect(changes()).toBe(1);
  writeFileSync(`${file}.new`, 'eno');
  renameSync(`${file}.new`, file);
  await rest();
  expect(changes()).toBe(2);
  rmSync(file);
  await rest();
  expect(changes()).toBe(3);
  watch[Symbol.dispose]();
});

test('a file that is added is looked at from then on', async () => {
  const { file, include, watch, pass, changes } = await start();
  writeFileSync(include, 'one');
  expect(await watch.setFiles([file, include])).toBe(true);
  expect(await watch.setFiles([file, include])).toBe(false);
  writeFileSync(include, 'two');
  await pass(300);
  await pass(80);
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('rest is denied where something changed, and the change is told', async () => {
  const { file, watch, pass, changes, clock } = await start();
  const calm = watch.isAtRest(240);
  await clock.advance(240);
  expect(await calm).toBe(true);
  const disturbed = watch.isAtRest(240);
  writeFileSync(file, 'two');
  await pass(240);
  await pass(80);
  expect(await disturbed).toBe(false);
  expect(changes()).toBe(1);
  watch[Symbol.dispose]();
});

test('the end ends a wait, and nothing is told after it', async () => {
  const { file, watch, changes, clock } = await start();
  const waiting = watch.isAtRest(240);
  writeFileSync(file, 'two');
  watch[Symbol.dispose]();
  expect(await waiting).toBe(false);
  expect(clock.pending).toBe(0);
  expect(changes()).toBe(0);
});
