import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Board } from '../scripts/bench/board.ts';
import { median, quantile, type Row } from '../scripts/bench/figures.ts';
import { ROOT } from './architecture/source-tree.ts';

const run = promisify(execFile);

test('the benchmark measures relevo and finds every message', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-bench-test-'));
  try {
    const file = join(folder, 'figures.json');
    const few = ['--messages', '50', '--pairs', '1', '--scratch', folder, '--json', file];
    const of = ['--cell', '4k', '--peer', 'relevo', '--engine', 'embedded', '--workers', '1'];
    const { stdout } = await run(process.execPath, ['scripts/bench.ts', ...few, ...of], { cwd: ROOT });
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] };
    expect(rows).toMatchObject([{ peer: 'relevo', runs: 1, broken: null }]);
    expect(rows[0]?.figures.perSecond).toBeGreaterThan(0);
    expect(rows[0]?.figures.cpuPer1000).toBeGreaterThan(0);
    expect(stdout).toMatch(/^\| 4 KB, 20 sessions, one a connection \| relevo \|.*\| holds \|$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a message that is lost, one that nobody acknowledged and one that came twice are seen', () => {
  const board = new Board(10);
  for (const number of [0, 1, 2]) board.tellAcknowledged(number);
  for (const number of [0, 2, 2, 7]) board.tellArrived(number);
  expect(board.gaps(0, 10)).toEqual({ lost: 1, unasked: 1 });
  expect([board.acknowledged, board.arrived, board.copies]).toEqual([3, 3, 1]);
  // Another thread sees the same.
  expect(new Board(board.memory).gaps(0, 10)).toEqual({ lost: 1, unasked: 1 });
});

test('medians and quantiles are those of the field', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([7])).toBe(7);
  const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
  expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1)]).toEqual([50, 99, 100]);
});
